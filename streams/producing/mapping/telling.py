"""What `omnijourney mapping check` prints: touchpoints as they would enter Kafka, problems by frequency, remarks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from streams.domain.rules import DAY_MS
from streams.producing.mapping.check import Checked
from streams.producing.mapping.declared import Declared

#: What a touchpoint has without anybody saying so.
_DEFAULTS: tuple[Any, ...] = (None, False, "UNKNOWN", {})
_FIRST = ("event_id", "channel", "occurred_at", "action", "identifiers")
_LATE_MS = 3 * DAY_MS


def lines(checked: Checked, declared: Declared, now: int) -> Iterator[str]:
    """The report, a line at a time; ``now`` in ms UTC."""
    for line, record in checked.shown:
        yield from _touchpoint(line, record)
    yield f"event_id: {declared.event_id_text}"
    yield (
        f"read {checked.rows:,} = touchpoints {checked.touchpoints:,} + rejected {checked.rejected:,}"
        + (f" + skipped {checked.skipped:,}" if checked.skipped else "")
    )
    for tally in checked.problems:
        place = f"{tally.first.field}: " if tally.first.field else ""
        example = f"first in line {tally.line}: {tally.first.value}"
        yield f"{tally.rows:>9,} rows  {place}expected {tally.first.expected} ({example})"
    yield from _remarks(checked, now)


def _touchpoint(line: int, record: Mapping[str, Any]) -> Iterator[str]:
    yield f"line {line}: {_time(record['occurred_at'])}  {record['channel']}  {record['action']}"
    yield f"    event_id {record['event_id']}"
    for entry in record["identifiers"]:
        yield f"    {entry['namespace']} {entry['value']}"
    for name, value in record.items():
        if name not in _FIRST and value not in _DEFAULTS:
            yield f"    {name} {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items() if inner is not None)
    text = str(value)
    return text if text.isprintable() else repr(text)


def _remarks(checked: Checked, now: int) -> Iterator[str]:
    if checked.times is not None:
        earliest, latest = checked.times
        yield f"occurred_at from {_time(earliest)} to {_time(latest)}"
        if latest > now:
            yield "remark: some are in the future, which INTAKE turns away: is the time zone or the unit right?"
        if earliest < now - _LATE_MS:
            yield "remark: some are more than 3 days old: produce them with --backfill, or they may be late"
    if checked.whole_days:
        yield (
            "remark: every time of a row with a message_id is a midnight: openings so near their delivery are suspect, "
            "and clicks so near each other a machine's burst; a column with the time of day is better"
        )
    if checked.repeated:
        yield f"remark: {checked.repeated:,} rows repeat the event_id of an earlier one, and count once"
    if checked.conflicting:
        yield (
            f"remark: {checked.conflicting:,} of them say something else than the earlier one, and INTAKE turns them "
            "away: event_id needs more columns"
        )
    if checked.redacted:
        yield f"remark: in {checked.redacted:,} rows an e-mail address was taken out of a text"
    if checked.machine:
        yield (
            f"remark: {checked.machine:,} rows will count as a machine's, by their user agent or because a page view "
            "on the web has none"
        )
    if checked.empty:
        yield f"remark: nothing in {', '.join(checked.empty)}, in any of these rows"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
