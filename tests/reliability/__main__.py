"""Every fault on a pipeline of its own, and the table of what came of it: `python -m tests.reliability`.

One that fails is a row of the table like the others, its logs are kept, and the rest goes on. Results are kept one by
one: with `--only` some are run again, and the table is made of all that there are; `--only` with no name runs nothing.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

from tests.reliability.faults import FAULTS
from tests.reliability.report import write
from tests.reliability.running import kept, run
from tests.reliability.scene import sweep

EXIT_INTERRUPTED = 130


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument(
        "--only", nargs="*", choices=list(FAULTS), metavar="NAME", help=f"none: run nothing; {', '.join(FAULTS)}"
    )
    parser.add_argument("--report", type=Path, help="the file whose table is made anew")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupt)
    sweep()
    try:
        failed = run_all(FAULTS if given.only is None else given.only, given.report)
    except KeyboardInterrupt:
        say("interrupted; everything is ended, what was done is kept")
        return EXIT_INTERRUPTED
    if failed:
        say(f"failed: {', '.join(failed)}; see .local/reliability")
    return 1 if failed else 0


def run_all(names: Iterable[str], report: Path | None) -> list[str]:
    """Run faults one after the other, each of them anew in the ``report``; the names of those that failed."""
    failed = []
    if report:
        write(report, map(kept, FAULTS.values()))
    for name in names:
        say(f"{name}: {FAULTS[name].told}")
        began = time.monotonic()
        result = run(FAULTS[name], say)
        if report:
            write(report, map(kept, FAULTS.values()))
        failed += [name] if result.status == "failed" else []
        say(f"  {result.status} {result.why or result.verify} ({time.monotonic() - began:.0f} s in all)")
    return failed


def interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
