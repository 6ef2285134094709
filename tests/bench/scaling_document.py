"""The tables of docs/scaling.md: what was measured, what follows from it, and where each part stops.

    python tests/bench/scaling_document.py [docs/scaling.md]     the tables, or the document with them anew

`tests/unit/test_scaling.py` holds the document equal to the model.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.bench.scaling import (  # noqa: E402
    DAY_S,
    GB,
    MB,
    RATES,
    TB,
    Assumed,
    Costs,
    Plan,
    full_after_days,
    limits,
    load,
    plan,
)

#: Histories that are compared.
STATE_DAYS = (7, 30, 90, 400)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Two or three digits that count: 1,230 or 0.012."""
    if value == 0:
        return "0"
    return (
        f"{float(f'{value:.3g}'):,.0f}" if abs(value) >= 100 else f"{value:.2g}" if abs(value) < 10 else f"{value:.0f}"
    )


def size(value: float) -> str:
    """Bytes as people read them."""
    for name, unit in (("PB", 1e15), ("TB", TB), ("GB", GB), ("MB", MB)):
        if value >= unit:
            return f"{number(value / unit)} {name}"
    return f"{number(value)} bytes"


def span(seconds: float) -> str:
    """Seconds as people read them."""
    if seconds < 120:
        return f"{number(seconds)} s"
    return f"{number(seconds / 60)} min" if seconds < 7_200 else f"{number(seconds / 3_600)} h"


def measured(costs: Costs) -> str:
    """What a million touchpoints cost."""
    memory, idle = costs["peak_mb"], costs["idle_cores"]
    cpu = [
        [name, number(us), f"{memory[name]:,.0f}", f"{idle[name]:.3f}"]
        for name, us in costs["cpu_us"].items()
        if name in memory
    ]
    topics = [
        [name, number(costs["topic_records"][name] * 1e6), size(bytes_ * 1e6)]
        for name, bytes_ in costs["topic_bytes"].items()
        if costs["topic_records"][name]
    ]
    state = [[name, size(bytes_ * 1e6)] for name, bytes_ in costs["state_bytes"].items()]
    tables = [
        [name, number(table["rows"] * 1e6), size(table["bytes"] * 1e6), size(table["raw_bytes"] * 1e6)]
        for name, table in costs["tables"].items()
    ]
    run = costs["measured"]
    recovery = costs["recovery"]
    return "\n\n".join(
        [
            f"Measured on {run['on']} with {number(costs['events'])} touchpoints of {number(costs['customers'])}"
            f" customers, runs: {number(run['runs'])} (of several the median), {run['cores']} cores for everything;"
            f" end to end {number(costs['events_per_second'])} touchpoints a second.",
            _table(["process", "CPU s", "most memory, MB", "cores at rest"], cpu),
            _table(["topic", "records", "on disk (lz4), one copy"], topics),
            _table(["state of", "on disk"], state),
            _table(["table", "rows", "on disk, one copy", "not compressed"], tables),
            "CUSTOMERS' state comes back from its changelog at"
            f" {number(recovery['records_per_second'])} records a second.",
        ]
    )


def _beyond(p: Plan, what: str) -> str:
    return ": too much, see below" if what in p.beyond else ""


