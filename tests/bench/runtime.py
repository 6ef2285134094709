"""Records per second of this project's runtime beside a plain Faust agent and Quix Streams, in one run on one machine.

    python tests/bench/runtime.py [--records N] [--runs R] [--only ours,faust,quix] [--json]

One local Kafka and one topic for all; each contender is a process of its own, alone with the broker, and reads the
topic from the beginning in a group of its own. The runs of the contenders alternate. `contenders/task.py` says what
is asked of them and how the clock runs. What they send is read back: the last count of every key has to add up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from contenders.task import PARTITIONS, Task
from figures import Spread
from prepared import Prepared, send
from quix_environment import quix_python

from deploy.local.stack import Stack
from streams.broker import admin
from streams.runtime.partitioner import partition_of

CONTENDERS = Path(__file__).with_name("contenders")
MODES = ("stateful", "stateless")
KEYS = 20_000
RECORD_BYTES = 200
DEADLINE_S = 900
NOTES = """\
stateful: count and last time per key, with a changelog and outputs. Faust and Quix send an output for each record, ours
one for each key and batch; ours and Quix keep state in RocksDB and log a key once a batch or checkpoint, Faust keeps a
table in memory and logs each change. us CPU: of the process, per record, the least of all runs. MB: most resident."""


class Contender(NamedTuple):
    """``most`` records: one that is far slower reads a share, from which its pace is plain."""

    script: str
    python: Callable[[], Path]
    most: int | None = None


ENTRANTS = {
    "ours": Contender("ours.py", lambda: Path(sys.executable)),
    "faust": Contender("plain_faust.py", lambda: Path(sys.executable), most=100_000),
    "quix": Contender("quix.py", quix_python),
}


class Outcome(NamedTuple):
    """What a contender printed."""

    records: int
    seconds: float
    cpu_s: float
    rss_mb: float

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / self.seconds


Outcomes = dict[tuple[str, str], list[Outcome]]


def make_records(topic: str, count: int) -> Iterator[Prepared]:
    """``count`` events of 200 bytes in JSON, of 20,000 users in any order; a good half is random, so incompressible."""
    chance = random.Random(1)
    for number in range(count):
        user = f"user-{chance.randrange(KEYS):05}"
        event = {
            "event_id": f"{chance.getrandbits(96):024x}",
            "user": user,
            "action": "click" if chance.random() < 0.5 else "page_viewed",
            "occurred_at": 1_772_409_600_000 + 10 * number,
            "page": "",
        }
        room = RECORD_BYTES - len(orjson.dumps(event))
        event["page"] = f"{chance.getrandbits(4 * room):0{room}x}"
        key = user.encode()
        yield Prepared(topic, partition_of(key, PARTITIONS), key, orjson.dumps(event))


def run_all(bootstrap: str, names: list[str], records: int, runs: int) -> Outcomes:
    """Every contender in every mode, ``runs`` times in turn; each turn begins with another one."""
    source = "events"
    create_topic(bootstrap, source)
    send(bootstrap, make_records(source, records))
    outcomes: Outcomes = defaultdict(list)
    for number in range(runs):
        first = number % len(names)
        for mode, name in product(MODES, names[first:] + names[:first]):
            share = min(records, ENTRANTS[name].most or records)
            outcomes[mode, name].append(run_one(bootstrap, source, name, mode, share, number))
            print(f"  run {number + 1}, {mode}, {name}: {outcomes[mode, name][-1].rate:,.0f}/s", file=sys.stderr)
    return outcomes


def run_one(bootstrap: str, source: str, name: str, mode: str, records: int, number: int) -> Outcome:
    """One process; SystemExit where it does not do what it should."""
    group = f"{name}-{mode}-{number}"
    with tempfile.TemporaryDirectory(prefix=f"{group}-") as folder:
        task = Task(mode, bootstrap, source, f"{group}-output", group, records, Path(folder))
        create_topic(bootstrap, task.output)
        outcome = ask(ENTRANTS[name], task)
    if mode == "stateful":
        require_counts(bootstrap, task)
    return outcome


def ask(contender: Contender, task: Task) -> Outcome:
    """What the contender's process prints; SystemExit with its last words where it prints nothing."""
    command = [str(contender.python()), str(CONTENDERS / contender.script), *task.argv()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False, cwd=task.folder)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"{task.group} ended with {done.returncode}: {done.stdout[-1000:]}{done.stderr[-3000:]}")
    return Outcome(**json.loads(lines[-1]))


