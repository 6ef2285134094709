"""What a stage is to the runtime: steps over batches of records, a view of keyed state, outputs.

    records of one topic and partition --fold--> state changes, outputs
    keys that changed in the batch     --emit--> one output for each, its final row or its tombstone

A stage never sees an offset commit, a producer or a store. The state after each record must be a function of the log up
to that record: never of batch cuts, clocks or settings that a restart may change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

Headers = tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    """One Kafka record; ``timestamp_ms`` is the broker's LogAppendTime."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes
    headers: Headers = ()


class View(Protocol):
    """The keyed state of one partition: ordered by key, and a list of what must be emitted at the end of the batch."""

    partition: int

    def get(self, key: bytes) -> Any:
        """The value of ``key``, None where there is none."""

    def put(self, key: bytes, value: Any) -> None:
        """Set ``key``; ``value`` must not be changed afterwards."""

    def delete(self, key: bytes) -> None:
        """Remove ``key``; nothing happens where there is none."""

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, Any]]:
        """Entries with start <= key < stop in order of their keys. Not to be used further after a change."""

    def touch(self, key: bytes, version: int) -> None:
        """Have ``key`` emitted at the end of the batch; ``version`` is the offset that touched it last."""


class Out(Protocol):
    """Where a stage's records go; they are out before the batch counts as done."""

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        """Send to ``partition``, or to the one that Kafka's default partitioner gives ``key``."""


Outputs = TypeVar("Outputs", contravariant=True)


class Stage(Protocol[Outputs]):
    """``name`` is the consumer group; ``inputs`` are read co-partitioned; ``keeps_state``: folded again at each
    start."""

    name: str
    inputs: tuple[str, ...]
    keeps_state: bool

    def fold(self, records: Sequence[Record], view: View, out: Outputs) -> None:
        """Take records of one topic and partition, in order."""

    def emit(self, changed: Mapping[bytes, int], view: View, out: Outputs) -> None:
        """Send the final row, or the tombstone, of each key touched in the batch, with its version."""
