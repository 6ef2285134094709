"""What follows from the measured costs for a company of a given size: cores, workers, partitions, disks, shards, money.

A model, not a measurement: `costs.json` (written by `costs.py`) has what one touchpoint costs here, `Assumed` what is
taken for granted about machines, prices and habits, each by its name. All is linear in the rate.
Units: rates a second, sizes in bytes, cores as cores of the machine that was measured, money a month.
`scaling_document.py` writes it down.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from streams.topics import declared

COSTS = Path(__file__).with_name("costs.json")
RATES = (10_000, 100_000, 1_000_000)
DAY_S = 86_400
HOURS = 730
TB, GB, MB = 1e12, 1e9, 1e6

STAGES = ("intake", "identity", "customers", "sink")
#: Groups that read a topic; the broker sends it to each.
READERS = {"customers.activity": 2, "identity.links": 2, "identity.assignments": 2, "identity.changes": 1}
#: Days that a topic is kept (docs/topics.md), where it isn't Assumed.source_days.
KEPT_DAYS = {"identity.changes": 30, "journey_changes": 30, "touchpoints.dead": 30, "touchpoints.late": 30}
COMPACTED = ("identity.assignments", "outcomes")
CHANGELOG = "-state-changelog"
#: Tables that stand whole on every node (sinks/sharding.py).
EVERYWHERE = ("identities", "identity_violations", "identity_corrections", "outcomes")

#: Topics with so many partitions as their keys are spread over.
TOPICS = sum(topic.partitions > 1 for topic in declared(2, 2))

Costs = Mapping[str, Any]


class Assumed(NamedTuple):
    """What is not measured; change it to yours."""

    peak: float = 2.0  # the busiest hour over the mean
    busy: float = 0.6  # of a core or disk, how much is used at the peak
    history_days: float = 400  # rows in ClickHouse
    state_days: float = 400  # what INTAKE has seen and CUSTOMERS keep; nothing is forgotten by itself
    source_days: float = 7  # touchpoints.*, customers.activity, journeys, sessions, engagement
    replication: int = 3  # of Kafka's topics
    follower: float = 0.5  # CPU of a broker that follows, over that of one that leads
    replicas: int = 2  # of each shard
    standbys: int = 0  # copies of state beside the worker's own
    broker_cores: int = 16
    broker_disk: float = 8 * TB
    broker_in: float = 300 * MB  # a second, written to disk, own and followed
    broker_partitions: int = 4_000  # replicas on a broker
    node_cores: int = 32  # of ClickHouse
    node_disk: float = 16 * TB
    query_share: float = 0.5  # of ClickHouse's cores, left to those who ask
    insert_rows: int = 50_000  # rows of touchpoints an insert, over all shards
    parts: float = 2.0  # new parts a second that a table of one shard merges in good order
    partition_rate: float = 2_000  # touchpoints a second of a partition, so that one hot key does little harm
    worker_state: float = 200 * GB  # of a worker, so that it is back in time
    worker_memory: float = 1 * GB
    memory_core: float = 4 * GB  # of servers, by core
    core_hour: float = 0.04
    memory_hour: float = 0.005  # by GB
    disk_month: float = 0.08  # by GB
    traffic: float = 0.01  # by GB between zones, in which two thirds of what is copied goes


class Plan(NamedTuple):
    """What ``rate`` needs."""

    rate: float
    cores: Mapping[str, float]
    workers: Mapping[str, int]
    partitions: int
    brokers: int
    kafka_in: float
    kafka_disk: float
    shards: int
    rows_day: float
    clickhouse_disk: float
    everywhere: float
    node_disk: float
    beyond: frozenset[str]
    state: Mapping[str, float]
    recovery_s: float
    parts_s: float
    memory: float
    money: Mapping[str, float]


def load() -> Costs:
    """The measured costs of one touchpoint."""
    found: Costs = json.loads(COSTS.read_text("utf-8"))
    return found


def plan(costs: Costs, rate: float, assumed: Assumed | None = None) -> Plan:
    """What ``rate`` touchpoints a second, on the mean, need."""
    a = assumed or Assumed()
    peak = rate * a.peak
    cores = {stage: peak * costs["cpu_us"][stage] / 1e6 / a.busy for stage in STAGES}
    kept = rate * DAY_S * a.history_days
    state = {
        stage: costs["state_bytes"][stage] * rate * DAY_S * a.state_days
        for stage in ("intake", "identity", "customers")
    }
    workers = {
        "identity": 2,  # the second stands by
        "sink": ceil(cores["sink"]),
        **{s: max(ceil(cores[s]), ceil(state[s] / a.worker_state)) for s in ("intake", "customers")},
    }
    partitions = _partitions(max(*workers.values(), ceil(peak / a.partition_rate)))
    kafka = _kafka(costs, rate, a)
    brokers = max(
        3,
        ceil(kafka["disk"] / a.busy / a.broker_disk),
        ceil(kafka["in"] * a.peak * a.replication / a.broker_in),
        ceil(kafka["cores"] / a.broker_cores),
        ceil(TOPICS * partitions * a.replication / a.broker_partitions),
    )
    sharded, everywhere = _tables(costs, kept)
    # Where who is who would fill half a node's disk, only a larger disk helps: `Plan.node_disk` says which.
    node_disk = max(a.node_disk, 2 * everywhere / a.busy)
    clickhouse_cores = peak * costs["cpu_us"]["clickhouse"] / 1e6 / a.busy / (1 - a.query_share)
    shards = max(1, ceil(sharded / (node_disk * a.busy - everywhere)), ceil(clickhouse_cores / a.node_cores))
    nodes = shards * a.replicas
    node_cores = nodes * min(a.node_cores, max(4, ceil(clickhouse_cores / shards)))
    disk = (sharded * a.replicas + everywhere * nodes) / a.busy
    broker_cores = brokers * min(a.broker_cores, max(4, ceil(kafka["cores"] / brokers)))
    stage_cores = sum(workers.values())
    memory = stage_cores * a.worker_memory + (node_cores + broker_cores) * a.memory_core
    stored = disk + kafka["disk"] / a.busy + sum(state.values()) * (1 + a.standbys)
    copied = (kafka["in"] * (a.replication - 1) + kafka["out"]) * DAY_S * 30.4 / GB * 2 / 3
    money = {
        "cores": (stage_cores + node_cores + broker_cores) * a.core_hour * HOURS,
        "memory": memory / GB * a.memory_hour * HOURS,
        "disks": stored / GB * a.disk_month,
        "traffic": copied * a.traffic,
    }
    return Plan(
        rate=rate,
        cores={**cores, "kafka": kafka["cores"], "clickhouse": clickhouse_cores * a.replicas},
        workers=workers,
        partitions=partitions,
        brokers=brokers,
        kafka_in=kafka["in"],
        kafka_disk=kafka["disk"],
        shards=shards,
        rows_day=rate * DAY_S * sum(table["rows"] for table in costs["tables"].values()),
        clickhouse_disk=disk,
        everywhere=everywhere,
        node_disk=node_disk,
        beyond=frozenset(
            what
            for what, too_much in {
                "IDENTITY, one core": cores["identity"] > 1,
                "IDENTITY, one state": state["identity"] > a.worker_state,
                "parts": peak / a.insert_rows > a.parts,
                "who is who": node_disk > a.node_disk,
            }.items()
            if too_much
        ),
        state=state,
        recovery_s=_recovery_s(costs, rate * DAY_S * a.state_days / workers["customers"]),
        parts_s=peak / a.insert_rows,
        memory=memory,
        money={**money, "all": sum(money.values())},
    )


def _partitions(least: int) -> int:
    """12, 24, 48, ...: workers share them evenly as they become more."""
    partitions = 12
    while partitions < least:
        partitions *= 2
    return partitions


def _kafka(costs: Costs, rate: float, a: Assumed) -> dict[str, float]:
    """Bytes a second in and out, on the mean and without copies; bytes kept, with copies; cores at the peak."""
    sizes = costs["topic_bytes"]
    kept = 0.0
    for topic, size in sizes.items():
        # Compacted ones at all that was ever written: what is written anew is little beside what stays.
        compacted = topic.endswith(CHANGELOG) or topic in COMPACTED
        kept += size * (a.state_days if compacted else KEPT_DAYS.get(topic, a.source_days))
    into = sum(sizes.values()) * rate
    out = sum(0 if topic.endswith(CHANGELOG) else size * READERS.get(topic, 1) for topic, size in sizes.items()) * rate
    copies = 1 + a.follower * (a.replication - 1)
    cores = rate * a.peak * costs["cpu_us"]["kafka"] / 1e6 * copies / a.busy
    return {"in": into, "out": out, "disk": kept * rate * DAY_S * a.replication, "cores": cores}


def _tables(costs: Costs, events: float) -> tuple[float, float]:
    """Bytes of ``events`` in tables that are sharded, and in those that stand on every node; without copies."""
    sizes = {name: table["bytes"] * events for name, table in costs["tables"].items()}
    everywhere = sum(size for name, size in sizes.items() if name in EVERYWHERE)
    return sum(sizes.values()) - everywhere, everywhere


def _recovery_s(costs: Costs, touchpoints: float) -> float:
    """Seconds to read the state of so many touchpoints back from CUSTOMERS' changelog."""
    return touchpoints * costs["topic_records"]["customers" + CHANGELOG] / costs["recovery"]["records_per_second"]


