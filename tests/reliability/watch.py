"""Looks on while a fault happens: what can be seen in ClickHouse, how far each group is, what the metrics say.

Whole again is the first moment after the end of the fault at which
- a marker that was sent after it can be seen from every partition, no later than ``limit_s`` after it was sent,
- no group has left anything unread that was on its topics ``limit_s`` before,
- every process is ready.

``limit_s`` is `LEAST_LIMIT_S`, or twice what the calm before the fault took on a machine that is slower than that.
"""

from __future__ import annotations

import threading
import time
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException
from typing import NamedTuple

from kafka.errors import KafkaError
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from deploy.local.stack import Stack
from streams.broker import BrokerUnreachable, TopicMissing
from streams.composition import GROUPS, STAGES
from streams.domain.vocabulary import CHANNELS
from streams.local import PARTITIONS, LocalPipeline
from streams.offsets import Lag, Place, lag
from tests.reliability.flow import MARKER_CHANNEL, Flow

LEAST_LIMIT_S = 3.0
LOOK_EVERY_S = 0.25
SCRAPE_EVERY_S = 1.0
KEPT_LOOKS = 2_000
#: Counters whose rise is worth a word.
COUNTERS = (
    "journey_stage_rebalances_total",
    "journey_stage_takeovers_total",
    "journey_stage_superseded_total",
    "journey_stage_rereads_total",
    "journey_stage_buried_total",
    "journey_stage_gone_records_total",
    "journey_stage_state_set_aside_total",
    "journey_sink_retries_total",
    "journey_sink_rejected_total",
    "journey_invariant_violations_total",
)
#: Of these, those that no fault here may raise.
NEVER = (
    "journey_invariant_violations_total",
    "journey_stage_gone_records_total",
    "journey_stage_buried_total",
    "journey_sink_rejected_total",
)
STARTED = "process_start_time_seconds"
#: INTAKE's own account of what it read: 0, or something is lost or counted twice.
DIFFERENCE = "journey_completeness_difference_records"
REACHABLE = "journey_sink_clickhouse_reachable"


class Freshness:
    """Which markers can be seen, by partition."""

    def __init__(self, clickhouse_http: str, flow: Flow) -> None:
        self._flow = flow
        vias = {f"cookie_id:{cookie}": partition for partition, cookie in enumerate(flow.cookies)}
        names = ", ".join(f"'{via}'" for via in vias)
        sql = (
            f"SELECT via, max(event_id) FROM touchpoints WHERE channel = '{MARKER_CHANNEL}' AND via IN ({names})"  # noqa: S608 - composed of what stands here
            " AND startsWith(event_id, 'marker-') GROUP BY via"
        )
        self._url = f"{clickhouse_http}/?{urllib.parse.urlencode({'database': 'journeys', 'query': sql})}"
        self._partitions = vias
        #: For each partition (moment, highest number that could be seen), whenever there was a new one.
        self.seen: list[list[tuple[float, int]]] = [[] for _ in flow.cookies]

    def look(self) -> None:
        try:
            with urllib.request.urlopen(self._url, timeout=5) as answer:
                rows = answer.read().decode().splitlines()
        except (OSError, HTTPException):
            return
        now = time.monotonic()
        for via, event_id in (row.split("\t") for row in rows):
            seen, number = self.seen[self._partitions[via]], int(event_id.removeprefix("marker-"))
            if not seen or number > seen[-1][1]:
                seen.append((now, number))

    def told(self) -> str:
        """How far it is, for who waits in vain."""
        seen = [seen[-1][1] if seen else -1 for seen in self.seen]
        flow = self._flow
        return f"marker {len(flow.markers) - 1} is sent, {seen} seen; {flow.sent} sent, {flow.undelivered} undelivered"

    def seen_at(self, partition: int, number: int) -> float | None:
        """When marker ``number`` could be seen first; None: not yet."""
        return next((at for at, highest in self.seen[partition] if highest >= number), None)

    def delays(self, since: float, until: float, partitions: range | list[int] | None = None) -> list[float]:
        """How long markers took that were sent in between; those not seen yet are left out."""
        found = []
        for number, sent_at in enumerate(self._flow.markers):
            if since <= sent_at < until:
                seen = [self.seen_at(p, number) for p in partitions or range(len(self.seen))]
                found += [max(at for at in seen if at) - sent_at] if all(seen) else []
        return found

    def fresh_at(self, since: float, limit_s: float) -> float | None:
        """When the first marker that was sent ``since`` then could be seen from everywhere, in time."""
        for number, sent_at in enumerate(self._flow.markers):
            if sent_at >= since:
                seen = [self.seen_at(partition, number) for partition in range(len(self.seen))]
                if all(at is not None and at - sent_at <= limit_s for at in seen):
                    return max(at for at in seen if at is not None)
        return None


