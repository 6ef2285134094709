"""Rules of alerts that take seconds where they take minutes, and are the same otherwise."""

from __future__ import annotations

import re
from pathlib import Path

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = r"(?:\d+(?:ms|[smhdw]))+"
#: After a key of YAML, in a range and as its step, behind an offset; nowhere else does a rule say how long.
_WHERE = re.compile(
    rf"(?P<before>^\s*(?:-\s+)?(?:for|interval|group_wait|group_interval|repeat_interval):\s*|\[|(?<=\d[smhdw]):|\boffset\s+)(?P<long>{_DURATION})\b",
    re.M,
)


def quickened(text: str, factor: int) -> str:
    """``text`` of a rule file or of Alertmanager's configuration with every duration divided by ``factor``, at least
    100 ms. Numbers without a unit, such as thresholds, stay."""
    return _WHERE.sub(lambda found: found["before"] + _divided(found["long"], factor), text)


def _divided(duration: str, factor: int) -> str:
    parts = re.findall(r"(\d+)(ms|[smhdw])", duration)
    return f"{max(100, sum(int(number) * _UNITS[unit] for number, unit in parts) // factor)}ms"


def quicken(folder: Path, factor: int, scrape: str = "1s") -> None:
    """Do it to a copy of deploy/prometheus in ``folder``; Prometheus asks and decides every ``scrape``."""
    for path in [*(folder / "rules").glob("*.yaml"), folder / "alertmanager.yml"]:
        path.write_text(quickened(path.read_text("utf-8"), factor), "utf-8")
    main = folder / "prometheus.yml"
    changed, times = re.subn(
        r"(scrape_interval|scrape_timeout|evaluation_interval): \w+", rf"\1: {scrape}", main.read_text("utf-8")
    )
    assert times == 3
    main.write_text(changed, "utf-8")
