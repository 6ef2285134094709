"""A worker's folder of state is its user's alone."""

import os
from pathlib import Path

import pytest

from streams.runtime.folder import lock_folder


@pytest.mark.parametrize("there", [False, True])
def test_nobody_else_may_look_into_a_folder_of_state(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "state" / "intake"
    before = os.umask(0o022)
    try:
        if there:
            folder.mkdir(parents=True)
        lock_folder(folder)
    finally:
        os.umask(before)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "LOCK").stat().st_mode & 0o777 == 0o600
