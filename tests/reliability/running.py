"""One fault from beginning to end, and what came of it as a value that can be kept."""

from __future__ import annotations

import json
import os
import subprocess
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.fetch import project_root
from tests.reliability.faults import Fault
from tests.reliability.scene import WHOLE_S, Impossible, Scene, root, scene

SETTLED_S = 2.0
ANSWERED_S = 30.0
OTHER_PARAMETERS = "**other parameters**: measured before those of the fault were changed"


@dataclass
class Result:
    """``status``: whole, failed, impossible here, or not run. ``whole_s`` of each injection; of the calm before: how
    fresh and how far behind, in seconds. ``notes``: what is told besides; ``why``, where it failed; ``load`` of the
    machine at the end. ``commit``: of what ran, with + where the tree differed from it; 'unknown' without git, and in
    files that were kept before it was (write it in by hand, if you know it). ``began``: UTC, to the minute, ISO.
    ``parameters``: the fault's, to see later whether they are still the same; '': kept before they were."""

    name: str
    told: str
    status: str = "failed"
    whole_s: list[float] = field(default_factory=list)
    calm_fresh_s: float = 0.0
    calm_behind_s: float = 0.0
    limit_s: float = 0.0
    restarts: dict[str, list[int]] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    most_lag: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    read: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    twice: int = 0
    verify: str = ""
    why: str = ""
    load: float = 0.0
    commit: str = "unknown"
    began: str = ""
    parameters: str = ""

    def save(self) -> None:
        root().mkdir(parents=True, exist_ok=True)
        path(self.name).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def path(name: str) -> Path:
    return root() / f"{name}.json"


def kept(fault: Fault) -> Result:
    """The result of an earlier run, or one that says that there is none; one of other parameters says so."""
    try:
        result = Result(**json.loads(path(fault.name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Result(fault.name, fault.told, status="not run", why="no result is kept")
    if result.told != fault.told or result.parameters not in ("", fault.parameters):
        result.notes.insert(0, OTHER_PARAMETERS)
    return result


def commit() -> str:
    """The short id of HEAD, with + where what runs differs from it; 'unknown' without git."""
    head, changes = _git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain", "--", ".", ":(exclude)docs")
    return "unknown" if not head else f"{head}+" if changes else head


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=project_root(), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def run(fault: Fault, say: Callable[[str], None]) -> Result:
    """Inject ``fault`` on a pipeline of its own; never raises but for an interrupt."""
    began = datetime.now(UTC).strftime("%Y-%m-%d %H:%M")
    result = Result(fault.name, fault.told, commit=commit(), began=began, parameters=fault.parameters)
    try:
        with scene(fault.name, fault.needs, evidence=root() / f"{fault.name}-logs") as made:
            try:
                inject(made, fault, result, say)
                conclude(made, fault, result)
            finally:
                observe(made, result)
    except Impossible as error:
        result.status, result.why = "impossible", str(error)
    except Exception as error:  # noqa: BLE001 - the other faults go on
        result.why = f"{type(error).__name__}: {error}"
        say(traceback.format_exc())
    result.save()
    return result


def inject(made: Scene, fault: Fault, result: Result, say: Callable[[str], None]) -> None:
    """Each time: inject, and wait until all is whole."""
    result.calm_fresh_s, result.calm_behind_s = round(made.calm_fresh_s, 2), round(made.calm_behind_s, 2)
    result.limit_s = round(made.limit_s, 2)
    for _ in range(fault.times):
        made.notes.clear()
        since = fault.inject(made)
        took = made.watch.wait_whole(since, made.limit_s, WHOLE_S)
        result.whole_s.append(round(took, 2))
        result.notes += [note for note in made.notes if note not in result.notes]
        say(f"  whole again after {took:.1f} s")
        made.pause(SETTLED_S)


def conclude(made: Scene, fault: Fault, result: Result) -> None:
    """Judge what is there in the end."""
    made.notes.clear()
    verdict = made.finish()
    fault.after(made)
    result.notes += made.notes
    result.read, result.outcomes = verdict.read, verdict.outcomes
    result.lost, result.twice, result.verify = verdict.lost, verdict.twice, verdict.verify
    told = made.watch.metrics.settled(ANSWERED_S)
    why = [*verdict.wrong, *([] if verdict.verified else [verdict.verify]), *told]
    result.status = "whole" if verdict.clean and not told else "failed"
    result.why = "; ".join(why)


def observe(made: Scene, result: Result) -> None:
    """What processes and metrics told."""
    metrics: dict[str, float] = {}
    for (_, name), risen in made.watch.metrics.risen.items():
        if risen:
            metrics[name] = metrics.get(name, 0) + risen
    result.metrics = metrics
    result.load = round(os.getloadavg()[0], 1)
    result.most_lag = made.watch.lags.most(made.began)
    result.restarts = {
        process.name: [process.restarts, process.exit_code or 0]
        for process in made.stack.status().processes
        if process.restarts
    }
