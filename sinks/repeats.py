"""Which touchpoints are there already, and what their producers said: to tell a duplicate from a conflict.

Compared is what the producer decides of a row; what is judged of it, and when it was received, is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sinks.streaming import stream
from sinks.tables import TOUCHPOINTS, Accepted

JUDGED = {
    *("direction", "mode", "actor", "rules_version", "marketing_channel", "has_acquisition", "campaign", "content"),
    *("received_at", "intake_partition", "backfill", "version"),
}
SAID = tuple(column for column in TOUCHPOINTS.columns if column not in JUDGED)
_SHOWN = {"occurred_at": "toUnixTimestamp64Milli(occurred_at)", "via_customer": "toString(via_customer)"}
_STORED = f"""
SELECT {", ".join(_SHOWN.get(column, column) for column in SAID)}
FROM touchpoints FINAL
PREWHERE (channel, via) IN (SELECT channel, via FROM asked)
WHERE (channel, via, event_id) IN (SELECT channel, via, event_id FROM asked)
"""  # noqa: S608 - composed of names of tables
_ASKED = [("channel", "String"), ("via", "String"), ("event_id", "String")]


class Identity(NamedTuple):
    """What makes two touchpoints the same one."""

    channel: str
    via: str
    event_id: str


def stored(url: str, identities: Sequence[Identity]) -> dict[Identity, Mapping[str, Any]]:
    """What was said by each of ``identities`` that is in the table. Raises Unreachable or Misconfigured."""
    if not identities:
        return {}
    asked = {"name": "asked", "structure": _ASKED, "data": [*identities]}
    found = (dict(zip(SAID, row, strict=True)) for row in stream(url, _STORED, tables=[asked]))
    return {Identity(row["channel"], row["via"], row["event_id"]): row for row in found}


def said(accepted: Accepted) -> list[Mapping[str, Any]]:
    """The same of touchpoints that aren't there yet."""
    data = dict(zip(TOUCHPOINTS.columns, TOUCHPOINTS.data_of(accepted, 0), strict=True))
    return [dict(zip(SAID, row, strict=True)) for row in zip(*(data[column] for column in SAID), strict=True)]
