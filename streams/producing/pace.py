"""Holding a rate: when the next event may go."""

from __future__ import annotations

import time
from collections.abc import Callable

from streams.producing.errors import InputError

LONGEST_BURST_S = 1.0
SHORTEST_PAUSE_S = 0.002


class Pace:
    """At most ``rate`` events a second on average; ``clock`` is monotonic, in seconds.

    Who was held up catches up, but by no more than a second's events: a target that was away is not flooded.
    """

    def __init__(
        self, rate: float, clock: Callable[[], float] = time.monotonic, pause: Callable[[float], None] = time.sleep
    ) -> None:
        """Raises InputError for a rate that is not positive."""
        if not rate > 0:
            raise InputError(f"rate: found {rate:g}, expected more than 0 events per second")
        self._interval_s = 1 / rate
        self._clock = clock
        self._pause = pause
        self._due = clock()

    def wait(self) -> None:
        """Return when the next event is due. Pauses of under 2 ms are saved up: a sleep is never that exact."""
        now = self._clock()
        if self._due - now >= SHORTEST_PAUSE_S:
            self._pause(self._due - now)
        self._due = max(self._due, now - LONGEST_BURST_S) + self._interval_s
