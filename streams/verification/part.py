"""Which part of the tables is compared: all of them, or some customers and some hours.

A sample has whole customers, so that what they did is stitched right, and the same share of the hours of engagement,
whose rows know no customer. Both are chosen by hash: the same by the same seed, and none because of what it holds.
"""

from __future__ import annotations

from collections.abc import Collection
from math import ceil
from typing import NamedTuple

from sinks.verify import Tables


class Asked(NamedTuple):
    """``customers``: how many, or ``share``: which share of them, 0 to 1; ``since``: only those with touchpoints at or
    after that time, ms UTC."""

    customers: int | None = None
    share: float = 1.0
    since: int | None = None
    seed: str = ""

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.customers is None and self.share == 1 and self.since is None


EVERYTHING = Asked()


class Part(NamedTuple):
    """The customers and hours (their beginnings in ms UTC) to compare; None for all."""

    customers: Collection[str] | None = None
    hours: Collection[int] | None = None


def choose(tables: Tables, asked: Asked) -> Part:
    """The part that is ``asked`` for, of at least one customer and hour where there are any; of all hours where
    no customer is known: then they should hold nothing."""
    if asked.is_all:
        return Part()
    since = asked.since or 0
    known = tables.customers(since)
    count = ceil(known * asked.share) if asked.customers is None else min(asked.customers, known)
    hours = tables.hours(since, asked.seed)
    share = count / known if known else 1.0
    return Part(tables.chosen(since, count, asked.seed), frozenset(hours[: ceil(len(hours) * share)]))
