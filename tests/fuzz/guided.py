"""``python -m tests.fuzz.guided -runs=100000``: INTAKE led by coverage, with atheris; options are libFuzzer's.

Bytes that reach lines of our code that none reached before are kept and mutated further. What begins as whole
touchpoints comes to places where chance alone seldom goes. Each input is taken 16 times in a batch, or Rust would not
be asked.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["streams.stages", "streams.domain", "schemas"]):
    from schemas.arrow import FEWEST
    from schemas.codec import encode
    from schemas.pieces import header
    from streams.domain.vocabulary import CHANNELS
    from streams.runtime.stage import PlainRecord
    from streams.sample import MONDAY_2026_03_02
    from tests.fuzz.intake import Fuzzed
    from tests.fuzz.mutations import touchpoints

HEADER = header("touchpoint")
CORPUS = Path("build/fuzz")
SEEDS = 200
DAY_MS = 86_400_000

_fuzzed = Fuzzed()
_next = 0


def take(data: bytes) -> None:
    """One input: the first byte chooses the channel, the rest follows the header of a touchpoint."""
    global _next
    channel = CHANNELS[data[0] % len(CHANNELS)] if data else CHANNELS[0]
    batch = [PlainRecord(_next + n, MONDAY_2026_03_02 + 8 * DAY_MS, b"k", HEADER + data[1:]) for n in range(FEWEST)]
    _next += FEWEST
    _fuzzed.take(channel, batch)


def main() -> None:
    """Run libFuzzer; it ends the process. What it found to lead further stays in build/fuzz, for the next run."""
    CORPUS.mkdir(parents=True, exist_ok=True)
    for number, record in enumerate(touchpoints(SEEDS, 1)):
        channel = bytes([CHANNELS.index(record["channel"])])
        (CORPUS / f"whole-{number}").write_bytes(channel + encode("touchpoint", record).removeprefix(HEADER))
    atheris.Setup(
        [
            sys.argv[0],
            "-timeout=60",
            "-rss_limit_mb=2048",
            "-max_len=4096",
            f"-artifact_prefix={CORPUS}-",
            *sys.argv[1:],
            str(CORPUS),
        ],
        take,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
