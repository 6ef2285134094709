"""The sample company: a seeded simulation of customers on five channels that the demo replays.

`simulation` plans and plays; `visits`, `shopping`, `mail`, `app`, `social` and `service` say what people do;
`customers` and `company` who and what there is; `faults` what goes wrong on the way; `draws` how chance is drawn.
"""

from streams.sample.simulation import MONDAY_2026_03_02, generate, to_ndjson

__all__ = ["MONDAY_2026_03_02", "generate", "to_ndjson"]
