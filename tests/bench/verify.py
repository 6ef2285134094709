"""How long `omnijourney verify` takes, and how much memory, over what the pipeline has made of sample touchpoints.

    python tests/bench/verify.py [--events N] [--runs R] [--json]

    sample touchpoints --> the pipeline on a stack of its own --> ClickHouse; its workers stop
                                                                      |
    each run, each a process of its own:    baseline: read the touchpoints in the order of customers, and nothing else
                                            all of them verified, engagement included
                                            10 % and 1 % of the customers

Everything must be found equal. The clock includes the start of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from end_to_end import DEADLINE_S, make_events
from figures import Spread, Used, used_by
from prepared import send

from deploy.local.stack import Stack
from sinks.clickhouse import ClickHouse
from sinks.verify import Tables
from streams.composition import STAGES
from streams.local import LocalPipeline

READ = "--read"
#: What is measured -> the arguments of this interpreter.
MEASURED: Mapping[str, tuple[str, ...]] = {
    "only read": (__file__, READ),
    "verify all": ("-m", "streams.cli", "verify"),
    "verify 10%": ("-m", "streams.cli", "verify", "--customers", "10%"),
    "verify 1%": ("-m", "streams.cli", "verify", "--customers", "1%"),
}


def fill(pipeline: LocalPipeline, count: int) -> int:
    """Let the pipeline take ``count`` sample touchpoints, and stop its workers; how many were accepted."""
    pipeline.prepare()
    pipeline.start_workers()
    send(pipeline.settings.kafka_bootstrap, make_events(count))
    pipeline.drain(DEADLINE_S)
    pipeline.stack.remove(*STAGES)
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        ((accepted,),) = client.query("SELECT count() FROM touchpoints FINAL")
    return int(accepted)


def read() -> None:
    """The baseline: every touchpoint, in the order in which customers are stitched."""
    for _ in Tables(os.environ["OMNIJOURNEY_CLICKHOUSE_URL"]).touchpoints(()):
        pass


def show(touchpoints: int, runs: Mapping[str, Sequence[Used]]) -> None:
    """The table of all runs."""
    print(f"{touchpoints:,} touchpoints, {len(runs['verify all'])} runs")
    print(f"{'seconds':<12}{'min':>10}{'median':>10}{'max':>10}{'CPU s':>10}{'MB':>8}{'touchpoints/s':>16}")
    for name, of in runs.items():
        seconds = Spread.of(run.wall_s for run in of)
        cpu_s, rss_mb = Spread.of(run.cpu_s for run in of).median, max(run.peak_mb for run in of)
        rate = f"{touchpoints / seconds.median:16,.0f}" if name in ("only read", "verify all") else ""
        times = f"{seconds.min:10.1f}{seconds.median:10.1f}{seconds.max:10.1f}"
        print(f"{name:<12}{times}{cpu_s:10.1f}{rss_mb:8,.0f}{rate}")
    print("CPU is of the process alone; MB is its most resident memory; rates are of the median.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON line last")
    parser.add_argument(READ, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read()
        return
    # As an exception it ends the stack.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    stack = Stack(f"bench-verify-{os.getpid()}")
    addresses = stack.up(owner=os.getpid())
    try:
        pipeline = LocalPipeline(stack, addresses)
        touchpoints = fill(pipeline, options.events)
        runs: dict[str, list[Used]] = {name: [] for name in MEASURED}
        for _ in range(options.runs):
            for name, arguments in MEASURED.items():
                runs[name].append(used_by([sys.executable, *arguments], pipeline.variables))
    finally:
        stack.down(purge=True)
    show(touchpoints, runs)
    if options.json:
        figures = {name: [run._asdict() for run in of] for name, of in runs.items()}
        print(json.dumps({"touchpoints": touchpoints, "runs": figures}))


if __name__ == "__main__":
    main()
