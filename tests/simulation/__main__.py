"""``python -m tests.simulation``: many seeds, or one of them with a trace; ends with 1 where any fails."""

from __future__ import annotations

import argparse
import sys
import traceback

from tests.simulation.mutations import table
from tests.simulation.world import World


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    arguments.add_argument("--seeds", type=int, default=1_000)
    arguments.add_argument("--from", type=int, default=0, dest="first")
    arguments.add_argument("--seed", type=int)
    arguments.add_argument("--trace", action="store_true")
    arguments.add_argument("--mutations", action="store_true", help="a table of what so many seeds catch")
    given = arguments.parse_args()
    if given.mutations:
        for line in table(given.seeds):
            print(line, flush=True)
        return 0
    seeds = range(given.first, given.first + given.seeds) if given.seed is None else [given.seed]
    failed = [seed for seed in seeds if not _holds(seed, given.trace)]
    print(f"{len(failed)} of {len(seeds)} seeds fail{': ' if failed else ''}{', '.join(map(str, failed[:50]))}")
    return 1 if failed else 0


def _holds(seed: int, tracing: bool) -> bool:
    try:
        World(seed, trace=print if tracing else None).run()
    except Exception as error:  # noqa: BLE001 - whatever it is, its seed is told
        print(f"seed {seed}: {type(error).__name__}: {error}")
        if tracing:
            traceback.print_exc()
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
