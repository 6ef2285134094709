"""The faults: what each needs, does, and from when on it counts how long it takes until all is whole again."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from deploy.local.fetch import project_root
from deploy.local.probes import answers
from deploy.local.processes import ProcessSpec
from schemas.codec import Codec
from sinks.clickhouse import ClickHouse
from streams.composition import STAGES
from streams.local import PARTITIONS
from tests.reliability.flow import MARKER_CHANNEL
from tests.reliability.hostile import of_the_future, placed, poison, send
from tests.reliability.scene import RATE, Needs, Scene

#: Injects the fault and ends it; the moment (monotonic) from which on it counts.
Inject = Callable[[Scene], float]
EXIT_REFUSED = 1
TOPIC = f"touchpoints.{MARKER_CHANNEL}"
FROZEN_S = 60.0
#: How long to wait for what takes seconds, on a machine that has much else to do.
WHOLE_S = 300.0
BURST = 100
BURST_S = 5
POISONED = 2
POISON = 5_000
FUTURE = 300
STORM_S = 30.0
LONGEST_STORM_S = 180.0
LEAST_JOINS = 10
STORM_EVERY_S = 0.5
STORM_WORKERS = 4
NARROW_S = 30.0
CUT_S = 30.0
JUMP_H = 6
JUMPED_S = 10.0
FULL_S = 20.0
FULL_WAIT_S = 150.0
FILL_BYTES = 1 << 20
SHORT_OF_SPACE = os.strerror(errno.ENOSPC)


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


def nothing(scene: Scene) -> float:
    since = time.monotonic()
    scene.pause(20)
    return since


def kill(process: str, scene: Scene) -> float:
    return scene.kill(process)


def freeze(process: str, scene: Scene, seconds: float = FROZEN_S) -> float:
    with scene.frozen(process):
        scene.pause(seconds)
    return time.monotonic()


# --- disks ------------------------------------------------------------------------------------------------------


@contextmanager
def full(folder: Path) -> Iterator[Callable[[], None]]:
    """No byte is free on the disk of ``folder`` within the block, if what it gives is called now and then."""
    ballast = folder / "ballast"

    def fill() -> None:
        with ballast.open("ab", buffering=0) as file:
            size = FILL_BYTES
            while size:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    try:
        fill()
        yield fill
    finally:
        ballast.unlink(missing_ok=True)


def fill_disk(process: str, folder: str, ends: int, scene: Scene) -> float:
    """Keep the disk full until ``process`` has ended of it so often, or for a while where it needs not end.

    Who writes little to it is killed on the way: it must open its files on a full disk then.
    """
    before, began = scene.restarts(process), time.monotonic()
    with full(scene.stack.folder / folder) as fill:

        def lasts(seconds: float, restarts: int) -> bool:
            fill()
            return time.monotonic() - began < seconds and scene.restarts(process) - before < restarts

        while lasts(FULL_S, max(1, ends)):
            scene.pause(0.5)
        if ends and scene.restarts(process) == before:
            scene.kill(process)
        while lasts(FULL_S if not ends else FULL_WAIT_S, ends or 1):
            scene.pause(0.5)
    ended = scene.restarts(process) - before
    assert ended >= ends, f"{process} ended {ended} times on a full disk, expected {ends}"
    last = scene.stack.status().process(process)
    code = f", the last time with {last.exit_code}" if last and ended else ""
    scene.notes.append(f"{process} ended {ended} times{code}; the disk was full for {time.monotonic() - began:.0f} s")
    scene.notes += sorted(_complaints(scene))
    return time.monotonic()


def _complaints(scene: Scene) -> set[str]:
    """What the workers' logs say of a full disk, each kind once."""
    found = set()
    for stage in STAGES:
        for line in scene.stack.log_file(stage).read_text(encoding="utf-8", errors="replace").splitlines():
            word = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
            if word.get("event") == "clickhouse_away" and word["code"]:
                found.add(f"{stage} logs `clickhouse_away` with code {word['code']}")
            if word.get("event") == "crashed" and SHORT_OF_SPACE in str(word.get("reason")):
                found.add(f"{stage} logs `crashed`, {SHORT_OF_SPACE}")
    return found


# --- clocks -----------------------------------------------------------------------------------------------------


