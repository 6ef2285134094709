"""``python -m tests.convergence``: many seeds, or one of them with a trace; ends with 1 where any fails."""

from __future__ import annotations

import argparse
import sys
import time

from tests.convergence.rules import table
from tests.convergence.scenario import Scenario, make_scenario
from tests.convergence.shrinking import failure_of, shrink
from tests.convergence.telling import Telling, describe
from tests.convergence.world import World


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.convergence", description=__doc__)
    arguments.add_argument("--seeds", type=int, default=500)
    arguments.add_argument("--from", type=int, default=0, dest="first")
    arguments.add_argument("--seed", type=int)
    arguments.add_argument("--trace", action="store_true")
    arguments.add_argument("--only", type=_numbers, help="of the seed's events those with these numbers, 3,7,9")
    arguments.add_argument(
        "--rules", action="store_true", help="a table: each rule left out, and the seeds that notice"
    )
    given = arguments.parse_args()
    if given.rules:
        for line in table(given.seeds):
            print(line, flush=True)
        return 0
    if given.seed is not None:
        scenario = make_scenario(given.seed)
        return _show(scenario if given.only is None else scenario.only(given.only), given.trace)
    return _run(range(given.first, given.first + given.seeds))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _run(seeds: range) -> int:
    began, failed = time.process_time(), []
    for seed in seeds:
        scenario = make_scenario(seed)
        failure = failure_of(scenario)
        if failure is not None:
            failed.append(seed)
            if len(failed) == 1:
                print(f"seed {seed}: {Telling(scenario.shape).failure(failure)}")
                _show(shrink(scenario), tracing=True)
    took = (time.process_time() - began) / len(seeds)
    told = f": {', '.join(map(str, failed[:50]))}" if failed else ""
    print(f"{len(failed)} of {len(seeds)} seeds fail, {1000 * took:.0f} ms each{told}")
    return 1 if failed else 0


def _show(scenario: Scenario, tracing: bool) -> int:
    for line in describe(scenario):
        print(line)
    try:
        World(scenario, say=print if tracing else None).run()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        print(Telling(scenario.shape).failure(error))
        numbers = ",".join(str(number) for number, _ in scenario.events)
        print(f"again: python -m tests.convergence --seed {scenario.seed} --only {numbers} --trace")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
