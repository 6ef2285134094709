"""Faults of who works with whom: a storm of rebalances, a folder shared, paths that are narrow or cut."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

from deploy.local.fetch import project_root
from deploy.local.probes import answers
from deploy.local.processes import ProcessSpec
from tests.reliability.scene import WHOLE_S, Scene

EXIT_REFUSED = 1
STORM_S = 30.0
LONGEST_STORM_S = 180.0
LEAST_JOINS = 10
STORM_EVERY_S = 0.5
STORM_WORKERS = 4
NARROW_S = 30.0
CUT_S = 30.0


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
    scene.wait(lambda: proxy.passed_bytes > before, WHOLE_S, "SINK writes")
    usual = (proxy.passed_bytes - before) / (time.monotonic() - began)
    proxy.bytes_per_s, proxy.delay_s = usual / 3, 0.1
    before, began = proxy.passed_bytes, time.monotonic()
    scene.pause(NARROW_S)
    proxy.bytes_per_s, proxy.delay_s = None, 0.0
    ended = time.monotonic()
    passed = (proxy.passed_bytes - before) / (ended - began)
    worst = scene.stalest(began, ended)
    assert passed < usual / 2, f"{passed / 1_000:.0f} kB/s went through, {usual / 1_000:.0f} in the calm"
    stale = min(scene.limit_s, NARROW_S / 3)
    assert worst > stale, f"touchpoints took at most {worst:.1f} s, expected more than {stale:.1f}"
    scene.notes.append(
        f"{passed / 1_000:.0f} kB/s went through of {usual / 1_000:.0f}; touchpoints took up to {worst:.0f} s meanwhile"
    )
    return ended


def cut_off(scene: Scene) -> float:
    """INTAKE's worker hears nothing of the broker; another one is there that can take its partitions."""
    proxy = scene.broker_proxy
    assert proxy is not None
    second = scene.pipeline.visitor("intake", "intake-2")
    scene.stack.add([second])
    scene.watch.metrics.also(second.name, str(second.ready_url).replace("/ready", "/metrics"))
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
