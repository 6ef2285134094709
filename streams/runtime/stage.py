"""What a stage is to the runtime: steps over batches of records, a view of keyed state, outputs.

    records of one topic and partition --fold--> state changes, outputs
    keys touched in the batch          --emit--> one output for each, its final row or its tombstone
    a record on which a step raised    --bury--> a dead letter

A stage never sees an offset commit, a producer or a store. The state after each record must be a function of the log up
to that record: never of batch cuts, clocks or settings that a restart may change. Outputs are upserts: each has a key
and, in its value, a version, and whoever reads them takes the highest. A step that raises leaves nothing behind: what
it has put and sent is thrown away, and it is called again with fewer records. Whether a record makes it raise must not
depend on records behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from prometheus_client import Gauge

Headers = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """One Kafka record; ``timestamp`` is the broker's LogAppendTime, ms UTC. ``value`` None is a tombstone."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class PlainRecord(NamedTuple):
    """A `Record` made by hand; those from a broker are the client's own, which cost less."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Records(list[Record]):
    """Records of one topic and partition, in the order of their offsets, which may have holes."""

    __slots__ = ("partition", "topic")

    def __init__(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        super().__init__(records)
        self.topic = topic
        self.partition = partition


class Accounting(NamedTuple):
    """Inputs whose records end in one outcome each, which the stage tells the view, by what metrics call them; and the
    gauge that shows, by that name and partition, how many records were read and have not ended."""

    topics: Mapping[str, str]
    difference: Gauge


@dataclass(frozen=True, slots=True)
class Layout:
    """What a stage keeps: the types of its values, and which keys belong together.

    ``types`` maps the byte at ``kind_at`` of a key to the type of its value: anything that msgspec packs, best a
    NamedTuple (fields may be added at its end, with defaults). Entries whose keys begin with the same ``group_bytes``
    bytes are a group: read from disk at once, cached together, and a scan stays within one. None: there are no scans.
    Keys have two bytes or more. ``made_with`` names the settings that the entries depend on, for people: a state that
    was made with others is refused. ``accounting`` None: nobody counts what became of records. ``observe`` is called
    every few seconds with a way to get a value of each partition that is ours, to show what the state keeps count of.
    """

    types: Mapping[bytes, Any]
    kind_at: int = 0
    group_bytes: int | None = None
    made_with: str = ""
    accounting: Accounting | None = None
    observe: Callable[[Iterable[Callable[[bytes], Any]]], None] | None = None


class View(Protocol):
    """The keyed state of one partition: ordered by key, and a list of what must be emitted at the end of the batch."""

    partition: int

    def get(self, key: bytes) -> Any:
        """The value of ``key``, None where there is none."""

    def put(self, key: bytes, value: Any) -> None:
        """Set ``key``; ``value`` must not be None, nor be changed afterwards."""

    def delete(self, key: bytes) -> None:
        """Remove ``key``; nothing happens where there is none."""

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, Any]]:
        """Entries with start <= key < stop in order of their keys. Not to be used further after a change."""

    def touch(self, key: bytes, version: int) -> None:
        """Have ``key`` emitted at the end of the batch; ``version`` is the offset that touched it last."""

    def account(self, topic: str, records: int) -> None:
        """So many more records of ``topic`` have ended: they are held against those that were read."""


class Out(Protocol):
    """Where a stage's records go; they are out before the batch counts as done."""

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        """Send to ``partition``, or to the one that Kafka's default partitioner gives ``key``."""


Outputs = TypeVar("Outputs", contravariant=True)


class Stage(Protocol[Outputs]):
    """``name`` is the consumer group; ``inputs`` are read co-partitioned; ``layout`` None: the stage keeps no state."""

    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def layout(self) -> Layout | None: ...

    def fold(self, records: Records, view: View, out: Outputs) -> None:
        """Take records of one topic and partition, in order."""

    def emit(self, changed: Mapping[bytes, int], view: View, out: Outputs) -> None:
        """Send the final row, or the tombstone, of each key touched in the batch, with its version."""

    def bury(self, records: Records, cause: str, view: View, out: Outputs) -> None:
        """Take the one record that `fold` or `emit` raised on, as a dead letter; ``cause`` quotes no data."""
