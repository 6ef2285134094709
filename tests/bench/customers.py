"""Touchpoints per second of CUSTOMERS alone beside the session windows of Quix Streams, in one run on one machine.

    python tests/bench/customers.py [--touchpoints N] [--runs R] [--only ours,quix] [--json]

What INTAKE and IDENTITY send to customers.activity is made before (`activity.py`), and lies in Kafka when a worker
begins to read it. The clock runs from the first record until outputs, changelog and state of the last are durable;
touchpoints that move to another customer are read again on the way. Quix Streams counts the same touchpoints, in JSON,
in one session window for each customer that INTAKE named: without channels, journeys, credits, orders, or customers
that become one. Each run has a broker of its own, on which a contender is alone; the runs begin in turn with another.
What they have sent is read back: each journey-forming touchpoint has to be in one session, and ours in one journey.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import orjson
from activity import Activity, make_activity
from contenders.task import PARTITIONS, Task
from figures import Spread
from prepared import send
from quix_environment import quix_python
from runtime import Contender, Outcome, ask, create_topic, read_back

from deploy.local.stack import Stack
from schemas.columns import decode_columns
from streams import topic_admin, topics

PLAIN = "touchpoints"
ENTRANTS = {
    "ours": Contender("customers.py", lambda: Path(sys.executable)),
    "quix": Contender("quix.py", quix_python),
}
#: Touchpoints a second: what is wanted of a process, and what Kafka Streams' session windows did on such a machine.
WANTED = 15_000
KAFKA_STREAMS = 35_000

Outcomes = dict[str, list[Outcome]]


def run_once(activity: Activity, names: list[str], number: int) -> dict[str, Outcome]:
    """All contenders, one after the other."""
    stack = Stack(f"bench-customers-{os.getpid()}-{number}")
    bootstrap = stack.up(owner=os.getpid()).kafka_bootstrap
    try:
        stack.remove("clickhouse")
        topic_admin.apply(bootstrap, topics.declared(PARTITIONS, PARTITIONS), 1)
        create_topic(bootstrap, PLAIN)
        send(bootstrap, [*activity.records, *activity.plain])
        return {name: run_one(bootstrap, activity, name) for name in names}
    finally:
        stack.down(purge=True)


def run_one(bootstrap: str, activity: Activity, name: str) -> Outcome:
    """One process; SystemExit where it does not do what it should. The outcome's records are touchpoints."""
    source, records = (topics.ACTIVITY, activity.records) if name == "ours" else (PLAIN, activity.plain)
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        task = Task("sessions", bootstrap, source, f"{name}-sessions", name, len(records), Path(folder))
        create_topic(bootstrap, task.output)
        outcome = ask(ENTRANTS[name], task)._replace(records=len(activity.plain))
    if name == "ours":
        for topic, kind in ((topics.SESSIONS, "session"), (topics.JOURNEYS, "journey")):
            require(topic, _in_rows(bootstrap, topic, kind), activity.kept)
    else:
        # It does without INTAKE's word that a touchpoint was a machine's after all.
        require(task.output, _in_windows(bootstrap, task.output), activity.forming)
    return outcome


def require(topic: str, found: int, sent: int) -> None:
    """SystemExit unless ``topic`` has all touchpoints."""
    if found != sent:
        raise SystemExit(f"{topic} has {found:,} touchpoints, {sent:,} were sent")


def _in_rows(bootstrap: str, topic: str, kind: str) -> int:
    """Touchpoints in the live rows."""
    columns = decode_columns([value for _, value in read_back(bootstrap, topic)], kind)
    last: dict[str, tuple[int, int]] = {}
    for key, *row in zip(*map(columns.column, (f"{kind}_id", "version", "touchpoints")), strict=True):
        last[key] = max(last.get(key, (0, 0)), (row[0], row[1]))
    return sum(touchpoints for _, touchpoints in last.values())


def _in_windows(bootstrap: str, topic: str) -> int:
    """Touchpoints in the windows that no later one of the same key has taken up."""
    windows: dict[bytes, list[dict[str, int]]] = defaultdict(list)
    for key, value in read_back(bootstrap, topic):
        new = orjson.loads(value)
        others = [old for old in windows[key] if old["start"] < new["start"] or old["end"] > new["end"]]
        windows[key] = [*others, new]
    return sum(window["count"] for several in windows.values() for window in several)


def show(outcomes: Outcomes, activity: Activity, runs: int) -> None:
    """The table, with what has to be known to read it."""
    print(f"{activity.told}; {runs} runs")
    print(f"{'touchpoints/s':<20}{'min':>10}{'median':>10}{'max':>10}{'us CPU':>8}{'MB':>6}{'ours is':>11}")
    for name, ones in outcomes.items():
        rates = _rates(ones)
        ours = f"{_rates(outcomes['ours']).median / rates.median:.1f} times" if "ours" in outcomes else ""
        cpu_us = min(one.cpu_s / one.records for one in ones) * 1e6
        print(f"{name:<20}{rates.text}{cpu_us:8.1f}{max(one.rss_mb for one in ones):6,.0f}{ours:>11}")
    print(f"wanted of ours{WANTED:26,}")
    print(f"Kafka Streams' session windows{KAFKA_STREAMS:10,}  a mark, not of this run")
    print("us CPU: of the process, per touchpoint, the least of all runs. MB: most resident.")


def as_json(outcomes: Outcomes, activity: Activity) -> str:
    """One line: contender -> median, min and max touchpoints per second, CPU in us of each, most resident memory."""
    figures: dict[str, object] = {
        name: {
            **_rates(ones)._asdict(),
            "cpu_us": min(one.cpu_s / one.records for one in ones) * 1e6,
            "rss_mb": max(one.rss_mb for one in ones),
        }
        for name, ones in outcomes.items()
    }
    sent = len(activity.plain)
    return json.dumps({**figures, "touchpoints": sent, "journey_forming": activity.forming / sent})


def _rates(ones: list[Outcome]) -> Spread:
    return Spread.of(one.rate for one in ones)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--touchpoints", type=int, default=200_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default=",".join(ENTRANTS), help="contenders, comma-separated")
    parser.add_argument("--json", action="store_true", help="one JSON line last")
    options = parser.parse_args()
    names = options.only.split(",")
    # As an exception it ends the contender at work and the stack.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name in names:
        ENTRANTS[name].python()  # what has to be installed is installed before anything is measured
    activity = make_activity(options.touchpoints, PLAIN)
    outcomes: Outcomes = {name: [] for name in names}
    for number in range(options.runs):
        first = number % len(names)
        for name, outcome in run_once(activity, names[first:] + names[:first], number).items():
            outcomes[name].append(outcome)
            print(f"  run {number + 1}, {name}: {outcome.rate:,.0f}/s", file=sys.stderr)
    show(outcomes, activity, options.runs)
    if options.json:
        print(as_json(outcomes, activity))


if __name__ == "__main__":
    main()