class Look(NamedTuple):
    """``at`` it began; whatever was there at ``covered_at``, an earlier look, is read by now; None: none is known."""

    at: float
    lag: Lag
    covered_at: float | None


class Lags:
    """How far the groups are, look by look."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self.looks: deque[Look] = deque(maxlen=KEPT_LOOKS)

    def look(self) -> None:
        began = time.monotonic()
        try:
            now = lag(self._bootstrap, GROUPS)
        except (BrokerUnreachable, TopicMissing, KafkaError, OSError):
            return
        self.take(began, now)

    def take(self, began: float, now: Lag) -> None:
        """What was found by a look that ``began`` then."""
        then = [(began, now), *[(look.at, look.lag) for look in reversed(self.looks)]]
        covered_at = next((at for at, ends in then if _covers(now, ends)), None)
        self.looks.append(Look(began, now, covered_at))

    def behind_s(self, since: float) -> list[float]:
        """For each look: how long before it nothing was there yet that was still unread at it."""
        return [
            look.at - look.covered_at for look in list(self.looks) if look.at >= since and look.covered_at is not None
        ]

    def caught_up_at(self, since: float, limit_s: float) -> float | None:
        """The first look at which all was read that was there ``limit_s`` before, and at ``since`` or later."""
        for look in list(self.looks):
            if look.covered_at is not None and look.covered_at >= since and look.at - look.covered_at <= limit_s:
                return look.at
        return None

    def told(self) -> str:
        """How far it is, for who waits in vain."""
        last = self.looks[-1] if self.looks else None
        behind = sum(position.behind for position in last.lag.values()) if last else 0
        return f"{behind} unread {time.monotonic() - last.at:.0f} s ago" if last else "the broker tells nothing"

    def most(self, since: float) -> dict[str, int]:
        """The largest lag of each group."""
        found: dict[str, int] = dict.fromkeys(GROUPS, 0)
        for look in list(self.looks):
            if look.at >= since:
                by_group: dict[str, int] = dict.fromkeys(GROUPS, 0)
                for place, position in look.lag.items():
                    by_group[place.group] += position.behind
                found = {group: max(most, by_group[group]) for group, most in found.items()}
        return found


def _covers(now: Lag, then: Lag) -> bool:
    return all(_committed(now, place) >= position.end for place, position in then.items())


def _committed(look: Lag, place: Place) -> int:
    return look[place].committed if place in look else -1


class Metrics:
    """What workers tell; counters begin anew with each process."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = dict(urls)
        self._last: dict[tuple[str, str], float] = {}
        self.risen: dict[tuple[str, str], float] = {}
        #: Of each worker's completeness by (channel, partition), as it was last told; none of one that didn't answer.
        self.difference: dict[str, dict[tuple[str, str], float]] = {}

    def also(self, worker: str, url: str) -> None:
        """Look at one that came later, too."""
        self._urls = {**self._urls, worker: url}

    def look(self) -> None:
        for worker, url in self._urls.items():
            try:
                with urllib.request.urlopen(url, timeout=1) as answer:
                    families = list(text_string_to_metric_families(answer.read().decode()))
            except (OSError, HTTPException):
                self.difference[worker] = {}
                continue
            self.take(worker, [sample for family in families for sample in family.samples])

    def take(self, worker: str, samples: Sequence[Sample]) -> None:
        """What ``worker`` told."""
        sums: dict[str, float] = {}
        for sample in samples:
            if sample.name in (*COUNTERS, STARTED):
                sums[sample.name] = sums.get(sample.name, 0) + sample.value
        differing = [sample for sample in samples if sample.name == DIFFERENCE]
        self.difference[worker] = {(one.labels["channel"], one.labels["partition"]): one.value for one in differing}
        self._take(worker, sums)

    def settled(self, seconds: float) -> list[str]:
        """What is still `wrong` after so long; a busy worker may answer late."""
        deadline = time.monotonic() + seconds
        self.look()
        while (found := self.wrong()) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_S)
            self.look()
        return found

    def wrong(self) -> list[str]:
        """What the last look and all before it tell that may never be; empty: all is well."""
        told = {place: value for series in list(self.difference.values()) for place, value in series.items()}
        places = [(channel, str(partition)) for channel in CHANNELS for partition in range(PARTITIONS)]
        missing = [" ".join(place) for place in places if place not in told]
        found = [f"{DIFFERENCE} of {' '.join(at)} is {value:.0f}" for at, value in sorted(told.items()) if value]
        found += [f"nobody tells {DIFFERENCE} of {', '.join(missing)}"] if missing else []
        rises = {name: sum(risen for at, risen in self.risen.items() if at[1] == name) for name in NEVER}
        return found + [f"{name} rose by {risen:.0f}" for name, risen in rises.items() if risen]

    def _take(self, worker: str, sums: dict[str, float]) -> None:
        if self._last.get((worker, STARTED)) != (started := sums.pop(STARTED, 0)):
            # Another process: its counters begin with it.
            self._last = {at: value for at, value in self._last.items() if at[0] != worker}
            self._last[worker, STARTED] = started
        for name, value in sums.items():
            at, last = (worker, name), self._last.get((worker, name), 0)
            self._last[at] = value
            self.risen[at] = self.risen.get(at, 0) + (value - last if value >= last else value)

    def begin(self) -> None:
        """What follows counts."""
        self.risen.clear()


