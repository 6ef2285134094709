"""What decoding must never do, so that it is seen that it would be seen."""

from __future__ import annotations

import os
from multiprocessing.connection import Connection

from tests.fuzz.process import Batch


def aborting(told: Connection, seed: int, batches: int) -> None:
    """What native code does at its worst: that it is seen must be seen."""
    told.send(Batch(0.0, 0.0, None))
    os.abort()


def hanging(told: Connection, seed: int, batches: int) -> None:
    """What never ends."""
    told.send(Batch(0.0, 0.0, None))
    while True:
        os.getpid()
