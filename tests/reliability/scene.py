"""A pipeline of its own for a fault: a stack, one worker of each stage, what flows through, who looks on.

Everything that it starts ends with it: processes by their id, disks unmounted, whatever happens in between.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.debian import FAKETIME, fetch
from deploy.local.fetch import project_root
from deploy.local.ports import HOST, free_ports
from deploy.local.processes import Addresses, ProcessSpec
from deploy.local.stack import Stack, find_stacks
from streams.composition import STAGES
from streams.local import PARTITIONS, LocalPipeline
from tests.integration.expectation import SITE
from tests.reliability.flow import Flow
from tests.reliability.judging import Verdict, judge
from tests.reliability.proxy import Proxy
from tests.reliability.watch import LEAST_LIMIT_S, Watch

PREFIX = "reliability-"
RATE = 50.0
CALM_S = 6.0
FIRST_MARKER_S = 120.0
START_S = 240.0
#: How long to wait for what takes seconds, on a machine that has much else to do.
WHOLE_S = 300.0
DRAIN_S = 300.0
LOOK_EVERY_S = 0.05
#: In the third column of /proc/PID/stat.
STOPPED = "T"


class Impossible(Exception):
    """The fault can't be injected on this machine; the message says what it would need."""


@dataclass(frozen=True)
class Needs:
    """What a fault needs from the beginning: ``disks`` in MiB by folder of the stack, a proxy between SINK and
    ClickHouse or between INTAKE and Kafka, clocks of the workers that can be moved; ``settings`` of all workers."""

    disks: Mapping[str, int] = field(default_factory=dict)
    sink_proxy: bool = False
    broker_proxy: bool = False
    clock: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    rate: float = RATE


class PatientStack(Stack):
    """A machine that has much else to do takes its time to start workers."""

    def add(self, processes: Sequence[ProcessSpec], start_seconds: float = START_S) -> None:
        super().add(processes, start_seconds)


class Pipeline(LocalPipeline):
    """Some workers have settings of their own, and variables that are none of ours."""

    def __init__(self, stack: Stack, addresses: Addresses, **more: str) -> None:
        super().__init__(stack, addresses, {}, **more)
        self.of_worker: dict[str, dict[str, str]] = {}

    def _own(self, worker: str, port: int) -> dict[str, str]:
        return {**super()._own(worker, port), **self.of_worker.get(worker, {})}

    def visitor(self, stage: str, worker: str, **own: str) -> ProcessSpec:
        """A further worker of ``stage`` that has no lasting name; ``own`` settings by variable."""
        (port,) = free_ports(1)
        folder = str(self.stack.folder / "state" / worker)
        return ProcessSpec(
            name=worker,
            argv=(sys.executable, "-m", "streams.cli", "worker", stage),
            env={
                **self.variables,
                "OMNIJOURNEY_HTTP_PORT": str(port),
                "OMNIJOURNEY_STATE_DIR": folder,
                **own,
            },
            ready_url=f"http://{HOST}:{port}/ready",
        )


