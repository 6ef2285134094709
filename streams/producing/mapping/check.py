"""What a mapping makes of the beginning of a file: some touchpoints, every problem counted, what else one should know.

Nothing is sent. The rows go the way that `produce` takes them, up to the encoded record, and are decoded again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

import pyarrow.compute as pc

from schemas.columns import decode_columns
from schemas.conformance import Problem
from streams.domain.actor import MACHINE, judge
from streams.producing.mapping.addresses import REPLACEMENT
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.tables import Table
from streams.producing.mapping.touchpoints import Touchpoints
from streams.producing.rows import Heading, Message, Reject, Skipped
from streams.producing.sources import Sources, expand

SHOWN = 10
_JUDGED = ("channel", "action", "user_agent", "provider_machine")
ROWS = 10_000


@dataclass(slots=True)
class Tally:
    """A problem: in how many rows it is, and the first of them."""

    first: Problem
    line: int
    rows: int = 0


@dataclass(slots=True)
class Checked:
    """``shown`` are the first touchpoints with their lines. ``times`` are the earliest and latest, ms UTC.

    ``repeated`` rows have the event_id of an earlier one, ``conflicting`` of them say something else; in ``redacted``
    ones an e-mail address was taken out; ``machine`` ones are a machine's by INTAKE's rules. ``whole_days`` is true
    where every time of a row with a message_id is a midnight.
    """

    rows: int = 0
    touchpoints: int = 0
    skipped: int = 0
    rejected: int = 0
    shown: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    times: tuple[int, int] | None = None
    repeated: int = 0
    conflicting: int = 0
    redacted: int = 0
    machine: int = 0
    whole_days: bool = False
    empty: Sequence[str] = ()

    @property
    def problems(self) -> list[Tally]:
        """The most frequent first, then by line."""
        return sorted(self.tallies.values(), key=lambda tally: (-tally.rows, tally.line, tally.first))


def check(declared: Declared, paths: Sequence[str], stdin: BinaryIO, rows: int = ROWS) -> Checked:
    """Look at the first ``rows`` rows of ``paths``; InputError where one can't be read or lacks columns."""
    found, filled = Checked(), set[str]()
    messages: list[Message] = []
    for item in Touchpoints(declared).map(_first(Sources(expand(paths), stdin, declared), rows, filled)):
        if isinstance(item, Reject):
            _count(found, item)
        elif isinstance(item, Skipped):
            found.skipped += sum(item.by_channel.values())
        elif isinstance(item, list):
            messages += item
    found.touchpoints = len(messages)
    found.rows = found.touchpoints + found.skipped + found.rejected
    found.empty = [name for name in declared.columns if name not in filled and not declared.shape.may_lack(name)]
    _look_at(messages, found, _zone(declared))
    return found


def _first(items: Iterable[Any], rows: int, filled: set[str]) -> Iterator[Any]:
    """``items`` up to ``rows`` rows; the columns in which there was anything become ``filled``."""
    left = rows
    for item in items:
        if isinstance(item, Table):
            table = item.head(left)
            left -= len(table)
            filled.update(name for name, column in table.columns.items() if pc.any(pc.not_equal(column, "")).as_py())
            yield table
        elif isinstance(item, Reject):
            left -= 1
            yield item
        elif not isinstance(item, Heading):
            yield item
        if left <= 0:
            return


def _count(found: Checked, reject: Reject) -> None:
    found.rejected += 1
    for problem in dict.fromkeys(reject.problems):
        tally = found.tallies.setdefault((problem.field, problem.expected), Tally(problem, reject.line))
        tally.rows += 1


def _zone(declared: Declared) -> ZoneInfo:
    source = declared.fields.get("occurred_at")
    return ZoneInfo(source.options.get("time_zone", "UTC") if source is not None else "UTC")


def _look_at(messages: Sequence[Message], found: Checked, zone: ZoneInfo) -> None:
    if not messages:
        return
    decoded = decode_columns([message.value for message in messages], "touchpoint")
    times = decoded.column("occurred_at")
    found.times = min(times), max(times)
    of_messages = [at for at, message in zip(times, decoded.column("message_id"), strict=True) if message]
    found.whole_days = bool(of_messages) and all(_is_midnight(at, zone) for at in of_messages)
    events: dict[Any, bytes] = {}
    for message, event_id in zip(messages, decoded.column("event_id"), strict=True):
        first = events.setdefault((message.channel, message.key, event_id), message.value)
        found.conflicting += first != message.value
    found.repeated = len(messages) - len(events)
    found.redacted = sum(REPLACEMENT.encode() in message.value for message in messages)
    judged = zip(*(decoded.column(name) for name in _JUDGED), strict=True)
    found.machine = sum(judge(*one) == MACHINE for one in judged)
    records = decode_columns([message.value for message in messages[:SHOWN]], "touchpoint").records()
    found.shown = [(message.line, record) for message, record in zip(messages, records, strict=False)]


def _is_midnight(ms: int, zone: ZoneInfo) -> bool:
    return datetime.fromtimestamp(ms / 1000, zone).time() == time()
