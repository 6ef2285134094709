"""Many kills: `python -m tests.faults.soak --kills 200`, on a stack of its own; ends with 1 where anything is wrong."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from deploy.local.stack import Stack
from tests.faults.chaos import Chaos
from tests.faults.kills import kill_again_and_again
from tests.faults.scene import compact_eagerly, scene


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    arguments.add_argument("--kills", type=int, default=200)
    arguments.add_argument("--steps", type=int, default=0, help="of chaos among three workers, instead of kills of one")
    arguments.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = arguments.parse_args()
    print(f"seed {given.seed}", flush=True)
    stack = Stack(f"soak-{os.getpid()}")
    try:
        bootstrap = stack.up(owner=os.getpid()).kafka_bootstrap
        compact_eagerly(bootstrap)
        with tempfile.TemporaryDirectory() as folder, scene(bootstrap, "soak", Path(folder), given.seed) as soaked:
            random = Random(given.seed)
            if given.steps:
                chaos = Chaos(soaked, random, say)
                verdict = chaos.run(given.steps)
                told = ", ".join(f"{what} {count}" for what, count in sorted(chaos.done.items()))
            else:
                tally, verdict = kill_again_and_again(soaked, given.kills, random, say)
                told = str(tally)
    finally:
        stack.down(purge=True)
    print(f"{told}\n{verdict}")
    return 1 if verdict.problems else 0


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
