"""What Prometheus is told of the broker and of ClickHouse, asked by one small process for a whole deployment.

Workers tell their own lag; a stage whose workers are all down tells none, and only the broker knows what waits for it.

    thread for Kafka       looks every few seconds --> what it found --.
    thread for ClickHouse  looks every few seconds --> what it found ---+--> /metrics, without asking anybody
    main thread            turns, and ends the process where one of them has died

Nothing told is old: what a look found is dropped when the next one fails, or is not done in time, and then only
reachable is told, as 0. `/ready` stays, as this is what the process is for: it must be scraped then, too.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.metadata import version

import structlog
from kafka.errors import KafkaError
from prometheus_client import REGISTRY as SERVED
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sinks.clickhouse import ClickHouse, ClickHouseError
from streams.broker import BrokerUnreachable
from streams.kafka_access import KafkaAccess
from streams.offsets import Groups
from streams.runtime import health, metrics
from streams.standing import look

NAME = "monitor"
EXIT_CRASHED = 70
TURN_S = 1.0
#: What a look may take, besides the time between two.
LOOK_S = 5.0

log = structlog.get_logger("streams.monitor")


class Watch(Collector):
    """What ``ask`` finds, again and again; ``reachable`` is the metric that says whether it found anything.

    ``ask`` raises one of ``away`` where nobody answers. What is older than two rounds is not told.
    """

    def __init__(
        self,
        reachable: tuple[str, str],
        ask: Callable[[], Sequence[Metric]],
        away: tuple[type[Exception], ...],
        every_s: float,
    ) -> None:
        self._reachable = reachable
        self._ask = ask
        self._away = away
        self._every_s = every_s
        self._found: tuple[float, Sequence[Metric]] | None = None
        self.looked = threading.Event()
        self.thread = threading.Thread(target=self._watch, name=reachable[0], daemon=True)

    def collect(self) -> Iterator[Metric]:
        """What the last look found, if it is not old."""
        found = self._found
        is_new = found is not None and time.monotonic() - found[0] < 2 * self._every_s + LOOK_S
        yield GaugeMetricFamily(*self._reachable, value=int(is_new))
        if found is not None and is_new:
            yield from found[1]

    def look(self) -> None:
        """Ask once."""
        was_there = self._found is not None
        try:
            self._found = (time.monotonic(), self._ask())
        except self._away as error:
            self._found = None
            if was_there or not self.looked.is_set():
                # Its message may quote what was asked for.
                log.warning("away", metric=self._reachable[0], error=type(error).__name__)
        self.looked.set()

    def _watch(self) -> None:
        pause = threading.Event()
        while True:
            self.look()
            pause.wait(self._every_s)


def kafka(access: KafkaAccess | str, groups: Groups, topics: Iterable[str], every_s: float) -> Watch:
    """Lag and members of ``groups``, replicas of ``topics``."""
    names = sorted(topics)
    return Watch(
        ("journey_kafka_reachable", "1 where the broker told everything that it was asked, else 0."),
        lambda: _kafka(access, groups, names),
        (BrokerUnreachable, KafkaError, OSError),
        every_s,
    )


def _kafka(access: KafkaAccess | str, groups: Groups, topics: Sequence[str]) -> Sequence[Metric]:
    standing = look(access, groups, topics)
    lag = GaugeMetricFamily(
        "journey_group_lag_records",
        "Records from the next one that the group reads to the end, as the broker has it.",
        labels=["group", "topic", "partition"],
    )
    for place, position in standing.lag.items():
        lag.add_metric([place.group, place.topic, str(place.partition)], position.behind)
    members = GaugeMetricFamily("journey_group_members", "Workers in the consumer group.", labels=["group"])
    for group, count in standing.members.items():
        members.add_metric([group], count)
    replicas = GaugeMetricFamily(
        "journey_kafka_under_replicated_partitions",
        "Partitions with fewer replicas in sync than they should have.",
        labels=["topic"],
    )
    for topic, count in standing.under_replicated.items():
        replicas.add_metric([topic], count)
    missing = GaugeMetricFamily(
        "journey_kafka_missing_topics",
        "Topics that the groups read, and that are not there or not to be seen.",
        value=len(standing.missing),
    )
    return lag, members, replicas, missing


_PARTS = """
SELECT tables.name, max(parts.found)
FROM system.tables AS tables
LEFT JOIN (
    SELECT table, partition, count() AS found FROM system.parts
    WHERE active AND database = currentDatabase() GROUP BY table, partition
) AS parts ON parts.table = tables.name
WHERE tables.database = currentDatabase() AND tables.engine LIKE '%MergeTree'
GROUP BY tables.name ORDER BY tables.name
"""
_EVENTS = "SELECT event, value FROM system.events WHERE event IN ('DelayedInserts', 'RejectedInserts')"


def clickhouse(url: str, every_s: float) -> Watch:
    """Parts of the tables in the database of ``url``, and inserts that its server delayed or refused."""
    return Watch(
        ("journey_clickhouse_reachable", "1 where ClickHouse told everything that it was asked, else 0."),
        lambda: _clickhouse(url),
        (ClickHouseError,),
        every_s,
    )


def _clickhouse(url: str) -> Sequence[Metric]:
    with ClickHouse(url) as client:
        tables: list[tuple[str, int]] = client.query(_PARTS)
        events: dict[str, int] = dict(client.query(_EVENTS))
    parts = GaugeMetricFamily(
        "journey_clickhouse_parts", "Active parts of the table's partition that has most.", labels=["table"]
    )
    for table, count in tables:
        parts.add_metric([table], count)
    return (
        parts,
        CounterMetricFamily(
            "journey_clickhouse_delayed_inserts_total",
            "Inserts that the server slowed down because of many parts, since its start.",
            value=events.get("DelayedInserts", 0),
        ),
        CounterMetricFamily(
            "journey_clickhouse_rejected_inserts_total",
            "Inserts that the server refused because of too many parts, since its start.",
            value=events.get("RejectedInserts", 0),
        ),
    )


def run(watches: Sequence[Watch], host: str, port: int) -> None:
    """Serve what ``watches`` find until SIGTERM or SIGINT. Raises CannotListen; SystemExit 70 where one has died."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    metrics.BUILD.labels(version("omnijourney"), NAME).set(1)
    for collector in (metrics.BUILD, *watches):
        SERVED.register(collector)
    # What goes wrong is told by exceptions.
    logging.getLogger("kafka").setLevel(logging.ERROR)
    state = health.Health()
    log.info("starting", http=f"{host}:{health.serve(state, host, port)}")
    for watch in watches:
        watch.thread.start()
    while not stopping.wait(TURN_S):
        state.turn()
        state.assigned = all(watch.looked.is_set() for watch in watches)
        if not all(watch.thread.is_alive() for watch in watches):
            log.error("crashed")
            raise SystemExit(EXIT_CRASHED)
    log.info("stopping")