def full_after_days(costs: Costs, stage: str, assumed: Assumed | None = None) -> float:
    """When a worker of ``stage`` that has all the work that it can do has as much state as it may have."""
    a = assumed or Assumed()
    rate = 1e6 * a.busy / a.peak / costs["cpu_us"][stage]
    return a.worker_state / (rate * costs["state_bytes"][stage] * DAY_S)


class Limit(NamedTuple):
    """Where ``part`` ends: at ``rate`` touchpoints a second on the mean; why, and what to do then."""

    part: str
    rate: float
    why: str
    then: str


def limits(costs: Costs, assumed: Assumed | None = None) -> list[Limit]:
    """Where each part stops to grow by more machines, the first one first."""
    a = assumed or Assumed()
    kept = DAY_S * a.history_days
    links = costs["topic_records"]["identity.links"]
    identity = 1e6 / costs["cpu_us"]["identity"] * a.busy / a.peak
    _, everywhere = _tables(costs, kept)
    shard = a.node_cores * a.busy * (1 - a.query_share) / costs["cpu_us"]["clickhouse"] * 1e6 / a.peak
    per_link, a_link = costs["cpu_us"]["identity"] / links, costs["state_bytes"]["identity"] / links
    found = [
        Limit(
            "IDENTITY, one core",
            identity,
            f"{1 / links:,.0f} touchpoints bring a new link, and a link costs {per_link:,.0f} us",
            "fewer identifiers that are new each time (a cookie for each visit); split companies or brands; shard"
            " the link graph (ADR 8)",
        ),
        Limit(
            "IDENTITY, one state",
            a.worker_state / (costs["state_bytes"]["identity"] * DAY_S * a.state_days),
            f"a new link takes {a_link:,.0f} bytes: {a.worker_state / a_link / 1e9:.1f} billion links fill"
            f" {a.worker_state / GB:,.0f} GB, at this rate in {a.state_days:g} days",
            "a larger disk, which takes longer to read back; forgetting links that nobody uses any more (not built)",
        ),
        Limit(
            "parts of `touchpoints` on a shard",
            a.parts * a.insert_rows / a.peak,
            f"each insert of {a.insert_rows:,} rows makes a part on every shard; {a.parts:g} a second are merged",
            "larger inserts: a longer rest between them (freshness pays), or fewer sinks with more rows each",
        ),
        Limit(
            "`identities` whole on each node",
            a.node_disk * a.busy / everywhere,
            f"{everywhere / kept:.2f} bytes a touchpoint; a join with 5,000,000 takes half a second",
            "let analysts ask `sessions` and `journeys`, which bear the customer; a dictionary (sinks/DESIGN.md)",
        ),
        Limit(
            "one shard's cores",
            shard,
            f"{costs['cpu_us']['clickhouse']:,.0f} us a touchpoint, {a.query_share:.0%} left to those who ask",
            "more shards: a new database on the larger cluster, filled anew",
        ),
        Limit(
            "one partition (a hot key)",
            1e6 / max(costs["cpu_us"]["intake"], costs["cpu_us"]["customers"]) * a.busy / a.peak,
            "a key's touchpoints are folded by one worker, in order: so much from one identifier or customer",
            "nothing grows past it; such an identifier is a machine or shared: block it at the producer",
        ),
        Limit(
            "partitions of Kafka",
            a.broker_partitions / TOPICS / a.replication * 100 * a.partition_rate / a.peak,
            f"{TOPICS} topics of N partitions, {a.broker_partitions:,} replicas on each of 100 brokers",
            "more touchpoints a partition",
        ),
    ]
    return sorted(found, key=lambda limit: limit.rate)
