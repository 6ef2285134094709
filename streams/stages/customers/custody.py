"""Whose touchpoints these are: what a customer keeps, forwards and hands over.

    IDENTITY says: i moves from A to B, version v
    A   IdentifiersMoved       the register says (B, v); a piece of what came by i goes to B  --> TouchpointsHandedOver
                               what is left is noted to A itself                              --> HandOverContinued
        HandOverContinued      the next piece, if the register still expects it
        a touchpoint of i      forwarded to B, stamped v                                      --> TouchpointsHandedOver
    B   TouchpointsHandedOver  kept, if B knows nothing newer than v; else forwarded, stamped with what B knows

The newest fact wins: versions are IDENTITY's, which rise, and every customer keeps the newest that it heard of a via.
An identifier begins with its own customer, version 0. The register is kept even where there never was a touchpoint:
what comes later must find it. So a touchpoint comes to rest at the customer that IDENTITY told last, whatever the order
in which records arrive (docs/adr/0009; found and tested by simulation).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from streams.domain.changes import JourneyChange
from streams.domain.rules import Rules
from streams.domain.touchpoint import order_of
from streams.runtime.stage import View
from streams.stages.customers.history import PLACE, Kept, Place, place
from streams.stages.customers.live import Live
from streams.stages.customers.messages import Arrival, Cause, Continued, Message, Moved
from streams.stages.invariants import broken


class Piece(NamedTuple):
    """What is handed over of what is ``due``, and whether there is ``more``."""

    due: Continued
    kept: Sequence[Kept]
    more: bool


class Post(Protocol):
    """Where what follows from a record goes."""

    def send(self, message: Arrival | Continued, sender: bytes) -> None:
        """To a customer, ``sender`` itself or another."""

    def tell(self, customer: bytes, changes: Sequence[JourneyChange], cause: Cause) -> None:
        """To who asks what changed, and why."""


class Custody:
    """The customers of one partition, while records are folded."""

    def __init__(self, view: View, rules: Rules, post: Post) -> None:
        self._view = view
        self._rules = rules
        self._post = post
        self._live: dict[bytes, Live] = {}

    def take(self, message: Message, version: int) -> None:
        """Do what ``message`` says, read at the offset ``version``."""
        match message:
            case Arrival():
                self._arrive(message, version)
            case Moved():
                self._move(message, version)
            case Continued():
                self._go_on(message, version)

    # --- arriving ------------------------------------------------------------------------------------

    def _arrive(self, arrival: Arrival, version: int) -> None:
        to = arrival.to
        known = self._place(to, arrival.via)
        if arrival.version > known.version:
            known = Place(to, arrival.version)
            self._put(to, arrival.via, known)
        if known.customer == to:
            self._keep(arrival, version)
            return
        if known.version <= arrival.version:
            # Where versions are equal, two customers were told of by one: nothing is lost, and a person must look.
            broken("a_forward_is_newer_than_what_it_forwards")
        self._post.send(arrival._replace(to=known.customer, version=known.version), to)

    def _keep(self, arrival: Arrival, version: int) -> None:
        live = self._of(arrival.to)
        came = [kept.touchpoint for kept in arrival.kept if not kept.is_machine]
        going = []
        for kept in arrival.kept if len(came) < len(arrival.kept) else ():
            if kept.is_machine:
                order = order_of(kept.touchpoint)
                live.history.mark_machine(order)
                there = live.history.get(order)
                going += [] if there is None else [there]
        changes = live.change(came, going, version)
        if changes:
            self._post.tell(arrival.to, changes, arrival.cause)

    # --- leaving -------------------------------------------------------------------------------------

    def _move(self, moved: Moved, version: int) -> None:
        """First all registers, then as many touchpoints as a piece may have, via by via."""
        leaving = []
        for via in moved.identifiers:
            known = self._place(moved.from_, via)
            if moved.version > known.version:
                leaving.append(via)
            elif moved.version == known.version and moved.to != known.customer:
                broken("a_version_of_an_identifier_names_one_customer", version=moved.version)
        for via in leaving:
            self._put(moved.from_, via, Place(moved.to, moved.version))
        _, to, moved_version, _, piece, cause = moved
        dues = [Continued(moved.from_, to, via, moved_version, b"", piece, cause) for via in leaving]
        self._hand_over(moved.from_, dues, piece, version)

    def _go_on(self, continued: Continued, version: int) -> None:
        known = self._place(continued.from_, continued.via)
        if known == Place(continued.to, continued.version, continued.cursor):
            self._hand_over(continued.from_, [continued], continued.piece, version)

    def _hand_over(self, from_: bytes, dues: Sequence[Continued], most: int, version: int) -> None:
        """Hand over what is due, ``most`` touchpoints at most, all of them as one change. What is left is noted."""
        live = self._of(from_)
        pieces: list[Piece] = []
        for due in dues:
            kept, more = live.history.come_by(due.via, due.cursor, most)
            most -= len(kept)
            pieces.append(Piece(due, kept, more))
        changes = self._leave(live, [kept for piece in pieces for kept in piece.kept], version)
        if changes:
            self._post.tell(from_, changes, dues[0].cause)
        for piece in pieces:
            self._send(live, piece)

    def _leave(self, live: Live, leaving: Sequence[Kept], version: int) -> list[JourneyChange]:
        for kept in leaving:
            if kept.is_machine:
                live.history.unmark_machine(order_of(kept.touchpoint))
        return live.change((), [kept.touchpoint for kept in leaving if not kept.is_machine], version)

    def _send(self, live: Live, piece: Piece) -> None:
        due, kept, more = piece
        last = order_of(kept[-1].touchpoint) if kept else None
        if kept:
            self._post.send(Arrival(due.to, due.via, due.version, kept, due.cause), due.from_)
        if not more or last is not None:
            live.history.leave_hours(due.via, last if more else None)
        cursor = due.cursor if last is None else place(last)
        self._put(due.from_, due.via, Place(due.to, due.version, cursor if more else None))
        if more:
            self._post.send(due._replace(cursor=cursor), due.from_)

    # --- the register --------------------------------------------------------------------------------

    def _place(self, customer: bytes, via: str) -> Place:
        place_: Place | None = self._view.get(customer + PLACE + via.encode())
        return place_ or Place(customer, 0)

    def _put(self, customer: bytes, via: str, place_: Place) -> None:
        self._view.put(customer + PLACE + via.encode(), place_)

    def _of(self, customer: bytes) -> Live:
        live = self._live.get(customer)
        if live is None:
            live = self._live[customer] = Live(self._view, customer, self._rules)
        return live
