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

from tests.fuzz.others import others
from tests.fuzz.process import BATCH, intake, run

#: What a run may leave behind; allocators keep some.
MOST_GROWTH_MB = 16.0


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
    return failure or growth(left)


def growth(left_mb: Sequence[float]) -> str:
    """What to say where more and more is left; the first time some is that was loaded late."""
    grown = left_mb[-1] - left_mb[1] if len(left_mb) > 2 else 0.0
    return f"it grows: {grown:.0f} MB more than at the second look" if grown > MOST_GROWTH_MB else ""


if __name__ == "__main__":
    sys.exit(main())
