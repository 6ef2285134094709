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
from typing import Protocol

from streams.domain.changes import JourneyChange
from streams.domain.rules import Rules
from streams.domain.touchpoint import order_of
from streams.runtime.stage import View
from streams.stages.customers.history import PLACE, Kept, Place, place
from streams.stages.customers.live import Live
from streams.stages.customers.messages import Arrival, Cause, Continued, Message, Moved
from streams.stages.invariants import broken


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
        changes = live.add(came, version) if came else []
        machines = [kept for kept in arrival.kept if kept.is_machine]
        if machines:
            changes += self._mark(live, machines, version)
        if changes:
            self._post.tell(arrival.to, changes, arrival.cause)

    def _mark(self, live: Live, machines: Sequence[Kept], version: int) -> list[JourneyChange]:
        history = live.history
        orders = [order_of(kept.touchpoint) for kept in machines]
        there = [touchpoint for order in orders if (touchpoint := history.get(order)) is not None]
        for order in orders:
            history.mark_machine(order)
        return live.remove(there, version)

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
        left = moved.piece
        for via in leaving:
            due = Continued(moved.from_, moved.to, via, moved.version, b"", moved.piece, moved.cause)
            left -= self._hand_over(due, left, version)

    def _go_on(self, continued: Continued, version: int) -> None:
        known = self._place(continued.from_, continued.via)
        if known == Place(continued.to, continued.version, continued.cursor):
            self._hand_over(continued, continued.piece, version)

    def _hand_over(self, due: Continued, most: int, version: int) -> int:
        """Hand over what came by a via, ``most`` touchpoints at most; gives how many. What is left is noted."""
        kept, more = self._of(due.from_).history.come_by(due.via, due.cursor, most)
        if kept:
            self._leave(due, kept, more, version)
            self._post.send(Arrival(due.to, due.via, due.version, kept, due.cause), due.from_)
        cursor = place(order_of(kept[-1].touchpoint)) if kept else due.cursor
        self._put(due.from_, due.via, Place(due.to, due.version, cursor if more else None))
        if more:
            self._post.send(due._replace(cursor=cursor), due.from_)
        return len(kept)

    def _leave(self, due: Continued, kept: Sequence[Kept], more: bool, version: int) -> None:
        live = self._of(due.from_)
        for one in kept:
            if one.is_machine:
                live.history.unmark_machine(order_of(one.touchpoint))
        changes = live.remove([one.touchpoint for one in kept if not one.is_machine], version)
        live.history.leave_days(due.via, kept[-1].touchpoint.occurred_at if more else None)
        if changes:
            self._post.tell(due.from_, changes, due.cause)

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
