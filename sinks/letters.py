"""What could not be taken, or came too late, as operators ask for it; and the record of what they had replayed.

It decides how letters are found and counted. What a letter would come to today is not decided here. Times are ms UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from sinks.clickhouse import ClickHouse, Row
from sinks.pipelines import writer
from sinks.streaming import stream
from streams.domain.vocabulary import CHANNELS

Kind = Literal["dead", "late"]
#: Table, and the columns that dead letters have and late touchpoints are given.
_SOURCES: dict[Kind, str] = {
    "dead": "SELECT topic, partition, offset, channel, reason, field, value, expected, received_at, key, original,"
    " toUInt16(bitShiftRight(version, 48)) AS epoch FROM dead_letters FINAL",
    "late": "SELECT topic, partition, offset, channel, 'late' AS reason, 'occurred_at' AS field,"
    " toString(toUnixTimestamp64Milli(occurred_at)) AS value,"
    " concat(toString(late_by_ms), ' ms behind the newest of its partition') AS expected, received_at, key, original,"
    " toUInt16(bitShiftRight(version, 48)) AS epoch FROM late_touchpoints FINAL",
}
#: Topics that all pipelines read: a letter of theirs is the same one in each.
SHARED = tuple(f"touchpoints.{channel}" for channel in CHANNELS)
_REPLAYED = """
SELECT topic, partition, offset, epoch, argMax(outcome, replayed_at) AS replayed, max(replayed_at) AS last
FROM replays FINAL
WHERE kind = %(kind)s AND (topic IN %(shared)s OR namespace = (SELECT argMax(namespace, since) FROM pipelines FINAL))
GROUP BY topic, partition, offset, epoch
"""
_LETTERS = """
SELECT {columns} FROM ({source}) AS letters
LEFT ANY JOIN ({replayed}) AS replays USING (topic, partition, offset, epoch) {where}
"""
_EACH = (
    "topic, partition, offset, channel, reason, field, value, expected, toUnixTimestamp64Milli(received_at),"
    " isNull(key), hex(ifNull(key, '')), hex(original), replayed, toUnixTimestamp64Milli(replays.last), epoch"
)
_GROUPED = (
    "reason, field, topic, count(), countIf(replayed != ''), toUnixTimestamp64Milli(min(received_at)),"
    " toUnixTimestamp64Milli(max(received_at))"
)
_COLUMNS = (
    "topic",
    "partition",
    "offset",
    "epoch",
    "namespace",
    "kind",
    "outcome",
    "mended",
    "selection",
    "replayed_by",
    "replayed_at",
)


class Selection(NamedTuple):
    """Which letters: each condition holds where it is given; times are of receipt. ``open``: not replayed before."""

    kind: Kind
    reason: str = ""
    topic: str = ""
    since: int | None = None
    until: int | None = None
    id: str = ""
    open: bool = False

    @property
    def text(self) -> str:
        """In the words of the command line."""
        given = {name: value for name, value in self._asdict().items() if value not in ("", None, False)}
        told = [f"{name}={value}" for name, value in given.items() if name not in ("kind", "open")]
        return " ".join(told) or "all"


class Letter(NamedTuple):
    """One of them. ``received_at`` in ms UTC; ``replayed``: the outcome of its last replay, '' where it had none, and
    when that was. ``epoch``: of the log it was written to."""

    topic: str
    partition: int
    offset: int
    channel: str
    reason: str
    field: str
    value: str
    expected: str
    received_at: int
    key: bytes | None
    original: bytes
    replayed: str
    replayed_at: int
    epoch: int = 0

    @property
    def id(self) -> str:
        """Where it was read, as its topic's own key says."""
        return f"{self.topic}-{self.partition}-{self.offset}"


class Group(NamedTuple):
    """Letters of one topic with one reason and field: how many, how many of them were replayed, first and last receipt
    in ms UTC."""

    reason: str
    field: str
    topic: str
    letters: int
    replayed: int
    first: int
    last: int


class Replayed(NamedTuple):
    """What became of ``letter`` when it was replayed; ``mended``: fields that were set anew."""

    letter: Letter
    outcome: Literal["sent", "inserted", "duplicate"]
    mended: Sequence[str] = ()


def groups(url: str, selection: Selection) -> list[Group]:
    """The letters counted, most first. Raises Unreachable or Misconfigured (`sinks.clickhouse`), as all here."""
    sql, params = _query(selection, _GROUPED)
    with ClickHouse(url) as client:
        return [
            Group._make(row) for row in client.query(f"{sql} GROUP BY reason, field, topic ORDER BY 4 DESC", params)
        ]


def letters(url: str, selection: Selection, limit: int | None = None, newest: bool = False) -> Iterator[Letter]:
    """The letters in the order of their receipt, as a stream; ``limit`` of them at most, the ``newest`` first."""
    sql, params = _query(selection, _EACH)
    order = f"ORDER BY received_at {'DESC' if newest else ''}, topic, partition, offset"
    ended = f"{sql} {order}" + ("" if limit is None else f" LIMIT {limit}")
    return map(_letter, stream(url, ended, params))


def write(url: str, replayed: Iterable[Replayed], selection: Selection, by: str, at: int) -> None:
    """Log what was ``replayed`` ``by`` somebody ``at`` ms UTC; saying it again changes nothing."""
    told = [*replayed]
    if told:
        with ClickHouse(url) as client:
            own = writer(client).namespace
            rows = [
                (
                    *one.letter[:3],
                    one.letter.epoch,
                    "" if one.letter.topic in SHARED else own,
                    selection.kind,
                    one.outcome,
                    [*one.mended],
                    selection.text,
                    by,
                    at,
                    at,
                )
                for one in told
            ]
            client.insert("replays", (*_COLUMNS, "version"), [[*column] for column in zip(*rows, strict=True)])


def _query(selection: Selection, columns: str) -> tuple[str, dict[str, object]]:
    """``columns`` of the letters in ``selection``, and the parameters of that."""
    conditions = {
        "reason": "reason = %(reason)s",
        "topic": "topic = %(topic)s",
        "since": "letters.received_at >= fromUnixTimestamp64Milli(%(since)s)",
        "until": "letters.received_at < fromUnixTimestamp64Milli(%(until)s)",
        "id": "concat(topic, '-', toString(partition), '-', toString(offset)) = %(id)s",
        "open": "replayed = ''",
    }
    given = [sql for name, sql in conditions.items() if getattr(selection, name) not in ("", None, False)]
    where = f"WHERE {' AND '.join(given)}" if given else ""
    sql = _LETTERS.format(columns=columns, source=_SOURCES[selection.kind], replayed=_REPLAYED, where=where)
    return sql, {**selection._asdict(), "shared": SHARED}


def _letter(row: Row) -> Letter:
    *told, has_no_key, key, original, replayed, replayed_at, epoch = row
    key_bytes = None if has_no_key else bytes.fromhex(key)
    return Letter._make((*told, key_bytes, bytes.fromhex(original), replayed, replayed_at, epoch))
