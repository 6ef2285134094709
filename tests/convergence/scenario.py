"""What happens to one simulated company, all of it from one seed: its size, its rules, and what is sent in which order.

Evidence comes late and is dated early; some records come twice, some to the wrong partition, some are broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from streams.domain.identifiers import Identifier
from streams.domain.identity.limits import Limits
from streams.domain.rules import Rules
from tests.convergence.events import Corrected, Event, Touched
from tests.convergence.universe import Universe
from tests.unit.builders import HOUR, MINUTE

#: Small enough that gaps, midnights and cuts of long runs all occur within a day or two.
RULES = (
    Rules(journey_gap_ms=2 * HOUR, lookback_ms=HOUR, long_run_ms=HOUR, long_journey=3),
    Rules(journey_gap_ms=3 * HOUR, lookback_ms=2 * HOUR, long_journey=4),
    Rules(journey_gap_ms=40 * MINUTE, lookback_ms=HOUR, long_journey=100),
)
LATENESS_BUDGET_MS = HOUR
FUTURE_TOLERANCE_MS = 10 * MINUTE


class Shape(NamedTuple):
    """What differs from scenario to scenario; ``identifiers``: all that may be named."""

    partitions: int
    customer_partitions: int
    rules: Rules
    limits: Limits
    epoch: int
    backfill: bool
    identifiers: tuple[Identifier, ...]


class Scenario(NamedTuple):
    """``events`` in the order in which they are sent, each with its number."""

    seed: int
    shape: Shape
    events: tuple[tuple[int, Event], ...]

    def only(self, numbers: Sequence[int]) -> Scenario:
        """Of its events those."""
        return self._replace(events=tuple(event for event in self.events if event[0] in numbers))


def make_scenario(seed: int) -> Scenario:
    """The scenario of ``seed``."""
    random = Random(seed)
    universe = Universe(random)
    shape = Shape(
        partitions=random.choice((2, 2, 3, 4)),
        customer_partitions=random.choice((2, 2, 3, 4)),
        rules=random.choice(RULES),
        limits=_limits(random),
        epoch=random.choice((0, 0, 3)),
        backfill=universe.backfill,
        identifiers=tuple(universe.all_identifiers()),
    )
    events = [*_events(random, universe)]
    return Scenario(seed, shape, tuple(enumerate(events, 1)))


def _limits(random: Random) -> Limits:
    return Limits(
        namespaces={
            "user_id": 1,
            "email_sha256": random.choice((1, 2)),
            "device_id": random.choice((1, 2)),
            "cookie_id": random.choice((2, 3, 100)),
            "click_id": random.choice((2, 500)),
        },
        identifiers=random.choice((4, 5, 6, 1_000)),
        shared_after=random.choice((2, 3, 3)),
        island_links=2_000,
    )


def _events(random: Random, universe: Universe) -> Iterator[Event]:
    count = random.choice((14, 20, 30) if universe.tug else (6, 10, 14, 18, 24, 34))
    touchpoints = [universe.touchpoint(number) for number in range(count)]
    for number in range(universe.mailings):
        touchpoints += universe.mailing(number)
    events: list[Event] = [*touchpoints]
    valid = [event.fields for event in touchpoints if event.fields is not None]
    # Duplicates, some with other content.
    for fields in random.choices(valid, k=random.randrange(len(valid) // 3 + 2)):
        again = fields if random.random() < 0.8 else fields | {"properties": {"changed": "yes"}}
        events.append(Touched(again, shift=universe.shift()))
    count = random.choice(universe.corrections)
    pulls = [*universe.pulls(count)] if universe.tug else []
    events += pulls or [universe.correction(number) for number in range(count)]
    random.shuffle(events)
    if pulls and random.random() < 0.8:
        # In their order, wherever they stand.
        places = [at for at, event in enumerate(events) if event in pulls]
        for at, pull in zip(places, pulls, strict=True):
            events[at] = pull
    if pulls and random.random() < 0.4:
        # First what it is about, then the pulling.
        events.sort(key=lambda event: isinstance(event, Corrected) + 1.5 * random.random())
    elif random.random() < 0.2:
        # Evidence dated earlier comes later.
        events.sort(
            key=lambda event: -event.fields["occurred_at"] if isinstance(event, Touched) and event.fields else 0
        )
    return iter(events)