class Watch:
    """All of it, each in a thread of its own, so that a server that hangs holds up nobody else."""

    def __init__(self, stack: Stack, pipeline: LocalPipeline, clickhouse_http: str, flow: Flow) -> None:
        self._stack = stack
        self.freshness = Freshness(clickhouse_http, flow)
        self.lags = Lags(pipeline.settings.kafka_bootstrap)
        self.metrics = Metrics({worker: pipeline.metrics_url(worker) for worker in STAGES})
        self._ending = threading.Event()
        looks = (
            (self.freshness.look, LOOK_EVERY_S),
            (self.lags.look, LOOK_EVERY_S),
            (self.metrics.look, SCRAPE_EVERY_S),
        )
        self._threads = [threading.Thread(target=self._repeat, args=look, daemon=True) for look in looks]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(10)

    def _repeat(self, look: Callable[[], None], every_s: float) -> None:
        while not self._ending.wait(every_s):
            look()

    def calm(self, since: float) -> tuple[float, float]:
        """The oldest that a marker was when it could be seen, and the longest that anything was unread, in s."""
        now = time.monotonic()
        return max(self.freshness.delays(since, now), default=0.0), max(self.lags.behind_s(since), default=0.0)

    def all_ready(self) -> bool:
        return all(process.status == "ready" for process in self._stack.status().processes)

    def wait_whole(self, since: float, limit_s: float, seconds: float) -> float:
        """How long after ``since`` all was whole again; TimeoutError, saying what was not, after ``seconds``."""
        ready_at: float | None = None
        deadline = time.monotonic() + seconds
        while True:
            if ready_at is None and self.all_ready():
                ready_at = time.monotonic()
            fresh_at = self.freshness.fresh_at(since, limit_s)
            caught_up_at = self.lags.caught_up_at(since, limit_s)
            if ready_at and fresh_at and caught_up_at:
                return max(ready_at, fresh_at, caught_up_at) - since
            if time.monotonic() > deadline:
                missing = {"processes ready": ready_at, "fresh": fresh_at, "caught up": caught_up_at}
                said = ", ".join(what for what, at in missing.items() if not at)
                raise TimeoutError(f"not within {seconds:.0f} s: {said}; {self.freshness.told()}; {self.lags.told()}")
            time.sleep(LOOK_EVERY_S)
