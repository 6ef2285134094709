"""What a million touchpoints cost: CPU of each process, bytes on each topic, state, rows and bytes in ClickHouse.

    python tests/bench/costs.py [--events N] [--runs R] [--write]

Sample touchpoints, 40 a customer over four weeks, go through a pipeline on a stack of its own (`end_to_end.py`'s), and
everything that stays of them is measured when it is drained. Then CUSTOMERS' state is thrown away and read back from
its changelog. ``--write`` puts the figures into `costs.json` and what follows from them into docs/scaling.md.

CPU seconds say more than the clock on a machine that others use; still, caches and merges differ, so take a quiet one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from end_to_end import DEADLINE_S, SERVERS, Finish, make_events
from figures import cpu_s, peak_mb
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from prepared import Prepared, send
from rocksdict import Options, Rdict
from scaling_document import ROOT, write_document

from deploy.local.ports import free_ports
from deploy.local.processes import ProcessSpec
from deploy.local.stack import Stack
from sinks.clickhouse import ClickHouse
from streams.broker import admin
from streams.composition import GROUPS, STAGES
from streams.local import LocalPipeline
from streams.offsets import wait_until_drained
from tests.bench.scaling import COSTS

STATEFUL = ("intake", "identity", "customers")
#: How long nothing is sent, to see what each process takes then.
IDLE_S = 10.0
_LOG = re.compile(r"(?P<topic>.+)-(?P<partition>[0-9]+)")
_TABLES = """
SELECT table, sum(rows), sum(bytes_on_disk), sum(data_uncompressed_bytes) FROM system.parts
WHERE active AND database = %(database)s GROUP BY table HAVING sum(rows) > 0 ORDER BY table
"""

Figures = dict[str, Any]


def run_once(events: list[Prepared], number: int) -> Figures:
    """The figures of one run, an event each unless the name says otherwise."""
    stack = Stack(f"bench-costs-{os.getpid()}-{number}")
    addresses = stack.up(owner=os.getpid())
    try:
        pipeline = LocalPipeline(stack, addresses)
        pipeline.prepare()
        pipeline.start_workers()
        figures = _measure(pipeline, events)
        figures["state_bytes"] = _state_bytes(pipeline, len(events))
        figures["recovery"] = _recovery(pipeline)
    finally:
        stack.down(purge=True)
    return figures


def _measure(pipeline: LocalPipeline, events: list[Prepared]) -> Figures:
    count = len(events)
    pids = {name: pipeline.stack.pid(name) for name in (*STAGES, *SERVERS)}
    before = {name: cpu_s(pid) for name, pid in pids.items()}
    began = time.monotonic()
    sent = send(pipeline.settings.kafka_bootstrap, events)
    finish = Finish()
    wait_until_drained(pipeline.settings.kafka_bootstrap, GROUPS, DEADLINE_S, finish.note_lag, pause=finish.pause)
    taken, seconds = {name: cpu_s(pid) - before[name] for name, pid in pids.items()}, time.monotonic() - began
    # What a process takes at rest it takes by the second, not by the event: it would count the oftener, the slower
    # others make this machine. ClickHouse is not at rest yet: it merges.
    idle = {**_idle(pids), "clickhouse": 0.0}
    used = {name: max(0.0, taken[name] - idle[name] * seconds) / count * 1e6 for name in pids}
    topics, records = _topics(pipeline)
    return {
        "events": count,
        "customers": _ask(pipeline, "SELECT count() FROM customers"),
        "events_per_second": count / (finish.ended_at - sent.began),
        "idle_cores": idle,
        "cpu_us": {**used, "producer": sent.cpu_s / count * 1e6},
        "peak_mb": {name: peak_mb(pid) for name, pid in pids.items()},
        "source_bytes_raw": sum(len(event.value) for event in events) / count,
        "topic_bytes": {topic: size / count for topic, size in topics.items()},
        "topic_records": {topic: number / count for topic, number in records.items()},
        "tables": _tables(pipeline, count),
    }


def _idle(pids: Mapping[str, int]) -> Mapping[str, float]:
    """Cores that each process takes once nothing comes any more."""
    before, began = {name: cpu_s(pid) for name, pid in pids.items()}, time.monotonic()
    time.sleep(IDLE_S)
    return {name: (cpu_s(pid) - before[name]) / (time.monotonic() - began) for name, pid in pids.items()}


def _topics(pipeline: LocalPipeline) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """Bytes on disk, as compressed by who wrote them, and records ever written, by topic; internal ones left out."""
    sizes: defaultdict[str, int] = defaultdict(int)
    places: list[TopicPartition] = []
    for folder in (pipeline.stack.folder / "kafka").iterdir():
        if (match := _LOG.fullmatch(folder.name)) and not folder.name.startswith("__"):
            sizes[match["topic"]] += sum(path.stat().st_size for path in folder.glob("*.log"))
            places.append(TopicPartition(match["topic"], int(match["partition"])))
    records: defaultdict[str, int] = defaultdict(int)
    with admin(pipeline.settings.kafka_bootstrap) as client:
        for place, end in client.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST)).items():
            records[place.topic] += end.offset
    return sizes, records


def _tables(pipeline: LocalPipeline, count: int) -> dict[str, dict[str, float]]:
    """Rows and bytes of each table by the event once its versions are merged, as they are a while later."""
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        params = {"database": client.database}
        for table, *_ in client.query(_TABLES, params):
            client.query(f"OPTIMIZE TABLE `{table}` FINAL")
        return {
            table: {"rows": rows / count, "bytes": size / count, "raw_bytes": raw / count}
            for table, rows, size, raw in client.query(_TABLES, params)
            if table != "schema_versions"
        }


def _state_bytes(pipeline: LocalPipeline, count: int) -> dict[str, float]:
    """What each state takes on disk once RocksDB has compacted it, by the event; ends the workers that have one."""
    found = {}
    for stage in STATEFUL:
        pipeline.stack.remove(stage)
        sizes = []
        for path in (pipeline.stack.folder / "state" / stage).rglob("CURRENT"):
            with closing(Rdict(str(path.parent), Options(raw_mode=True))) as rocks:
                rocks.compact_range(None, None)
                sizes.append(rocks.property_int_value("rocksdb.total-sst-files-size") or 0)
        found[stage] = sum(sizes) / count
    return found


def _recovery(pipeline: LocalPipeline) -> Figures:
    """How fast CUSTOMERS' state comes back from its changelog, with an empty disk."""
    (port,) = free_ports(1)
    folder = pipeline.stack.folder / "state" / "customers"
    shutil.rmtree(folder)
    own = {"HTTP_PORT": str(port), "STATE_DIR": str(folder), "INSTANCE_ID": "customers"}
    environment = {**pipeline.variables, **{f"OMNIJOURNEY_{name}": value for name, value in own.items()}}
    argv = (sys.executable, "-m", "streams.cli", "worker", "customers")
    pipeline.stack.add([ProcessSpec("customers", argv, environment, f"http://127.0.0.1:{port}/ready", stop_seconds=30)])
    metrics = _scrape(f"http://127.0.0.1:{port}/metrics")
    records = metrics["journey_stage_recovered_records_total"]
    return {
        "records": records,
        "cpu_us": cpu_s(pipeline.stack.pid("customers")) / max(records, 1) * 1e6,
        "records_per_second": records / max(metrics["journey_stage_recovery_seconds"], 1e-3),
    }


