"""What follows from a touchpoint's identifiers alone: its via, the partition it belongs on, its pairs, its customer.

A customer of its own is what the via is until IDENTITY assigns it to one. The pieces of ResolvedTouchpoint and Link
that follow, and the keys of state, are made here, once for all touchpoints with the same identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from schemas.pieces import long, piece
from streams.domain.identifiers import Identifier, clean
from streams.domain.ids import customer_id
from streams.domain.validation import Rejection, check_identifiers
from streams.runtime.partitioner import partition_of
from streams.stages.intake.contents import Content
from streams.stages.intake.entries import ASSIGNED, LINK, Assigned, fingerprint

# About a kilobyte each; a person's touchpoints come in bursts.
_KEPT = 32_768


class Pair(NamedTuple):
    """The via and another identifier: ``told`` is the key of what IDENTITY was told, ``link`` a piece of Link."""

    told: bytes
    link: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Via:
    """The strongest identifier as ``text``, and its ``customer`` of its own; ``assigned`` is the key of whose it is.

    ``name``, ``resolved`` and ``identifiers`` are pieces of ResolvedTouchpoint.
    """

    text: str
    partition: int
    assigned: bytes
    customer: bytes
    name: bytes
    resolved: bytes
    identifiers: bytes
    pairs: tuple[Pair, ...]

    def resolve(self, assigned: Assigned | None) -> tuple[bytes, bytes]:
        """The customer that it belongs to, and the piece of ResolvedTouchpoint that says so."""
        if assigned is None:
            return self.customer, self.resolved
        customer = assigned.customer.encode()
        return customer, _resolved(customer, self.name, assigned.version)


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
        via, *others = identifiers
        customer, name = customer_id(via).encode(), _name(via)
        return Via(
            text=via.text,
            partition=partition_of(via.text.encode(), self._partitions),
            assigned=fingerprint(ASSIGNED, via.text),
            customer=customer,
            name=name,
            resolved=_resolved(customer, name, version=0),
            identifiers=piece("resolved_touchpoint", {"identifiers": [i._asdict() for i in identifiers]}),
            pairs=tuple(Pair(fingerprint(LINK, via.text, other.text), name + _name(other)) for other in others),
        )


def _name(identifier: Identifier) -> bytes:
    """``identifier`` as every record of ours holds one."""
    return piece("resolved_touchpoint", {"via": identifier._asdict()})


def _resolved(customer: bytes, name: bytes, version: int) -> bytes:
    return b"".join((long(len(customer)), customer, name, long(version)))
