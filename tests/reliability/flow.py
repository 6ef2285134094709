"""The touchpoints that flow while a fault happens: those of the sample company, at a steady rate, and markers.

    sample    |--two weeks in a minute, with duplicates, late ones, merges of customers, wrong ones-->
    markers   |--0----1----2----3--   every half second a touchpoint on each partition of one topic

A marker tells how fresh the tables are: it is known when it was sent, and looked for when it can be seen. What Kafka
has confirmed is kept, so that it can be asked for in the end.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

from streams.producing.kafka_outlet import KafkaOutlet
from streams.producing.outlet import Settled
from streams.producing.produce import prepare
from streams.producing.rows import Message, Reject, Row
from streams.runtime.partitioner import partition_of
from streams.sample import generate

CUSTOMERS = 120
DAYS = 360
DAY_MS = 86_400_000
TICK_S = 0.02
MARKER_EVERY_S = 0.5
MARKER_CHANNEL = "web"


def marker_cookies(partitions: int) -> list[str]:
    """For each partition the value of a cookie that lies on it."""
    found: dict[int, str] = {}
    for number in count():
        value = f"marker-{number}"
        found.setdefault(partition_of(f"cookie_id:{value}".encode(), partitions), value)
        if len(found) == partitions:
            return [found[partition] for partition in range(partitions)]
    raise AssertionError("count never ends")


class Flow:
    """Sends from a thread of its own until `stop`; ``rate`` in touchpoints a second may be changed at any time."""

    def __init__(self, bootstrap: str, partitions: int, rate: float, seed: int) -> None:
        self.rate = rate
        self.cookies = marker_cookies(partitions)
        #: When each marker was sent, by its number; monotonic seconds.
        self.markers: list[float] = []
        #: Values that Kafka has confirmed.
        self.confirmed: Counter[bytes] = Counter()
        self.sent = self.undelivered = 0
        self.failure: BaseException | None = None
        self._bootstrap = bootstrap
        start_ms = int(time.time() * 1000) - (DAYS + 2) * DAY_MS
        self._records = generate(CUSTOMERS, DAYS, seed, start_ms=start_ms, backfill=False)
        self.clock_ms = start_ms
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flow", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float = 150) -> None:
        """Send nothing more; return when all is settled. Raises what ended the flow before."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        if self.failure is not None:
            raise self.failure
        if self._thread.is_alive():
            raise TimeoutError(f"the flow has not ended within {seconds} s")

    def abandon(self) -> None:
        """Send nothing more and don't wait for what is under way."""
        self._ending.set()

    def wait_sent(self, more: int, seconds: float) -> None:
        """Return when so many more touchpoints were sent; TimeoutError otherwise."""
        wanted, deadline = self.sent + more, time.monotonic() + seconds
        while self.sent < wanted:
            if self.failure is not None or time.monotonic() > deadline:
                raise TimeoutError(f"{self.sent} of {wanted} touchpoints were sent within {seconds} s")
            time.sleep(TICK_S)

    def _run(self) -> None:
        try:
            left: Sequence[Message] = ()
            while not (self._ending.is_set() and not left):
                with KafkaOutlet(self._bootstrap) as outlet:
                    left = self._send_through(outlet, left)
        except BaseException as error:  # noqa: BLE001 - told to who waits
            self.failure = error

    def _send_through(self, outlet: KafkaOutlet, left: Sequence[Message]) -> list[Message]:
        """Send until the end or a failure; what was not confirmed."""
        open_: list[Message] = []
        due, marker_due = time.monotonic(), time.monotonic()
        self._settle(outlet.send(left), open_)
        while not self._ending.is_set() and not open_:
            now = time.monotonic()
            if now >= marker_due:
                marker_due = now + MARKER_EVERY_S
                self._settle(outlet.send(self._make_markers(now)), open_)
            wanted = int((now - due) * self.rate)
            if wanted > 0:
                due += wanted / self.rate
                batch = [message for message in (self._next() for _ in range(min(wanted, 2_000))) if message]
                self._settle(outlet.send(batch), open_)
                self.sent += len(batch)
            else:
                time.sleep(TICK_S)
        for one in outlet.drain():
            self._settle((one,), open_)
        return open_

    def _settle(self, settled: Sequence[Settled], open_: list[Message]) -> None:
        for one in settled:
            if one.error:
                open_.extend(one.messages)
                self.undelivered += len(one.messages)
            else:
                self.confirmed.update(message.value for message in one.messages)

    def _next(self) -> Message | None:
        record = next(self._records)
        self.clock_ms = max(self.clock_ms, int(str(record["occurred_at"])))
        return self._prepared(record)

    def _make_markers(self, now: float) -> list[Message]:
        number = len(self.markers)
        self.markers.append(now)
        made = [self._prepared(self._marker(number, cookie)) for cookie in self.cookies]
        return [message for message in made if message]

    def _marker(self, number: int, cookie: str) -> dict[str, Any]:
        return {
            "event_id": f"marker-{number:06d}",
            "channel": MARKER_CHANNEL,
            "occurred_at": self.clock_ms,
            "identifiers": [{"namespace": "cookie_id", "value": cookie}],
            "action": "page_viewed",
            "user_agent": "Mozilla/5.0",
            "backfill": False,
        }

    @staticmethod
    def _prepared(record: dict[str, Any]) -> Message | None:
        message = prepare(Row("flow", 0, b"", record))
        return None if isinstance(message, Reject) else message
