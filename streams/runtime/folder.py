"""One worker a folder of state: a lock that ends with the process. State has identifiers in it, so nobody else may look
into the folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from streams.runtime.failures import StateInUse

_held: list[int] = []


def lock_folder(folder: Path) -> None:
    """Make ``folder`` and hold it until the process ends; StateInUse where another does, or it can't be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Of a worker that knew no better, or of a volume.
        folder.chmod(0o700)
        lock = os.open(folder / "LOCK", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StateInUse(f"{folder}: another worker keeps its state here; give each a folder of its own") from None
    except OSError as error:
        raise StateInUse(f"{folder}: cannot keep state here: {error.strerror}") from error
    _held.append(lock)
