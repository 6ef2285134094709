"""The virtual environment of Quix Streams: its pins contradict ours, so it has one of its own, made on first use."""

from __future__ import annotations

import subprocess
import sys
import venv
from hashlib import sha256
from pathlib import Path

from deploy.local.fetch import project_root

PINS = Path(__file__).parent / "contenders" / "quix-constraints.txt"


def quix_python() -> Path:
    """The interpreter of the environment, which is made (about 60 MB are downloaded) where it isn't there as pinned."""
    pins = sha256(PINS.read_bytes()).hexdigest()[:12]
    folder = project_root() / ".local" / f"quix-{pins}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        print(f"installing Quix Streams into .local/{folder.name}, once", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(PINS)], check=True)
        done.touch()
    return python
