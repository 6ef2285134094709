"""What follows from one link or correction: identifiers that moved, and links that count for nothing or do so again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from streams.domain.identifiers import Identifier
from streams.domain.identity.definition import OVERFLOW
from streams.domain.identity.entries import customer_text
from streams.domain.identity.links import Date, Pair


class Move(NamedTuple):
    """``identifiers``, sorted by their texts, left the customer ``left`` for ``joined``, both customer_ids;
    ``emptied``: nothing stayed."""

    left: str
    joined: str
    identifiers: Sequence[Identifier]
    emptied: bool


class Violation(NamedTuple):
    """A link in force counts for nothing, and why; ``reason`` '': no longer so. ``date`` is the link's."""

    pair: Pair
    reason: str
    date: Date


class Changes(NamedTuple):
    """All that one link or correction changed.

    How many more there are of ``islands`` beyond the limits, ``shared`` identifiers and ``overflowing`` links, or less;
    how many links were ``recut``; which invariants were found ``broken``.
    """

    moves: Sequence[Move] = ()
    violations: Sequence[Violation] = ()
    islands: int = 0
    shared: int = 0
    overflowing: int = 0
    recut: int = 0
    broken: Sequence[str] = ()


#: Why a link counted for nothing, if it did, and its date, if it was in force.
Told = tuple[str, Date | None]


class Telling:
    """Collects the changes of one record; ``version`` is told with them."""

    islands = 0
    shared = 0
    overflowing = 0
    recut = 0

    def __init__(self, version: int) -> None:
        self.version = version
        self.broken: list[str] = []
        self._moved: list[tuple[Identifier, bytes, bytes, bytes]] = []
        self._stood: dict[Pair, tuple[Told, Told]] = {}

    def moved(self, identifier: Identifier, key: bytes, left: bytes, joined: bytes, version: int) -> None:
        """``identifier``, whose own is ``key``, goes from the customer last told, with ``version``, to another one; at
        most once a record."""
        if version >= self.version:
            self.broken.append("identity's versions rise")
        self._moved.append((identifier, key, left, joined))

    def stood(self, pair: Pair, before: Told, after: Told) -> None:
        """``pair`` counted for nothing, or not, and does so now, or not."""
        self.overflowing += (after[0] == OVERFLOW) - (before[0] == OVERFLOW)
        first = self._stood.get(pair)
        self._stood[pair] = (before if first is None else first[0], after)

    def changes(self) -> Changes:
        """All of it."""
        moves = self._moves() if self._moved else ()
        violations = self._violations() if self._stood else ()
        return Changes(moves, violations, self.islands, self.shared, self.overflowing, self.recut, self.broken)

    def _moves(self) -> list[Move]:
        if len(self._moved) == 1:  # most
            ((identifier, key, left, joined),) = self._moved
            return [Move(customer_text(left), customer_text(joined), (identifier,), left == key)]
        found: dict[tuple[bytes, bytes], list[Identifier]] = defaultdict(list)
        for identifier, _, left, joined in self._moved:
            found[left, joined].append(identifier)
        gone = {key for _, key, _, _ in self._moved}
        return [
            # Where the canonical identifier has gone nothing is left.
            Move(customer_text(left), customer_text(joined), sorted(ones, key=_text), left in gone)
            for (left, joined), ones in sorted(found.items())
        ]

    def _violations(self) -> list[Violation]:
        found = []
        for pair, (before, after) in self._stood.items():
            if before != after:
                date = after[1] or before[1]
                assert date is not None  # noqa: S101 - one of them has a reason, so it was in force
                found.append(Violation(pair, after[0], date))
        return sorted(found)


def _text(identifier: Identifier) -> str:
    return identifier.text
