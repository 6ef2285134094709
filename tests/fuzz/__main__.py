"""``python -m tests.fuzz``: mutated records through INTAKE; ends with 1 where it crashes, hangs, grows or is wrong.

They are taken in a process of their own, so that a crash of native code is seen too. What is told of a failure is the
seed and the batch, which make it again: ``--seed S --batches B`` alone.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.fuzz.process import BATCH, run

#: By then the bounded caches have been full several times.
WARM = 0.5
MOST_GROWTH_MB = 64.0


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    arguments.add_argument("--records", type=int, default=1_000_000)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    began = time.monotonic()
    done, failure = run(given.seed, max(1, given.records // BATCH))
    seconds = time.monotonic() - began
    if done:
        warm = done[int(len(done) * WARM)]
        records = len(done) * BATCH
        print(f"seed {given.seed}: {records:,} records in {seconds:,.0f} s, {records / seconds:,.0f} a second")
        print(f"longest batch of {BATCH}: {max(batch.seconds for batch in done):.2f} s")
        memory = f"{done[0].resident_mb:.0f}, {warm.resident_mb:.0f}, {done[-1].resident_mb:.0f} MB"
        print(f"memory after the first batch, half of them, all: {memory}")
        if not failure and done[-1].resident_mb - warm.resident_mb > MOST_GROWTH_MB:
            failure = f"it grows: more than {MOST_GROWTH_MB:.0f} MB in the second half"
    print(failure or "nothing raised, hung, grew or was lost")
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
