"""The faults: what each needs, does, and from when on it counts how long it takes until all is whole again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.reliability.disks import SHORT_OF_SPACE, fill_disk
from tests.reliability.groups import CUT_S, LEAST_JOINS, NARROW_S, STORM_S, cut_off, narrow, share_folder, storm
from tests.reliability.scene import RATE, WHOLE_S, Needs, Scene
from tests.reliability.sending import BURST, BURST_S, FUTURE, POISON, Future, burst, poison_partition

#: Injects the fault and ends it; the moment (monotonic) from which on it counts.
Inject = Callable[[Scene], float]
FROZEN_S = 60.0
JUMP_H = 6
JUMPED_S = 10.0
MOST = 2 / 3
NEAR_H = 0.5


@dataclass(frozen=True)
class Fault:
    """``told``: what was injected how, as the report has it; ``times`` it is injected, one after the other; ``after``
    looks when everything is drained, and raises AssertionError."""

    name: str
    told: str
    inject: Inject
    needs: Needs = field(default_factory=Needs)
    times: int = 1
    after: Callable[[Scene], None] = lambda _: None

    @property
    def parameters(self) -> str:
        """What makes a result of it comparable with another one."""
        return f"{self.told}; {self.times} times; {self.needs}"


def nothing(scene: Scene) -> float:
    scene.pause(20)
    return time.monotonic()


def kill(process: str, scene: Scene) -> float:
    return scene.kill(process)


def freeze(process: str, scene: Scene, seconds: float = FROZEN_S) -> float:
    """Markers of the freeze are not seen before its end, and then are as old as most of it."""
    began = time.monotonic()
    with scene.frozen(process):
        scene.pause(seconds)
        ended = time.monotonic()
        early = scene.watch.freshness.delays(began, ended)
    assert not early, f"touchpoints were seen while {process} stood still, after {min(early):.1f} s"
    worst = scene.stalest(began, ended)
    assert worst >= MOST * seconds, f"touchpoints took at most {worst:.1f} s while {process} stood still {seconds} s"
    scene.notes.append(f"touchpoints took up to {worst:.0f} s meanwhile")
    return ended


def jump(hours: int, scene: Scene) -> float:
    """All workers' clocks are wrong for a while, one of them is killed and starts with it; then they are right."""
    scene.clock.write_text(f"{hours * 3600:+d}\n")
    since = time.monotonic()
    scene.pause(JUMPED_S)
    killed_at = scene.kill("customers")
    took = scene.watch.wait_whole(killed_at, scene.limit_s, WHOLE_S)
    ahead_h = hours_ahead(scene.stack.log_file("customers"))
    assert abs(ahead_h - hours) <= NEAR_H, f"the clock of CUSTOMERS is {ahead_h:+.1f} h from the right one"
    wrong = max(scene.watch.freshness.delays(since, killed_at), default=0.0)
    scene.notes.append(
        f"touchpoints took at most {wrong:.1f} s while clocks were wrong; CUSTOMERS, killed meanwhile, was back after"
        f" {took:.1f} s; its log is {ahead_h:+.1f} h from the right time"
    )
    scene.clock.write_text("+0\n")
    return time.monotonic()


def hours_ahead(log: Path) -> float:
    """How far the last start that ``log`` tells is from now, by the clock of the worker that wrote it."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    words = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    last = next(word["timestamp"] for word in reversed(words) if word.get("event") == "starting")
    return (datetime.fromisoformat(last) - datetime.now(UTC)).total_seconds() / 3600


KILLED = {
    "intake": "the worker of INTAKE",
    "identity": "the worker of IDENTITY",
    "customers": "the worker of CUSTOMERS",
    "sink": "the worker of SINK",
    "kafka": "the broker",
    "clickhouse": "ClickHouse",
}
FUTURE_FAULT = Future()

ALL = (
    Fault("undisturbed", "nothing, for comparison", nothing),
    *(
        Fault(f"kill-{name}", f"kill -9 of {who}, by its id", partial(kill, name), times=3)
        for name, who in KILLED.items()
    ),
    Fault("freeze-kafka", f"SIGSTOP of the broker, SIGCONT after {FROZEN_S:.0f} s", partial(freeze, "kafka")),
    Fault("freeze-clickhouse", f"SIGSTOP of ClickHouse, SIGCONT after {FROZEN_S:.0f} s", partial(freeze, "clickhouse")),
    Fault(
        "disk-rocksdb",
        "full disk for RocksDB: the state of CUSTOMERS on a tmpfs of 32 MiB, filled to the last byte",
        partial(fill_disk, "customers", "state/customers", 3, f"customers logs `crashed`, {SHORT_OF_SPACE}"),
        Needs({"state/customers": 32}, settings={"OMNIJOURNEY_ROCKSDB_MB": "8"}, rate=5 * RATE),
    ),
    Fault(
        "disk-kafka",
        "full disk for Kafka: its log folder on a tmpfs of 256 MiB, filled to the last byte",
        partial(fill_disk, "kafka", "kafka", 2, f"kafka logs {SHORT_OF_SPACE}"),
        Needs({"kafka": 256}),
    ),
    Fault(
        "disk-clickhouse",
        "full disk for ClickHouse: its data folder on a tmpfs of 256 MiB, filled to the last byte",
        partial(fill_disk, "clickhouse", "clickhouse", 0, "sink logs `clickhouse_away` with code 243"),
        Needs({"clickhouse": 256}),
    ),
    Fault(
        "clock-forward",
        f"clocks of all workers {JUMP_H} h ahead (libfaketime), then right",
        partial(jump, JUMP_H),
        Needs(clock=True),
    ),
    Fault(
        "clock-back",
        f"clocks of all workers {JUMP_H} h behind (libfaketime), then right",
        partial(jump, -JUMP_H),
        Needs(clock=True),
    ),
    Fault("burst", f"{BURST} times as many touchpoints for {BURST_S} s", burst),
    Fault("poison", f"{POISON:,} hostile records on one partition", poison_partition),
    Fault(
        "future-schema",
        f"{FUTURE} touchpoints of a newer schema among the others",
        FUTURE_FAULT.inject,
        after=FUTURE_FAULT.after,
    ),
    Fault(
        "slow-clickhouse",
        f"a proxy lets a third of SINK's bytes through for {NARROW_S:.0f} s",
        narrow,
        Needs(sink_proxy=True),
    ),
    Fault(
        "rebalance-storm",
        f"workers of INTAKE, CUSTOMERS and SINK join, and leave at once, every third by kill -9, for {STORM_S:.0f} s,"
        f" or longer until {LEAST_JOINS} have joined",
        storm,
    ),
    Fault("shared-folder", "a second worker of INTAKE with the folder of the first", share_folder),
    Fault(
        "cut-off",
        f"a proxy lets nothing through between one of two workers of INTAKE and the broker for {CUT_S:.0f} s",
        cut_off,
        Needs(broker_proxy=True),
    ),
)
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in ALL}
