"""The sample company in real time, on a clock that the test turns."""

from __future__ import annotations

from itertools import accumulate, islice

from streams.sample.live import replay

HOUR_S = 3_600
NOON_S = 1_790_000_000 - 1_790_000_000 % 86_400 + 12 * HOUR_S


class Clock:
    """Stands still but for waiting."""

    def __init__(self) -> None:
        self.now = float(NOON_S)
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def test_each_touchpoint_comes_at_its_time_from_now_on_and_none_before() -> None:
    clock = Clock()
    arrivals = []
    for record in islice(replay(300, 2, 1, now_s=lambda: clock.now, wait_s=clock.wait), 200):
        arrivals.append((record["occurred_at"], clock.now * 1000))
    newest = list(accumulate((occurred for occurred, _ in arrivals), max))
    # What is delivered behind its time, as skewed clocks and slow systems do, comes at once.
    assert all(abs(arrived - clock_ms) < 1 for clock_ms, (_, arrived) in zip(newest, arrivals, strict=True))
    assert min(occurred for occurred, _ in arrivals) >= NOON_S * 1000 - 6 * 86_400_000
    assert max(clock.waits) > 0
    assert all(wait > 0 for wait in clock.waits)
    assert arrivals[0][0] >= NOON_S * 1000


def test_live_touchpoints_are_judged_for_lateness() -> None:
    clock = Clock()
    records = list(islice(replay(100, 1, 2, now_s=lambda: clock.now, wait_s=clock.wait), 50))
    assert len(records) == 50
    assert not any(record.get("backfill") for record in records)
