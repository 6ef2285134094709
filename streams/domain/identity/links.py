"""What is said of a pair of identifiers: links, which are evidence, and corrections, an operator's word.

Decides how a pair is written, which links a touchpoint gives, and what of all that was said of one pair is in force.
What follows for customers is decided elsewhere (`streams.domain.identity.definition`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from streams.domain.identifiers import Identifier, rank, strength

Kind = Literal["asserted", "retracted", "lifted"]
ASSERTED: Kind = "asserted"
RETRACTED: Kind = "retracted"
LIFTED: Kind = "lifted"
#: Of two corrections that agree in time and id the later one here holds: nobody is joined by a doubt.
KINDS = (ASSERTED, LIFTED, RETRACTED)


class Pair(NamedTuple):
    """Two different identifiers, the stronger one first by (rank, namespace, value)."""

    stronger: Identifier
    weaker: Identifier


class Date(NamedTuple):
    """When something was evident: ms UTC, and event_id of the touchpoint, or correction_id. The earlier is the
    smaller."""

    at: int
    id: str


class Link(NamedTuple):
    """A touchpoint bears both, its via is the stronger; ``occurred_at`` in ms UTC."""

    stronger: Identifier
    weaker: Identifier
    occurred_at: int
    event_id: str

    @property
    def pair(self) -> Pair:
        return Pair(self.stronger, self.weaker)

    @property
    def date(self) -> Date:
        return Date(self.occurred_at, self.event_id)


class Correction(NamedTuple):
    """An operator's word: the two are one customer (asserted), this pair doesn't link them (retracted), or the evidence
    decides again (lifted). ``corrected_at`` in ms UTC."""

    correction_id: str
    kind: Kind
    stronger: Identifier
    weaker: Identifier
    corrected_at: int
    reason: str = ""

    @property
    def pair(self) -> Pair:
        return Pair(self.stronger, self.weaker)

    @property
    def ruling(self) -> Ruling:
        return Ruling(self.corrected_at, self.correction_id, KINDS.index(self.kind))

    @property
    def asserted(self) -> Date | None:
        """When the pair was asserted by it; None where it wasn't."""
        return Date(self.corrected_at, self.correction_id) if self.kind == ASSERTED else None


class Ruling(NamedTuple):
    """A correction as what it is to its pair; ``kind`` is an index of `KINDS`. Of several the largest holds."""

    at: int
    id: str
    kind: int


class Standing(NamedTuple):
    """How a pair in force stands: asserted or not, and since when."""

    asserted: bool
    date: Date


def pair_of(one: Identifier, other: Identifier) -> Pair:
    """Both in their order; ValueError where they are the same."""
    if one == other:
        raise ValueError("pair: found the same identifier twice, expected two")
    return Pair(*sorted((one, other), key=strength))


def links_of(via: Identifier, identifiers: Iterable[Identifier], occurred_at: int, event_id: str) -> Iterator[Link]:
    """What a touchpoint with these cleaned ``identifiers`` links: its via, the strongest of them, with each other."""
    return (Link(via, other, occurred_at, event_id) for other in identifiers if other != via)


def earliest(one: Date | None, other: Date | None) -> Date | None:
    """The earlier of the two, of those that there are."""
    if one is None or other is None:
        return one or other
    return min(one, other)


def standing(evidence: Date | None, ruling: Ruling | None, asserted: Date | None) -> Standing | None:
    """How a pair stands by its earliest ``evidence``, the ``ruling`` that holds, and when it was first ``asserted``: to
    say it again changes nothing. None where it isn't in force."""
    kind = None if ruling is None else KINDS[ruling.kind]
    if ruling is None or kind == LIFTED:
        return None if evidence is None else Standing(False, evidence)
    if kind == RETRACTED:
        return None
    return Standing(True, earliest(evidence, asserted) or Date(ruling.at, ruling.id))


JoiningOrder = tuple[bool, int, int, Date, Pair]


def joining_order(pair: Pair, standing: Standing) -> JoiningOrder:
    """Sort key of a link in force: asserted ones first, then by the ranks of both ends, then the earliest."""
    return not standing.asserted, rank(pair.stronger.namespace), rank(pair.weaker.namespace), standing.date, pair
