"""Events per second from `produce` to visible in ClickHouse, beside a plain Faust agent in the same run.

    python tests/bench/end_to_end.py [--events N] [--runs R] [--json]

Each run has a stack of its own: Kafka, ClickHouse, one worker of each stage, the producer and this process share the
machine. The clock runs from the first event produced until every group has committed the ends of its topics, which is
when the last row is in ClickHouse. Then the baseline reads the same touchpoint topics, alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from itertools import islice
from pathlib import Path

from deploy.local.stack import Stack
from sinks.clickhouse import ClickHouse
from streams.composition import STAGES
from streams.local import LocalPipeline
from streams.producing.produce import produce_records
from streams.sample import generate

BASELINE = Path(__file__).with_name("plain_faust.py")
EVENTS_PER_CUSTOMER = 40
DEADLINE_S = 1_200
CPU = re.compile(r"^process_cpu_seconds_total (\S+)$", re.MULTILINE)
MEMORY = re.compile(r"^process_resident_memory_bytes (\S+)$", re.MULTILINE)


def run_once(events: int, number: int) -> dict[str, object]:
    """One run: ours and the baseline's events per second, and what each worker used."""
    stack = Stack(f"bench-{os.getpid()}-{number}")
    addresses = stack.up(owner=os.getpid())
    try:
        pipeline = LocalPipeline(stack, addresses)
        pipeline.prepare()
        pipeline.start_workers()
        customers = max(50, events // EVENTS_PER_CUSTOMER)
        began = time.monotonic()
        produced = produce_records(islice(generate(customers, 28, 1), events), addresses.kafka_bootstrap)
        produced_s = time.monotonic() - began
        pipeline.drain(DEADLINE_S)
        seconds = time.monotonic() - began
        sent = produced.counts.total.sent
        _require_visible(pipeline, sent)
        stages = {stage: _used(pipeline, stage) for stage in STAGES}
        stack.remove(*STAGES)
        baseline = _baseline(addresses.kafka_bootstrap, sent, number)
    finally:
        stack.down(purge=True)
    return {
        "events": sent,
        "ours": sent / seconds,
        "faust": baseline["events"] / baseline["seconds"],
        "produce_s": produced_s,
        "stages": stages,
    }


def _require_visible(pipeline: LocalPipeline, sent: int) -> None:
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        ((counted,),) = client.query("SELECT sum(records) FROM outcomes FINAL")
        ((accepted,),) = client.query("SELECT sum(records) FROM outcomes FINAL WHERE outcome = 'accepted'")
        ((visible,),) = client.query("SELECT count() FROM touchpoints FINAL")
    if (counted, accepted) != (sent, visible):
        raise SystemExit(f"sent {sent}, outcomes {counted}; accepted {accepted}, visible {visible}")


def _used(pipeline: LocalPipeline, stage: str) -> dict[str, float]:
    with urllib.request.urlopen(pipeline.metrics_url(stage), timeout=10) as answer:
        text = answer.read().decode()
    cpu, memory = CPU.search(text), MEMORY.search(text)
    return {"cpu_s": float(cpu[1]) if cpu else 0.0, "rss_mb": float(memory[1]) / 1e6 if memory else 0.0}


def _baseline(bootstrap: str, events: int, number: int) -> dict[str, float]:
    command = [sys.executable, str(BASELINE), bootstrap, str(events), f"plain-{number}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            return dict(json.loads(line))
    raise SystemExit(f"the baseline ended with {done.returncode}: {done.stderr[-2000:]}")


def spread(values: list[float]) -> dict[str, float]:
    """Minimum, median and maximum."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON line last")
    options = parser.parse_args()
    runs = [run_once(options.events, number) for number in range(options.runs)]
    ours, faust = spread([r["ours"] for r in runs]), spread([r["faust"] for r in runs])
    ratio = spread([r["ours"] / r["faust"] for r in runs])
    print(f"{runs[0]['events']:,} events, {options.runs} runs; events/s    min   median      max")
    for name, values in (("end to end, 3 stages and ClickHouse", ours), ("plain Faust agent, counting", faust)):
        print(f"{name:<40} {values['min']:7,.0f}  {values['median']:7,.0f}  {values['max']:7,.0f}")
    print(f"{'ratio':<40} {ratio['min']:7.2f}  {ratio['median']:7.2f}  {ratio['max']:7.2f}")
    for stage, used in runs[-1]["stages"].items():
        per_event = used["cpu_s"] / runs[-1]["events"] * 1e6
        print(
            f"  {stage:<10} {used['cpu_s']:6.1f} s CPU = {per_event:4.0f} us/event, {used['rss_mb']:4.0f} MB resident"
        )
    if options.json:
        print(json.dumps({"end_to_end": ours, "faust": faust, "ratio": ratio, "stages": runs[-1]["stages"]}))


if __name__ == "__main__":
    main()
