"""Pacing by a clock that the test moves."""

import pytest

from streams.producing.errors import InputError
from streams.producing.pace import Pace


class Clock:
    """Time that passes only in pauses and where the test lets it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.mark.parametrize("rate", [0.5, 1.0, 100.0, 12_345.0])
def test_the_first_event_goes_at_once_and_then_the_rate_is_held(rate: float) -> None:
    clock = Clock()
    pace = Pace(rate, clock, clock.pause)
    for _ in range(1000):
        pace.wait()
    assert clock.now - 100.0 == pytest.approx(999 / rate, abs=0.003)


def test_short_pauses_are_saved_up_to_be_worth_a_sleep() -> None:
    clock = Clock()
    pace = Pace(10_000.0, clock, clock.pause)
    for _ in range(1000):
        pace.wait()
    assert len(clock.pauses) < 60
    assert min(clock.pauses) >= 0.002


def test_who_was_held_up_briefly_catches_up() -> None:
    clock = Clock()
    pace = Pace(10.0, clock, clock.pause)
    pace.wait()
    clock.now += 0.5
    for _ in range(9):
        pace.wait()
    assert clock.now - 100.0 == pytest.approx(0.9)


def test_after_a_long_stop_no_more_than_a_second_is_caught_up() -> None:
    clock = Clock()
    pace = Pace(10.0, clock, clock.pause)
    pace.wait()
    clock.now += 3600
    for _ in range(11):
        pace.wait()
    assert clock.pauses == []
    pace.wait()
    assert clock.pauses == [pytest.approx(0.1)]


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="rate"):
        Pace(rate)