def _scrape(url: str) -> Mapping[str, float]:
    """Metrics by name, their series added up."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found: defaultdict[str, float] = defaultdict(float)
    for line in lines:
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            found[name.partition("{")[0]] += float(value)
    return found


def _ask(pipeline: LocalPipeline, sql: str) -> Any:
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        return client.query(sql)[0][0]


def median(runs: Sequence[Any]) -> Any:
    """Figure by figure; of numbers the median, to four digits."""
    if isinstance(runs[0], dict):
        names = sorted({name for run in runs for name in run})
        return {name: median([run[name] for run in runs if name in run]) for name in names}
    return float(f"{statistics.median(runs):.4g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="costs.json and the tables of docs/scaling.md anew")
    options = parser.parse_args()
    # As an exception it ends the stack.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    events = make_events(options.events)
    began = time.strftime("%Y-%m-%d")
    runs = [run_once(events, number) for number in range(options.runs)]
    figures = {**median(runs), "measured": {"on": began, "runs": len(runs), "cores": os.cpu_count()}}
    text = json.dumps(figures, indent=1, sort_keys=True) + "\n"
    print(text)
    if options.write:
        COSTS.write_text(text, "utf-8")
        write_document(ROOT / "docs" / "scaling.md")


if __name__ == "__main__":
    main()
