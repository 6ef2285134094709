"""What follows from a touchpoint's identifiers: its via, the partition it belongs on, its customer.

A customer is, for now, what the via alone says; the pieces of ResolvedTouchpoint that follow are encoded here, once for
all touchpoints with the same identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from schemas.pieces import piece
from streams.domain.identifiers import clean
from streams.domain.ids import customer_id
from streams.domain.validation import Rejection, check_identifiers
from streams.runtime.partitioner import partition_of
from streams.stages.intake.contents import Content

# About a kilobyte each; a person's touchpoints come in bursts.
_KEPT = 32_768


@dataclass(frozen=True, slots=True, eq=False)
class Via:
    """The strongest identifier as ``text``; ``resolved`` and ``identifiers`` are pieces of ResolvedTouchpoint."""

    text: str
    partition: int
    customer: bytes
    resolved: bytes
    identifiers: bytes


class Vias:
    """Vias by identifiers as they were sent; ``partitions`` of the touchpoint topics."""

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._kept = lru_cache(_KEPT)(self._make)

    def of(self, content: Content, keep: bool) -> Via | Rejection:
        """The via of ``content``, or the rule that its identifiers break; ``keep`` it for others with the same."""
        make = self._kept if keep else self._make
        return make(tuple(content.namespaces), tuple(content.values))

    def _make(self, namespaces: tuple[str, ...], values: tuple[str, ...]) -> Via | Rejection:
        sent = [{"namespace": n, "value": v} for n, v in zip(namespaces, values, strict=True)]
        identifiers = clean(sent)
        rejection = check_identifiers({"identifiers": sent}, identifiers)
        if rejection is not None:
            return rejection
        via, customer = identifiers[0], customer_id(identifiers[0])
        return Via(
            via.text,
            partition_of(via.text.encode(), self._partitions),
            customer.encode(),
            piece("resolved_touchpoint", {"to": customer, "via": via._asdict(), "version": 0}),
            piece("resolved_touchpoint", {"identifiers": [i._asdict() for i in identifiers]}),
        )