class Scene:
    """What faults work on."""

    def __init__(self, stack: Stack, addresses: Addresses, pipeline: Pipeline, rate: float, seed: int) -> None:
        self.stack = stack
        self.addresses = addresses
        self.pipeline = pipeline
        self.flow = Flow(addresses.kafka_bootstrap, PARTITIONS, rate, seed)
        self.watch = Watch(stack, pipeline, addresses.clickhouse_http, self.flow)
        self.limit_s = LEAST_LIMIT_S
        self.calm_fresh_s = self.calm_behind_s = 0.0
        self.sink_proxy: Proxy | None = None
        self.broker_proxy: Proxy | None = None
        self.clock = stack.folder / "clock"
        #: The end of the calm, monotonic; what faults tell of themselves.
        self.began = 0.0
        self.notes: list[str] = []

    def begin(self) -> None:
        """Let touchpoints flow, look on, and learn what is usual here without a fault."""
        self.flow.start()
        self.watch.start()
        self.wait(
            lambda: self.watch.freshness.fresh_at(0, FIRST_MARKER_S) is not None, FIRST_MARKER_S, "a marker is seen"
        )
        since = time.monotonic()
        self.pause(CALM_S)
        self.calm_fresh_s, self.calm_behind_s = self.watch.calm(since)
        self.limit_s = max(LEAST_LIMIT_S, 2 * self.calm_fresh_s, 2 * self.calm_behind_s)
        self.watch.metrics.begin()
        self.began = time.monotonic()

    def finish(self) -> Verdict:
        """Stop the flow, wait until nothing lags, and judge everything."""
        self.flow.stop()
        self.pipeline.drain(DRAIN_S)
        return judge(self.pipeline, self.flow.confirmed)

    def pause(self, seconds: float) -> None:
        """Let a fault last, or the flow go on."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.flow.failure is not None:
                raise self.flow.failure
            time.sleep(LOOK_EVERY_S)

    def wait(self, condition: object, seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():  # type: ignore[operator]
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:.0f} s: {what}")
            time.sleep(LOOK_EVERY_S)

    def stalest(self, began: float, ended: float) -> float:
        """How long the slowest marker took that was sent in between; waits until all of them are seen."""
        freshness = self.watch.freshness
        self.wait(lambda: freshness.fresh_at(ended, WHOLE_S) is not None, WHOLE_S, "what was sent meanwhile is seen")
        return max(freshness.delays(began, ended), default=0.0)

    def restarts(self, process: str) -> int:
        state = self.stack.status().process(process)
        assert state is not None
        return state.restarts

    def kill(self, process: str) -> float:
        """Kill -9; returns when the supervisor knows, the moment of the kill."""
        before, pid = self.restarts(process), self.stack.pid(process)
        at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        self.wait(lambda: self.restarts(process) > before, 30, f"{process} has ended")
        return at

    @contextmanager
    def frozen(self, process: str) -> Iterator[None]:
        """``process`` stands still within the block."""
        pid = self.stack.pid(process)
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
            assert state == STOPPED, f"{process} has not stood still: its state is {state}"
        finally:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def scene(name: str, needs: Needs, evidence: Path | None = None, seed: int = 1) -> Iterator[Scene]:
    """A scene that has begun; what its processes logged is copied to the folder ``evidence`` in the end."""
    stack = PatientStack(f"{PREFIX}{os.getpid()}-{name}")
    with ExitStack() as undo:
        undo.callback(_throw_away, stack, evidence)
        for folder, mib in needs.disks.items():
            undo.enter_context(small_disk(stack.folder / folder, mib))
        undo.callback(stack.down)
        addresses = stack.up(owner=os.getpid(), start_seconds=START_S)
        pipeline = Pipeline(stack, addresses, OMNIJOURNEY_OWN_DOMAINS=SITE, **needs.settings)
        pipeline.prepare()
        sink_proxy = _proxy_sink(pipeline, undo) if needs.sink_proxy else None
        broker_proxy = _proxy_broker(pipeline, undo) if needs.broker_proxy else None
        if needs.clock:
            _move_clocks(pipeline)
        # Ended before the proxies that it talks through.
        undo.callback(stack.down)
        pipeline.start_workers()
        made = Scene(stack, addresses, pipeline, needs.rate, seed)
        made.sink_proxy, made.broker_proxy = sink_proxy, broker_proxy
        undo.callback(made.watch.stop)
        undo.callback(made.flow.abandon)
        made.begin()
        yield made


def _proxy_sink(pipeline: Pipeline, undo: ExitStack) -> Proxy:
    """Between SINK and ClickHouse."""
    url = pipeline.variables["OMNIJOURNEY_CLICKHOUSE_URL"]
    port = urlsplit(url).port
    assert port is not None
    proxy = Proxy(port)
    undo.callback(proxy.close)
    pipeline.of_worker["sink"] = {"OMNIJOURNEY_CLICKHOUSE_URL": url.replace(f":{port}/", f":{proxy.port}/")}
    return proxy


def _proxy_broker(pipeline: Pipeline, undo: ExitStack) -> Proxy:
    """Between INTAKE and Kafka: clients go where the broker says it is, so it gets a listener that says the proxy."""
    stack, (port,) = pipeline.stack, free_ports(1)
    proxy = Proxy(port)
    undo.callback(proxy.close)
    properties = stack.folder / "kafka.properties"
    with_proxy = {
        "listeners=": f",PROXIED://{HOST}:{port}",
        "advertised.listeners=": f",PROXIED://{proxy.address}",
        "listener.security.protocol.map=": ",PROXIED:PLAINTEXT",
    }
    lines = properties.read_text(encoding="utf-8").splitlines()
    more = [line + next((m for name, m in with_proxy.items() if line.startswith(name)), "") for line in lines]
    properties.write_text("\n".join([*more, "inter.broker.listener.name=PLAINTEXT", ""]), encoding="utf-8")
    os.kill(stack.pid("kafka"), signal.SIGKILL)
    while stack.status().process("kafka").restarts < 1:  # type: ignore[union-attr]
        time.sleep(LOOK_EVERY_S)
    stack.wait_ready("kafka")
    pipeline.of_worker["intake"] = {"OMNIJOURNEY_KAFKA_BOOTSTRAP": proxy.address}
    return proxy


def _move_clocks(pipeline: Pipeline) -> None:
    """Have all workers read the time through libfaketime; as in a real jump, the monotonic clock goes on."""
    library = fetch(FAKETIME).with_name("libfaketimeMT.so.1")
    clock = pipeline.stack.folder / "clock"
    clock.write_text("+0\n")
    faked = {
        "LD_PRELOAD": str(library),
        "PYTHONPATH": str(Path(__file__).with_name("faked")),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    pipeline.of_worker = dict.fromkeys(STAGES, faked)


def _throw_away(stack: Stack, evidence: Path | None) -> None:
    if evidence is not None and (stack.folder / "logs").exists():
        shutil.copytree(stack.folder / "logs", evidence, dirs_exist_ok=True)
    stack.down(purge=True)


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[None]:
    """A file system of its own for ``folder``, in memory. Impossible where this user may not mount."""
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={mib}m,mode=700"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False
    )
    if done.returncode != 0:
        raise Impossible(f"mounting a small disk needs root: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        unmount(folder)


def unmount(folder: Path) -> None:
    # Lazily where somebody still has a file open: the processes that could have are ended.
    if subprocess.run(["umount", str(folder)], capture_output=True, check=False).returncode != 0:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


def sweep() -> None:
    """End what a suite that was killed has left behind."""
    for stack in find_stacks(PREFIX):
        pid = stack.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and Path(f"/proc/{pid}").exists():
            continue
        stack.down()
        for line in Path("/proc/mounts").read_text().splitlines():
            mounted = Path(line.split()[1])
            if mounted.is_relative_to(stack.folder):
                unmount(mounted)
        stack.down(purge=True)


def root() -> Path:
    """Where results and logs of the suite are kept."""
    return project_root() / ".local" / "reliability"


__all__ = ["STAGES", "Impossible", "Needs", "Scene", "root", "scene", "small_disk", "sweep"]
