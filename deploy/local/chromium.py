"""Brings the Chromium of the browser tests into `.local/`, once, with the libraries and the fonts that it needs.

It is npm's package of a headless Chromium that needs nothing of the machine but the C library: no root, no display, no
system package. `python -m deploy.local.chromium` fetches it ahead of the tests.
"""

import base64
import hashlib
import io
import os
import platform
import shutil
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import cramjam

from deploy.local.errors import FetchFailed, LocalStackError, MissingTool
from deploy.local.fetch import Progress, only_one, project_root, replacing, require_tools, run_client, say_nothing

VERSION = "153.0.0"
PACKAGE = "@sparticuz/chromium"
#: Of the package's file, as npm's registry tells it (dist.integrity).
SHA512 = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
#: Only the fonts that come with it: text is as wide on every machine.
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir prefix="relative">fonts</dir><cachedir prefix="xdg">fonts</cachedir></fontconfig>
"""


class Browser(NamedTuple):
    """A program, and what its environment must hold besides."""

    program: Path
    environment: Mapping[str, str]


def fetch_chromium(root: Path | None = None, on_progress: Progress = say_nothing) -> Browser:
    """Return the browser, fetching it where `.local/` of `root` lacks it (70 MB over the network, 195 MB on disk).

    Safe to call from several processes at a time. Raises MissingTool (npm; on another system than Linux on
    x86-64, a `chromium` on PATH), FetchFailed.
    """
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return _installed()
    local = (root or project_root()) / ".local"
    target = local / f"chromium-{VERSION}"
    if not target.is_dir():
        with only_one(local):
            if not target.is_dir():
                _fetch(target, on_progress)
    # Fontconfig keeps its cache there, too; it would be put into whatever folder the tests run in.
    fonts = {"FONTCONFIG_FILE": str(target / "fonts.conf"), "XDG_CACHE_HOME": str(target / "cache")}
    return Browser(target / "chromium", {"LD_LIBRARY_PATH": str(target / "lib"), **fonts})


def _installed() -> Browser:
    program = shutil.which("chromium")
    if program is None:
        raise MissingTool(
            "missing: Chromium; the fetched one is for Linux on x86-64 only, so install `chromium` on PATH"
        )
    return Browser(Path(program), {})


def _fetch(target: Path, on_progress: Progress) -> None:
    require_tools("npm")
    on_progress(f"fetching Chromium {VERSION} with npm, once")
    with replacing(target) as scratch:
        run_client("Chromium", ["npm", "pack", "--loglevel=error", f"{PACKAGE}@{VERSION}"], scratch)
        [package] = scratch.glob("*.tgz")
        made = scratch / "made"
        made.mkdir()
        unpack(package.read_bytes(), SHA512, made)
        os.rename(made, target)
    on_progress(f"Chromium {VERSION} is in {target.name}")


def unpack(package: bytes, sha512: str, target: Path) -> None:
    """Put program, libraries and fonts of npm's ``package`` into ``target``.

    Raises FetchFailed where its SHA-512 (base64) is not ``sha512``.
    """
    found = base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != sha512:
        raise FetchFailed(f"{PACKAGE} {VERSION}: found a file with SHA-512 {found}, expected {sha512}")
    with tarfile.open(fileobj=io.BytesIO(package)) as files:
        program = target / "chromium"
        program.write_bytes(_decompressed(files, "chromium.br"))
        program.chmod(0o755)
        for archive in ("al2023.tar.br", "fonts.tar.br"):
            with tarfile.open(fileobj=io.BytesIO(_decompressed(files, archive))) as parts:
                wanted = [part for part in parts if part.name.startswith(("lib/", "fonts/"))]
                parts.extractall(target, wanted, filter="data")
    (target / "fonts.conf").write_text(_FONTS)


def _decompressed(files: tarfile.TarFile, name: str) -> bytes:
    packed = files.extractfile(f"package/bin/{name}")
    if packed is None:
        raise FetchFailed(f"{PACKAGE} {VERSION}: {name} is no file")
    return bytes(cramjam.brotli.decompress(packed.read()))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main() -> int:
    """Fetch, say how it went on standard error. Returns the exit code."""
    try:
        fetch_chromium(on_progress=_say)
    except LocalStackError as error:
        _say(str(error))
        return 2 if isinstance(error, MissingTool) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
