"""A failing scenario made small: events are left out, first many at once, as long as it still fails."""

from __future__ import annotations

from tests.convergence.scenario import Scenario
from tests.convergence.world import REAL, Parts, World


def failure_of(scenario: Scenario, parts: Parts = REAL) -> Exception | None:
    """What goes wrong in ``scenario``; None where nothing does."""
    try:
        World(scenario, parts).run()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is one
        return error
    return None


def shrink(scenario: Scenario, parts: Parts = REAL) -> Scenario:
    """A part of ``scenario`` that fails too; of its events none can be left out alone. Its schedule is of the seed."""
    size = len(scenario.events) // 2
    while size:
        numbers, at = [number for number, _ in scenario.events], 0
        while at < len(numbers):
            smaller = scenario.only(numbers[:at] + numbers[at + size :])
            if failure_of(smaller, parts) is None:
                at += size
            else:
                scenario, numbers = smaller, [number for number, _ in smaller.events]
        # Once more where one had to stay for another that has gone.
        size //= 2
    return scenario
