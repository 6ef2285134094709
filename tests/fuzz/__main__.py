"""``python -m tests.fuzz``: mutated records through INTAKE, and some through all else that decodes; ends with 1 where
anything crashes, hangs, grows or is wrong.

They are taken in processes of their own, so that a crash of native code is seen too. The same seed makes the same
failure again.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from statistics import linear_regression

from tests.fuzz.others import others
from tests.fuzz.process import BATCH, intake, run

#: 32 bytes a record: an empty `bytes` has 33, so to keep anything of each record is more.
MOST_MB_A_MILLION = 32.0
#: Now and then 10 MB more stay at once, and then no more; amid fewer records that alone would be such a slope.
LEAST_RECORDS = 1_000_000


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    arguments.add_argument("--records", type=int, default=1_000_000)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    batches = max(1, given.records // BATCH)
    failures = [_intake(given.seed, batches), run(given.seed, batches // 4, others)[1]]
    print("\n".join(filter(None, failures)) or "nothing raised, hung, grew or was lost")
    return 1 if any(failures) else 0


def _intake(seed: int, batches: int) -> str:
    began = time.monotonic()
    done, failure = run(seed, batches, intake)
    seconds = time.monotonic() - began
    if not done:
        return failure
    records = len(done) * BATCH
    left = [batch.left_mb for batch in done if batch.left_mb is not None]
    print(f"seed {seed}: {records:,} records in {seconds:,.0f} s, {records / seconds:,.0f} a second")
    print(f"longest batch of {BATCH}: {max(batch.seconds for batch in done):.2f} s")
    print(f"memory at most: {max(batch.resident_mb for batch in done):.0f} MB")
    print(f"memory without caches, {len(left)} times: {' '.join(f'{mb:.0f}' for mb in left)} MB")
    if records < LEAST_RECORDS:
        print(f"growth is not judged below {LEAST_RECORDS:,} records")
        return failure
    slope = slope_mb(left, records / len(left))
    print(f"slope over the last two thirds: {slope:.1f} MB a million records")
    return failure or growth(slope)


def slope_mb(left_mb: Sequence[float], records_between: float) -> float:
    """By how many MB a million records what is left grows: least squares over the last two thirds of the looks, as at
    first some is loaded late."""
    settled = left_mb[len(left_mb) // 3 :]
    millions = [number * records_between / 1e6 for number in range(len(settled))]
    return linear_regression(millions, settled).slope


def growth(slope: float) -> str:
    """What to say where more is kept than chance explains."""
    if slope <= MOST_MB_A_MILLION:
        return ""
    return f"it grows by {slope:.0f} MB a million records, expected at most {MOST_MB_A_MILLION:.0f}"


if __name__ == "__main__":
    sys.exit(main())