def create_topic(bootstrap: str, name: str) -> None:
    with admin(bootstrap) as client:
        client.create_topics({name: {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": {}}})
        client.wait_for_topics([name])


def require_counts(bootstrap: str, task: Task) -> None:
    """SystemExit unless the highest counts that were sent of all keys make as many records as were read."""
    counts: dict[str, int] = {}
    for _, value in read_back(bootstrap, task.output):
        told = orjson.loads(value)
        counts[told["user"]] = max(told["count"], counts.get(told["user"], 0))
    counted = sum(counts.values())
    if counted != task.records:
        raise SystemExit(f"{task.group} was to count {task.records:,} records, its outputs count {counted:,}")


def read_back(bootstrap: str, topic: str) -> list[tuple[bytes, bytes]]:
    """Keys and values of all records of ``topic``, those of a partition in order."""
    return asyncio.run(_read_back(bootstrap, topic))


async def _read_back(bootstrap: str, topic: str) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                found += ((record.key, record.value) for record in records)
    return found


def show(outcomes: Outcomes, records: int, runs: int) -> None:
    """The table, with what has to be known to read it."""
    print(f"{records:,} records of {RECORD_BYTES} B, {KEYS:,} keys, {PARTITIONS} partitions; {runs} runs each")
    print(f"{'records/s':<20}{'min':>10}{'median':>10}{'max':>10}{'us CPU':>8}{'MB':>6}{'read':>9}{'ours is':>11}")
    for (mode, name), ones in sorted(outcomes.items()):
        rates = Spread.of(one.rate for one in ones)
        ours = outcomes.get((mode, "ours"))
        ratio = f"{Spread.of(one.rate for one in ours).median / rates.median:.1f} times" if ours else ""
        cpu_us = min(one.cpu_s / one.records for one in ones) * 1e6
        memory = max(one.rss_mb for one in ones)
        print(f"{mode:<11}{name:<9}{rates.text}{cpu_us:8.1f}{memory:6,.0f}{ones[0].records:9,}{ratio:>11}")
    print(NOTES)


def as_json(outcomes: Outcomes) -> str:
    """One line: mode -> contender -> median, min and max records per second, and the most resident memory."""
    figures: dict[str, dict[str, dict[str, float]]] = {mode: {} for mode in MODES}
    for (mode, name), ones in outcomes.items():
        rates = Spread.of(one.rate for one in ones)
        figures[mode][name] = {**rates._asdict(), "rss_mb": max(one.rss_mb for one in ones)}
    return json.dumps(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default=",".join(ENTRANTS), help="contenders, comma-separated")
    parser.add_argument("--json", action="store_true", help="one JSON line last")
    options = parser.parse_args()
    names = options.only.split(",")
    # As an exception it ends the contender at work and the stack.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name in names:
        ENTRANTS[name].python()  # what has to be installed is installed before anything is measured
    stack = Stack(f"bench-runtime-{os.getpid()}")
    bootstrap = stack.up(owner=os.getpid()).kafka_bootstrap
    try:
        stack.remove("clickhouse")
        outcomes = run_all(bootstrap, names, options.records, options.runs)
    finally:
        stack.down(purge=True)
    show(outcomes, options.records, options.runs)
    if options.json:
        print(as_json(outcomes))


if __name__ == "__main__":
    main()
