"""CUSTOMERS that keep, forward and hand over otherwise."""

from __future__ import annotations

from random import Random
from typing import Any

from streams.runtime.stage import Out, Records, View
from streams.stages.customers.custody import Custody
from streams.stages.customers.history import CustomerHistory, Kept, Place
from streams.stages.customers.messages import Arrival, Continued, Moved
from tests.convergence.left_out.outputs import Changed, without
from tests.convergence.scenario import Shape
from tests.convergence.world import make_customers
from tests.unit.builders import HOUR


class NothingLearnedFromTouchpoints(Custody):
    """Only moves are entered in the register."""

    def _arrive(self, arrival: Arrival, version: int) -> None:
        known = self._place(arrival.to, arrival.via)
        if known.customer == arrival.to or arrival.version > known.version:
            self._keep(arrival, version)
        else:
            self._post.send(arrival._replace(to=known.customer, version=known.version), arrival.to)


class LastWins(Custody):
    """Whatever comes last is believed."""

    def _arrive(self, arrival: Arrival, version: int) -> None:
        self._put(arrival.to, arrival.via, Place(arrival.to, arrival.version))
        super()._arrive(arrival, version)


class OldMovesCount(Custody):
    def _place(self, customer: bytes, via: str) -> Place:
        known = super()._place(customer, via)
        return known._replace(version=-1) if self._moving else known

    _moving = False

    def _move(self, moved: Moved, version: int) -> None:
        self._moving = True
        super()._move(moved, version)
        self._moving = False


class MovesJudgedTogether(Custody):
    """Of the identifiers of one move the first decides for all."""

    def _move(self, moved: Moved, version: int) -> None:
        if moved.version > self._place(moved.from_, moved.identifiers[0]).version:
            super()._move(moved, version)


class RegisterOfCustomersOnly(Custody):
    """Where there are no touchpoints, no register."""

    def _move(self, moved: Moved, version: int) -> None:
        if self._of(moved.from_).history.tail is not None:
            super()._move(moved, version)


class ForwardedWithOldVersion(Custody):
    def _arrive(self, arrival: Arrival, version: int) -> None:
        known = self._place(arrival.to, arrival.via)
        if arrival.version <= known.version and known.customer != arrival.to:
            self._post.send(arrival._replace(to=known.customer), arrival.to)
        else:
            super()._arrive(arrival, version)


class KeptWhereItCame(Custody):
    """What comes to a customer that its via has left stays there."""

    def _arrive(self, arrival: Arrival, version: int) -> None:
        self._keep(arrival, version)


def nothing_marked(self: CustomerHistory, order: Any) -> None:
    """No marker is kept."""


class HistoryEnds(Custody):
    """What comes hours before the last is not kept any more."""

    def _keep(self, arrival: Arrival, version: int) -> None:
        tail = self._of(arrival.to).history.tail
        since = 0 if tail is None else tail.last.occurred_at - 2 * HOUR
        kept = [one for one in arrival.kept if one.touchpoint.occurred_at >= since]
        super()._keep(arrival._replace(kept=kept), version)


class LeftoversDecide(Custody):
    """A continuation counts where something is left to hand over."""

    def _go_on(self, continued: Continued, version: int) -> None:
        customer, to, via, moved_version, cursor, *_ = continued
        left, _ = self._of(customer).history.come_by(via, cursor, 1)
        if left:
            self._put(customer, via, Place(to, moved_version, cursor))
            super()._go_on(continued, version)


class NewMoveGoesOn(Custody):
    """A newer fact leaves the cursor: a later move goes on where the one before it stood."""

    def _put(self, customer: bytes, via: str, place_: Place) -> None:
        known = self._place(customer, via)
        if place_.version > known.version and place_.cursor is None:
            place_ = place_._replace(cursor=known.cursor)
        super()._put(customer, via, place_)

    def _move(self, moved: Moved, version: int) -> None:
        customer, to, moved_version, _, piece, cause = moved
        known = {via: self._place(customer, via) for via in moved.identifiers}
        stood = {via: p.cursor for via, p in known.items() if p.cursor and p.version < moved_version}
        others = [via for via in moved.identifiers if via not in stood]
        if others:
            super()._move(moved._replace(identifiers=others), version)
        for via, cursor in stood.items():
            self._put(customer, via, Place(to, moved_version, cursor))
            self._go_on(Continued(customer, to, via, moved_version, cursor, piece, cause), version)


class PieceOfASetting(Custody):
    """How much is handed over at once is a setting, which a restart may change."""

    piece = 0

    def _move(self, moved: Moved, version: int) -> None:
        super()._move(moved._replace(piece=self.piece), version)

    def _go_on(self, continued: Continued, version: int) -> None:
        super()._go_on(continued._replace(piece=self.piece), version)


class WithASetting(Changed):
    piece = 0

    def fold(self, records: Records, view: View, out: Out) -> None:
        PieceOfASetting.piece = self.piece
        self._stage.fold(records, view, out)


def customers_with_a_setting(shape: Shape, random: Random) -> Any:
    stage = WithASetting(make_customers(shape, random), without(""))
    stage.piece = random.randint(1, 3)
    return stage


def come_by_without_markers(self: CustomerHistory, via: str, behind: bytes, most: int) -> tuple[list[Kept], bool]:
    """The index by via has no markers."""
    found = [kept for kept in self._come_by(via, behind) if not kept.is_machine]
    return found[:most], len(found) > most
