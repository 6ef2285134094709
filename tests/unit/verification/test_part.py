"""Which part of the tables a sample is."""

from __future__ import annotations

from typing import cast

import pytest

from sinks.verify import Tables
from streams.verification.part import EVERYTHING, Asked, Part, choose


class Known:
    """30 customers, where no other number is given, and 10 hours; those of a sample are the first."""

    def __init__(self, known: int = 30) -> None:
        self._known = known
        self.asked: tuple[int, int, str] | None = None

    def customers(self, _since: int) -> int:
        return self._known

    def chosen(self, since: int, count: int, seed: str) -> frozenset[str]:
        self.asked = since, count, seed
        return frozenset(map(str, range(count)))

    def hours(self, _since: int, _seed: str) -> list[int]:
        return [*range(10)]


def chosen(asked: Asked) -> tuple[tuple[int, int, str] | None, Part]:
    known = Known()
    part = choose(cast(Tables, known), asked)
    return known.asked, part


def test_everything_asks_for_nothing() -> None:
    assert chosen(EVERYTHING) == (None, Part())


@pytest.mark.parametrize(
    ("asked", "customers", "hours"),
    [
        (Asked(customers=3), 3, 1),
        (Asked(customers=4), 4, 2),
        (Asked(customers=500), 30, 10),
        (Asked(share=0.5), 15, 5),
        (Asked(share=0.0001), 1, 1),
        (Asked(since=1), 30, 10),
        (Asked(customers=2, since=1, seed="today"), 2, 1),
    ],
)
def test_a_sample_has_the_same_share_of_hours(asked: Asked, customers: int, hours: int) -> None:
    said, part = chosen(asked)
    assert said == (asked.since or 0, customers, asked.seed)
    assert part.customers is not None
    assert part.hours is not None
    assert (len(part.customers), len(part.hours)) == (customers, hours)


@pytest.mark.parametrize("asked", [Asked(customers=3), Asked(share=0.1), Asked(since=1)])
def test_where_no_customer_is_known_all_hours_are_compared(asked: Asked) -> None:
    assert choose(cast(Tables, Known(0)), asked) == Part(frozenset(), frozenset(range(10)))