def jump(hours: int, scene: Scene) -> float:
    """All workers' clocks are wrong for a while, one of them is killed and starts with it; then they are right."""
    scene.clock.write_text(f"{hours * 3600:+d}\n")
    since = time.monotonic()
    scene.pause(JUMPED_S)
    killed_at = scene.kill("customers")
    took = scene.watch.wait_whole(killed_at, scene.limit_s, WHOLE_S)
    wrong = max(scene.watch.freshness.delays(since, killed_at), default=0.0)
    scene.notes.append(
        f"touchpoints took at most {wrong:.1f} s while clocks were wrong; CUSTOMERS, killed meanwhile, was back after"
        f" {took:.1f} s"
    )
    scene.clock.write_text("+0\n")
    return time.monotonic()


# --- what is sent ------------------------------------------------------------------------------------------------


def burst(scene: Scene) -> float:
    """A hundred times as many touchpoints for a while; as many as that are sent however long it takes."""
    usual, began = scene.flow.rate, time.monotonic()
    scene.flow.rate = usual * BURST
    scene.flow.wait_sent(int(usual * BURST * BURST_S), WHOLE_S)
    scene.flow.rate = usual
    ended = time.monotonic()
    scene.notes.append(f"{usual * BURST * BURST_S:,.0f} touchpoints in {ended - began:.1f} s")
    return ended


def poison_partition(scene: Scene, count: int = POISON) -> float:
    since = time.monotonic()
    values = [(POISONED, b"poison", value) for value in poison(count, seed=1)]
    send(scene.addresses.kafka_bootstrap, TOPIC, values)
    ended = time.monotonic()
    others = [partition for partition in range(PARTITIONS) if partition != POISONED]
    scene.wait(lambda: scene.watch.freshness.delays(since, ended + 1, others), WHOLE_S, "others are fresh")
    worst = max(scene.watch.freshness.delays(since, ended + 1, others))
    scene.notes.append(
        f"{count:,} poisoned in {ended - since:.1f} s; other partitions were never staler than {worst:.1f} s"
    )
    return ended


class Future:
    """Records of the next version among the others, and whether they could be replayed."""

    def __init__(self) -> None:
        self._sent: list[tuple[dict[str, object], bytes]] = []
        self._codec: Codec | None = None

    def inject(self, scene: Scene) -> float:
        self._codec, made = of_the_future(FUTURE, scene.flow.clock_ms)
        self._sent = [(record, value) for _, record, value in made]
        for at in range(0, FUTURE, 20):
            values = [placed(key, value, PARTITIONS) for key, _, value in made[at : at + 20]]
            send(scene.addresses.kafka_bootstrap, TOPIC, values)
            scene.pause(0.2)
        return time.monotonic()

    def unreplayable(self, scene: Scene) -> list[str]:
        """The ids of those that are no dead letter of the same bytes, or that the next version can't read."""
        assert self._codec is not None
        with ClickHouse(scene.pipeline.settings.clickhouse_url) as client:
            rows = client.query("SELECT hex(original) FROM dead_letters FINAL WHERE reason = 'undecodable'")
        letters = Counter(bytes.fromhex(original) for (original,) in rows)
        missing = [str(record["event_id"]) for record, value in self._sent if letters[value] != 1]
        read = [(record, self._codec.decode(value).record) for record, value in self._sent]
        return missing + [str(record["event_id"]) for record, found in read if not record.items() <= found.items()]

    def after(self, scene: Scene) -> None:
        """AssertionError where some could not be replayed."""
        assert self.unreplayable(scene) == []
        scene.notes.append(f"all {FUTURE} are dead letters, byte for byte, and the next version reads them")


# --- groups, paths and folders ----------------------------------------------------------------------------------


def storm(scene: Scene) -> float:
    """Workers join, and leave as soon as they have, every third by kill -9; for longer where joining takes long."""
    running: list[tuple[subprocess.Popen[bytes], ProcessSpec]] = []
    stages, starts, joined, began = ("intake", "customers", "sink"), 0, 0, time.monotonic()
    try:
        while (lasted := time.monotonic() - began) < STORM_S or (joined < LEAST_JOINS and lasted < LONGEST_STORM_S):
            if len(running) < STORM_WORKERS:
                spec = scene.pipeline.visitor(stages[starts % len(stages)], f"visitor-{starts}")
                running.append((_start(scene, spec), spec))
                starts += 1
            for one in [one for one in running if answers(one[1].ready_url)]:
                running.remove(one)
                joined += 1
                _end(one[0], signal.SIGKILL if joined % 3 == 0 else signal.SIGTERM)
            scene.pause(STORM_EVERY_S)
    finally:
        for process, _ in running:
            _end(process, signal.SIGTERM)
    assert joined >= LEAST_JOINS, f"{joined} workers joined within {LONGEST_STORM_S:.0f} s"
    scene.notes.append(f"{joined} workers joined and left within {time.monotonic() - began:.0f} s")
    return time.monotonic()


