"""File locks that tell whether a process is alive: the kernel drops them with their holder, however it dies."""

import fcntl
import os
import time
from pathlib import Path


def hold_lock(path: Path, seconds: float) -> int | None:
    """Take the lock of a file within `seconds`.

    Returns its descriptor, which holds the lock until it and all inherited copies are closed; None while another
    holds it.
    """
    deadline = time.monotonic() + seconds
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # A file that was removed while its lock was taken isn't the one that others lock.
        if _take(descriptor, fcntl.LOCK_EX) and _is_file(descriptor, path):
            return descriptor
        os.close(descriptor)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.02)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock of a file. Those who ask don't take each other for a holder."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _take(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def wait_until_free(path: Path, seconds: float) -> bool:
    """Whether nobody holds the lock of a file any longer, at the latest after `seconds`."""
    deadline = time.monotonic() + seconds
    while is_held(path):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def _take(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
