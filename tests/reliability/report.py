"""The table of docs/reliability.md: one row a fault, of the results that are kept."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from tests.reliability.running import Result

BEGIN = "<!-- the table: python -m tests.reliability --report docs/reliability.md -->"
END = "<!-- the end of the table -->"
HEADER = (
    "| fault | injected | whole again, s | lost | counted twice | verify | what told of it, what else was seen | run |",
    "|---|---|---|---|---|---|---|---|",
)
#: What is told of metrics: those that rose.
ROSE = (
    "journey_sink_retries_total",
    "journey_sink_rejected_total",
    "journey_stage_rebalances_total",
    "journey_stage_superseded_total",
    "journey_stage_rereads_total",
    "journey_stage_state_set_aside_total",
    "journey_stage_buried_total",
    "journey_stage_gone_records_total",
    "journey_invariant_violations_total",
)


class NoTable(ValueError):
    """The file has no place for the table; the message says what was expected."""


def write(path: Path, results: Iterable[Result]) -> None:
    """Put the table between the two marks in ``path``; NoTable where they are not there."""
    text = path.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise NoTable(f"{path}: expected the lines {BEGIN!r} and {END!r}")
    table = "\n".join([*HEADER, *map(row, results)])
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_text(f"{head}{BEGIN}\n{table}\n{END}{tail}", encoding="utf-8")
    scratch.replace(path)


def row(result: Result) -> str:
    """One line of the table."""
    if result.status in ("impossible", "not run"):
        return _line(result.name, result.told, "not run", "", "", "", result.why, "")
    failed = f"**failed**: {result.why}. " if result.status == "failed" else ""
    judged = bool(result.verify)
    return _line(
        result.name,
        result.told,
        seconds(result.whole_s),
        f"{result.lost} of {result.read:,}" if judged else "",
        str(result.twice) if judged else "",
        result.verify,
        failed + "; ".join([*_ends(result), *_rises(result), *result.notes, f"most lag {_lag(result)}"]),
        ", ".join(filter(None, [result.commit, result.began, f"load {result.load:g}"])),
    )


def seconds(whole_s: list[float]) -> str:
    """One figure, or the least, the median and the most of several."""
    if not whole_s:
        return "not in time"
    if len(whole_s) == 1:
        return f"{whole_s[0]:.1f}"
    return " / ".join(f"{value:.1f}" for value in (min(whole_s), median(whole_s), max(whole_s)))


def _ends(result: Result) -> list[str]:
    return [
        f"{process} ended {restarts} {'time' if restarts == 1 else 'times'} ({code})"
        for process, (restarts, code) in result.restarts.items()
    ]


def _rises(result: Result) -> list[str]:
    return [f"`{name}` +{result.metrics[name]:.0f}" for name in ROSE if result.metrics.get(name)]


def _lag(result: Result) -> str:
    group, most = max(result.most_lag.items(), key=lambda item: item[1], default=("", 0))
    return f"{most:,} ({group})"


def _line(*cells: str) -> str:
    return f"| {' | '.join(' '.join(cell.replace('|', '/').split()) for cell in cells)} |"
