"""Journeys drawn at random, for comparisons with computations that are slow and plain."""

import random as randomness

from streams.attribution.paths import Group, Journey

CHANNELS = ("Direct", "Email", "Paid Search", "Display", "Referral", "Affiliates")


def groups(seed: int, channels: int = 4, number: int = 60) -> list[Group]:
    """Groups of one to five alike customers with up to three journeys; at least one converts."""
    random = randomness.Random(seed)
    found = [
        Group(random.randint(1, 5), [_journey(random, CHANNELS[:channels]) for _ in range(random.randint(1, 3))])
        for _ in range(number)
    ]
    return [*found, Group(1, [Journey(CHANNELS[:channels], True)])]


def _journey(random: randomness.Random, channels: tuple[str, ...]) -> Journey:
    path: list[str] = []
    for _ in range(random.randint(1, 6)):
        path.append(random.choice([channel for channel in channels if path[-1:] != [channel]]))
    return Journey(tuple(path), random.random() < 0.1 + 0.1 * len(set(path)))
