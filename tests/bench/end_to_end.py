"""Events per second from the first one produced until all rows are in ClickHouse and committed, on one machine.

    python tests/bench/end_to_end.py [--events N] [--runs R] [--json]

The events are sample touchpoints, encoded before the clock starts and then sent as fast as Kafka takes them. Each run
has a stack of its own: Kafka, ClickHouse, one worker of each stage and this process share the machine.

    |--- produced at full speed ---|
    |--------------- stages at work -------------------| all groups have committed everything; a second look agrees
    began                                              ended

The sink commits what ClickHouse has, twice a second. Afterwards the tables have to add up.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import time
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from figures import Spread, cpu_s, peak_mb
from prepared import Prepared, Sent, send

from deploy.local.stack import Stack
from sinks.clickhouse import ClickHouse
from streams.composition import GROUPS, STAGES
from streams.local import PARTITIONS, LocalPipeline
from streams.offsets import Lag, wait_until_drained
from streams.producing.produce import prepare
from streams.producing.rows import Message, Row
from streams.runtime.partitioner import partition_of
from streams.sample import generate
from streams.topics import touchpoint_topic

EVENTS_PER_CUSTOMER = 40
DEADLINE_S = 1_200
#: How often Kafka is asked whether the end has come, while it may be near and while it isn't: each answer takes some
#: 20 ms of the cores that are measured.
NEAR_S, FAR_S = 0.1, 1.0
FAR_RECORDS = 30_000
SERVERS = ("kafka", "clickhouse")


class Used(NamedTuple):
    """What one process has used in a run: CPU per event, and the most memory that it has had."""

    us_per_event: float
    rss_mb: float


class Run(NamedTuple):
    """``ended_s`` and ``produced_s`` since the first event; ``used`` by process, this one as `producer`."""

    events: int
    ended_s: float
    produced_s: float
    used: dict[str, Used]


class Finish:
    """Notes when everything was first seen committed."""

    def __init__(self) -> None:
        self.ended_at = 0.0
        self._behind = 0

    def note_lag(self, lag: Lag) -> None:
        """What Kafka has told."""
        self._behind = sum(position.behind for position in lag.values())
        if self._behind:
            self.ended_at = 0.0
        else:
            self.ended_at = self.ended_at or time.monotonic()

    def pause(self, _seconds: float) -> None:
        """Until it is time to ask Kafka again."""
        time.sleep(FAR_S if self._behind > FAR_RECORDS else NEAR_S)


def make_events(count: int) -> list[Prepared]:
    """Sample touchpoints as `omnijourney produce` would send them, in the order of their delivery."""
    customers = max(50, count // EVENTS_PER_CUSTOMER)
    rows = (Row("sample", number, b"", record) for number, record in enumerate(generate(customers, 28, 1)))
    messages = (message for row in rows if isinstance(message := prepare(row), Message))
    return [
        Prepared(
            touchpoint_topic(m.channel),
            partition_of(m.key, PARTITIONS) if m.key else m.line % PARTITIONS,
            m.key,
            m.value,
        )
        for m in islice(messages, count)
    ]


def run_once(events: list[Prepared], number: int) -> Run:
    """One run on a stack of its own."""
    stack = Stack(f"bench-end-to-end-{os.getpid()}-{number}")
    addresses = stack.up(owner=os.getpid())
    try:
        pipeline = LocalPipeline(stack, addresses)
        pipeline.prepare()
        pipeline.start_workers()
        run = _measure(pipeline, events)
        with ClickHouse(pipeline.settings.clickhouse_url) as client:
            _require_rows(client, len(events))
    finally:
        stack.down(purge=True)
    return run


def _measure(pipeline: LocalPipeline, events: list[Prepared]) -> Run:
    pids = {name: pipeline.stack.pid(name) for name in (*STAGES, *SERVERS)}
    finish = Finish()
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    bootstrap = pipeline.settings.kafka_bootstrap
    sent = send(bootstrap, events)
    wait_until_drained(bootstrap, GROUPS, DEADLINE_S, finish.note_lag, pause=finish.pause)
    if any(pipeline.stack.pid(name) != pid for name, pid in pids.items()):
        raise SystemExit("a process ended and was started again meanwhile: see the logs")
    used = {name: Used((cpu_s(pid) - before[name]) / len(events) * 1e6, peak_mb(pid)) for name, pid in pids.items()}
    used["producer"] = _own(sent, len(events))
    return Run(len(events), finish.ended_at - sent.began, sent.seconds, used)


def _own(sent: Sent, events: int) -> Used:
    return Used(sent.cpu_s / events * 1e6, peak_mb(os.getpid()))


def _require_rows(client: ClickHouse, sent: int) -> None:
    ((counted,),) = client.query("SELECT sum(records) FROM outcomes FINAL")
    ((accepted,),) = client.query("SELECT sum(records) FROM outcomes FINAL WHERE outcome = 'accepted'")
    ((visible,),) = client.query("SELECT count() FROM touchpoints FINAL")
    if (counted, accepted) != (sent, visible):
        raise SystemExit(f"sent {sent}, outcomes {counted}; accepted {accepted}, visible {visible}")


def show(runs: list[Run]) -> None:
    """The table of all runs."""
    print(f"{runs[0].events:,} events, {len(runs)} runs")
    print(f"{'events/s':<20}{'min':>10}{'median':>10}{'max':>10}")
    for name, rates in (("end to end", _end_to_end(runs)), ("produced", _produced(runs))):
        print(f"{name:<20}{rates.text}")
    print(f"{'':<20}{'us CPU/event':>20}{'MB':>10}")
    for name, used in _used(runs).items():
        print(f"{name:<20}{used.us_per_event:20,.1f}{used.rss_mb:10,.0f}")
    print("MB is the most resident memory.")


def as_json(runs: list[Run]) -> str:
    """One line with what `show` shows."""
    used = {name: one._asdict() for name, one in _used(runs).items()}
    figures = {
        "end_to_end": _end_to_end(runs)._asdict(),
        "produced": _produced(runs)._asdict(),
        "events": runs[0].events,
        "stages": {name: used[name] for name in STAGES},
        "others": {name: used[name] for name in used if name not in STAGES},
    }
    return json.dumps(figures)


def _end_to_end(runs: Iterable[Run]) -> Spread:
    return Spread.of(run.events / run.ended_s for run in runs)


def _produced(runs: Iterable[Run]) -> Spread:
    return Spread.of(run.events / run.produced_s for run in runs)


def _used(runs: list[Run]) -> dict[str, Used]:
    """Median CPU and highest memory of each process."""
    return {
        name: Used(
            statistics.median(run.used[name].us_per_event for run in runs), max(run.used[name].rss_mb for run in runs)
        )
        for name in runs[0].used
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON line last")
    options = parser.parse_args()
    # As an exception it ends the stack.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    events = make_events(options.events)
    runs = [run_once(events, number) for number in range(options.runs)]
    show(runs)
    if options.json:
        print(as_json(runs))


if __name__ == "__main__":
    main()
