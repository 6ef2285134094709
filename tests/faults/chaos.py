"""Three workers that start, are killed, stopped, frozen and woken in any order while records flow."""

from __future__ import annotations

import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, get_args

from tests.faults.counting import Fault, Point
from tests.faults.scene import Scene, Worker, wait_until
from tests.faults.verdict import Verdict, judge

NAMES = ("one", "two", "three")
RECORDS_A_STEP = 1_500
#: The least that the broker takes, and as long as one is frozen.
SESSION_S = 6.0
FROZEN_S = (1.0, 9.0)
STEP_S = (0.0, 3.0)
EXIT_STOPPED_LATE = 75


class Chaos:
    """``done`` counts what was done; a late stop is that of one whom others, frozen say, kept in a rebalance."""

    def __init__(self, scene: Scene, random: Random, say: Callable[[str], None]) -> None:
        self._scene = scene
        self._random = random
        self._say = say
        self._running: dict[str, Worker] = {}
        self._frozen: dict[str, float] = {}
        self.done: Counter[str] = Counter()

    def run(self, steps: int) -> Verdict:
        """So many steps; afterwards one of the workers works off what is left."""
        for number in range(steps):
            self._scene.produce(RECORDS_A_STEP)
            self._bury()
            what = self._step()
            self.done[what] += 1
            self._say(f"{number + 1}: {what}; running {', '.join(self._running) or 'none'}")
            self._pause(self._random.uniform(*STEP_S))
        self._pause(FROZEN_S[1])
        for name in list(self._running):
            self._stop(name)
        last = self._scene.start("one", instance=True, session_s=SESSION_S)
        last.wait_ready(60)
        self._scene.drain(120)
        last.stop()
        folders = [self._scene.folder / name / self._scene.topics.app for name in NAMES]
        return judge(self._scene, *[folder for folder in folders if folder.exists()])

    def _step(self) -> str:
        idle = [name for name in NAMES if name not in self._running]
        awake = [name for name in self._running if name not in self._frozen]
        if not awake or (idle and self._random.random() < 0.5):
            return self._start(self._random.choice(idle)) if idle else "nothing"
        name = self._random.choice(awake)
        return self._random.choice((self._kill, self._stop, self._freeze))(name)

    def _start(self, name: str) -> str:
        orders: dict[str, Any] = {
            "batch_records": self._random.randint(100, 400),
            "fetch_bytes": self._random.choice((8, 16, 64)) << 10,
            "delay_s": self._random.choice((0.0, 0.0, 0.05, 0.5)),
        }
        if self._random.random() < 0.4:
            freezes = self._random.random() < 0.5
            number = signal.SIGSTOP if freezes else signal.SIGKILL
            orders["fault"] = Fault(self._random.choice(get_args(Point)), self._random.randint(1, 30), number)
        instance = self._random.random() < 0.5
        self._running[name] = self._scene.start(name, instance=instance, session_s=SESSION_S, **orders)
        return f"start of {name}"

    def _kill(self, name: str) -> str:
        worker = self._running.pop(name)
        worker.kill()
        if self._random.random() < 0.2:
            shutil.rmtree(worker.folder, ignore_errors=True)
            return "kill and wipe"
        return "kill"

    def _stop(self, name: str) -> str:
        worker = self._running.pop(name)
        worker.send(signal.SIGTERM)
        wait_until(lambda: self._has_ended(worker), 20, f"{name} has ended")
        code = worker.process.returncode
        # Before it listens to it, the signal is what ends it.
        assert code in (0, -signal.SIGTERM, -signal.SIGKILL, EXIT_STOPPED_LATE), worker.last_words()
        return {0: "stop", EXIT_STOPPED_LATE: "late stop"}.get(code, "early stop")

    @staticmethod
    def _has_ended(worker: Worker) -> bool:
        if worker.running and worker.is_frozen:
            worker.send(signal.SIGCONT)
        return not worker.running

    def _freeze(self, name: str) -> str:
        self._running[name].send(signal.SIGSTOP)
        self._frozen[name] = time.monotonic() + self._random.uniform(*FROZEN_S)
        return "freeze"

    def _bury(self) -> None:
        """Take note of workers that were killed by their fault; those that were stopped by it are frozen."""
        for name, worker in list(self._running.items()):
            if not worker.running:
                assert worker.process.returncode == -signal.SIGKILL, worker.last_words()
                del self._running[name]
                self._frozen.pop(name, None)
                self.done["fault"] += 1
            elif name not in self._frozen and worker.is_frozen:
                self._frozen[name] = time.monotonic() + self._random.uniform(*FROZEN_S)
                self.done["freezing fault"] += 1

    def _pause(self, seconds: float) -> None:
        """Let time pass, and wake who has been frozen long enough."""
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            self._bury()
            for name in [name for name, at in self._frozen.items() if at <= now]:
                self._running[name].send(signal.SIGCONT)
                del self._frozen[name]
            time.sleep(0.05)