def _start(scene: Scene, spec: ProcessSpec) -> subprocess.Popen[bytes]:
    with scene.stack.log_file(spec.name).open("ab") as log:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *spec.argv],
            cwd=project_root(),
            env={**os.environ, **spec.env},
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    process.send_signal(number)
    with suppress(subprocess.TimeoutExpired):
        process.wait(15)
    process.kill()
    process.wait()


def share_folder(scene: Scene) -> float:
    """A second worker of INTAKE with the folder of the first."""
    since = time.monotonic()
    folder = str(scene.stack.folder / "state" / "intake")
    spec = scene.pipeline.visitor("intake", "second", OMNIJOURNEY_STATE_DIR=folder)
    process = _start(scene, spec)
    try:
        code = process.wait(WHOLE_S)
    finally:
        _end(process, signal.SIGKILL)
    said = scene.stack.logs("second", 1)[0]
    assert code == EXIT_REFUSED, f"the second worker ended with {code}: {said}"
    refusal = "another worker keeps its state here; give each a folder of its own"
    assert refusal in said, said
    scene.notes.append(f"the second ended with {code}, in one line: {refusal}")
    return since


def narrow(scene: Scene) -> float:
    """A third of what SINK sends in the calm gets through, each piece 0.1 s late."""
    proxy = scene.sink_proxy
    assert proxy is not None
    before, began = proxy.passed_bytes, time.monotonic()
    scene.pause(5)
    usual = (proxy.passed_bytes - before) / (time.monotonic() - began)
    proxy.bytes_per_s, proxy.delay_s = usual / 3, 0.1
    scene.pause(NARROW_S)
    proxy.bytes_per_s, proxy.delay_s = None, 0.0
    ended = time.monotonic()
    worst = max(scene.watch.freshness.delays(began, ended), default=0.0)
    scene.notes.append(
        f"{usual / 3_000:.0f} kB/s of {usual / 1_000:.0f}; touchpoints took up to {worst:.0f} s meanwhile"
    )
    return ended


def cut_off(scene: Scene) -> float:
    """INTAKE's worker hears nothing of the broker; another one is there that can take its partitions."""
    proxy = scene.broker_proxy
    assert proxy is not None
    scene.stack.add([scene.pipeline.visitor("intake", "intake-2")])
    scene.wait(scene.watch.all_ready, WHOLE_S, "both workers of INTAKE are ready")
    scene.pause(5)
    proxy.cut()
    cut_at = time.monotonic()
    try:
        scene.pause(CUT_S)
    finally:
        proxy.mend()
    taken = scene.watch.freshness.fresh_at(cut_at, scene.limit_s)
    assert taken is not None, "nobody took the partitions of the worker that was cut off"
    scene.notes.append(f"its partitions were the other worker's, and fresh, {taken - cut_at:.1f} s after the cut")
    return time.monotonic()


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
        partial(fill_disk, "customers", "state/customers", 3),
        Needs({"state/customers": 32}, settings={"OMNIJOURNEY_ROCKSDB_MB": "8"}, rate=5 * RATE),
    ),
    Fault(
        "disk-kafka",
        "full disk for Kafka: its log folder on a tmpfs of 256 MiB, filled to the last byte",
        partial(fill_disk, "kafka", "kafka", 2),
        Needs({"kafka": 256}),
    ),
    Fault(
        "disk-clickhouse",
        "full disk for ClickHouse: its data folder on a tmpfs of 256 MiB, filled to the last byte",
        partial(fill_disk, "clickhouse", "clickhouse", 0),
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
        f"workers of INTAKE, CUSTOMERS and SINK join, and leave at once, for {STORM_S:.0f} s, every third by kill -9",
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