_ROWS: Sequence[tuple[str, Callable[[Plan], str]]] = (
    ("INTAKE: cores, workers", lambda p: f"{number(p.cores['intake'])}, {p.workers['intake']:,}"),
    (
        "IDENTITY, cores: one is all there is",
        lambda p: f"{number(p.cores['identity'])}{_beyond(p, 'IDENTITY, one core')}",
    ),
    ("IDENTITY, state", lambda p: f"{size(p.state['identity'])}{_beyond(p, 'IDENTITY, one state')}"),
    ("CUSTOMERS: cores, workers", lambda p: f"{number(p.cores['customers'])}, {p.workers['customers']:,}"),
    ("SINK: cores, workers", lambda p: f"{number(p.cores['sink'])}, {p.workers['sink']:,}"),
    ("partitions of each keyed topic", lambda p: f"{p.partitions:,}"),
    ("state of INTAKE, CUSTOMERS", lambda p: f"{size(p.state['intake'])}, {size(p.state['customers'])}"),
    ("a worker of CUSTOMERS reads its state back in", lambda p: span(p.recovery_s)),
    ("Kafka, cores", lambda p: number(p.cores["kafka"])),
    ("Kafka, brokers", lambda p: f"{p.brokers:,}"),
    ("Kafka, written a second (one copy, mean)", lambda p: size(p.kafka_in)),
    ("Kafka, kept (all copies)", lambda p: size(p.kafka_disk)),
    ("ClickHouse, cores (all replicas)", lambda p: number(p.cores["clickhouse"])),
    ("ClickHouse, shards of two replicas", lambda p: f"{p.shards:,}"),
    ("ClickHouse, rows a day", lambda p: number(p.rows_day)),
    ("ClickHouse, disks (all replicas)", lambda p: size(p.clickhouse_disk)),
    ("ClickHouse, who is who on each node", lambda p: f"{size(p.everywhere)}{_beyond(p, 'who is who')}"),
    ("ClickHouse, disk of each node", lambda p: f"{size(p.node_disk)}{_beyond(p, 'who is who')}"),
    ("inserts into touchpoints a second", lambda p: f"{number(p.parts_s)}{_beyond(p, 'parts')}"),
    ("memory", lambda p: size(p.memory)),
    ("money a month: cores", lambda p: number(p.money["cores"])),
    ("memory", lambda p: number(p.money["memory"])),
    ("disks", lambda p: number(p.money["disks"])),
    ("traffic", lambda p: number(p.money["traffic"])),
    ("all", lambda p: number(p.money["all"])),
    ("a million touchpoints cost", lambda p: f"{p.money['all'] / (p.rate * DAY_S * 30.4) * 1e6:.2f}"),
)


def needed(costs: Costs) -> str:
    """What the rates need, side by side."""
    plans = [plan(costs, rate) for rate in RATES]
    return _table(
        ["touchpoints a second", *(f"{rate:,}" for rate in RATES)],
        [[name, *(row(p) for p in plans)] for name, row in _ROWS],
    )


def stops(costs: Costs) -> str:
    """Where each part stops."""
    return _table(
        ["part", "touchpoints/s", "because", "then"],
        [[one.part, number(one.rate), one.why, one.then] for one in limits(costs)],
    )


def forgetting(costs: Costs) -> str:
    """What it would save to forget."""
    full = ", ".join(
        f"{number(full_after_days(costs, stage))} days ({stage.upper()})" for stage in ("intake", "customers")
    )
    table = _table(
        ["days in state", *(f"{rate:,} a second" for rate in RATES)],
        [[f"{days:,}", *(_with_days(costs, rate, days) for rate in RATES)] for days in STATE_DAYS],
    )
    return f"A worker with all the work that it can do has its 200 GB after {full}.\n\n{table}"


def _with_days(costs: Costs, rate: float, days: float) -> str:
    p = plan(costs, rate, Assumed(state_days=days))
    workers = p.workers["intake"] + p.workers["customers"]
    return f"{workers:,} workers, {span(p.recovery_s)}, {number(p.money['all'])}"


PARTS: Mapping[str, Callable[[Costs], str]] = {
    "measured": measured,
    "needed": needed,
    "forgetting": forgetting,
    "stops": stops,
}


def filled(text: str, costs: Costs) -> str:
    """``text`` with its tables anew; ValueError where a mark is missing."""
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}: tests/bench/scaling.py -->", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"expected the marks {begin} and {end}")
        text = f"{before}{begin}\n\n{part(costs)}\n\n{end}{after}"
    return text


def write_document(path: Path) -> None:
    """Fill the document at ``path`` from `COSTS`."""
    path.write_text(filled(path.read_text("utf-8"), load()), "utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write_document(Path(sys.argv[1]))
    else:
        print("\n\n".join(part(load()) for part in PARTS.values()))
