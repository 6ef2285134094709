"""Whether every record that was read came to an end: two counts that know nothing of each other, of all time.

    read     offsets that the fence has passed, less those at which the broker had nothing: the runtime counts them
    ended    records that the stage says it has made something of, each once (`View.account`)

Both are kept beside the fence and written in its batch, so they are of the same records at any moment, whatever
crashes, is bisected or moves to another worker. Their difference is 0 unless a stage loses records or counts them
twice.

What was read before there were accounts, or by a version without them, is in neither: such a version moves the fence
and not the accounts, which shows, and they begin anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from streams.runtime.store import Fence
    from streams.runtime.task import Piece

ACCOUNTS = b"\x04"


class Account(NamedTuple):
    """Records of one input; ``next``: where the fence stood when this was written."""

    read: int
    ended: int
    next: int

    @property
    def difference(self) -> int:
        """Above 0: so many records are lost. Below: so many were counted twice."""
        return self.read - self.ended


Accounted = Mapping[str, Account]


def unpack(packed: bytes | None, fence: Fence) -> dict[str, Account]:
    """By topic, what is in the entry ``packed`` and goes with ``fence``."""
    kept = {} if packed is None else msgspec.msgpack.decode(packed, type=dict[str, Account])
    return {topic: account for topic, account in kept.items() if account.next == fence.next.get(topic)}


class Accounts:
    """Of one partition, for one generation; ``kept`` is what was written last."""

    def __init__(self, topics: frozenset[str], kept: Accounted) -> None:
        self._topics = topics
        self._kept = dict(kept)
        #: Up to where each topic was passed in this generation.
        self._passed: dict[str, int] = {}

    def advanced(self, pieces: Sequence[Piece], ended: Mapping[str, int], fence: Fence) -> dict[str, Account]:
        """What is to be written with ``fence``, which passes ``pieces``, of which ``ended`` records have ended; nothing
        where none of them is accounted for."""
        passing = self._topics & {piece.log.topic for piece in pieces}
        accounts = dict(self._kept) if passing else {}
        for topic in passing:
            own = [piece for piece in pieces if piece.log.topic == topic]
            nothing_there = sum(piece.end - piece.start - len(piece.records) for piece in own)
            read = own[-1].end - self._passed.get(topic, own[0].start) - nothing_there
            before = accounts.get(topic, Account(0, 0, 0))
            accounts[topic] = Account(before.read + read, before.ended + ended.get(topic, 0), fence.next.get(topic, 0))
        return accounts

    def settle(self, accounts: Accounted) -> None:
        """``accounts``, which `advanced` gave, are durable."""
        self._passed |= {topic: accounts[topic].next for topic in accounts if accounts[topic] != self._kept.get(topic)}
        self._kept |= accounts


def pack(accounts: Accounted) -> tuple[bytes, bytes]:
    """The entry of the state that holds ``accounts``."""
    return ACCOUNTS, msgspec.msgpack.encode(accounts)
