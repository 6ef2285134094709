"""The part of constraints.txt that an installation needs: its lines for given packages and all that they depend on.

The file pins everything, development's packages too; its comments tell which package is there because of which. So an
image needs no second file that could differ. Runs before anything is installed: only the standard library.

    python -m deploy.pins constraints.txt runtime      what pyproject.toml says that omnijourney needs
    python -m deploy.pins constraints.txt setuptools   what builds it
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

#: The name that stands at the beginning of a requirement, and ends where its extras or versions begin.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


class Pin(NamedTuple):
    """One package: its lines as they are, with version and hashes, and the packages that want it."""

    lines: str
    wanted_by: frozenset[str]


def read(text: str) -> dict[str, Pin]:
    """Package -> its pin, from the text of a constraints file as pip-compile writes it."""
    pins = {}
    for block in re.split(r"\n(?=[A-Za-z0-9])", text.strip("\n")):
        _, _, why = block.partition("# via")
        pins[_normal(block)] = Pin(block, frozenset(_normal(line) for line in re.findall(r"[\w.-]+", why)))
    return pins


def closure(pins: Mapping[str, Pin], roots: Iterable[str]) -> list[str]:
    """The lines of ``roots`` and of all that they depend on, by name. KeyError with a name that is not pinned."""
    found: set[str] = set()
    new = {_normal(root) for root in roots}
    while new:
        found |= new
        new = {name for name, pin in pins.items() if pin.wanted_by & new} - found
    return [pins[name].lines for name in sorted(found)]


def runtime(pyproject: str) -> list[str]:
    """The packages that the project's own metadata names for every installation."""
    return [_normal(text) for text in tomllib.loads(pyproject)["project"]["dependencies"]]


def _normal(requirement: str) -> str:
    name = _NAME.match(requirement)
    return re.sub(r"[._-]+", "-", name[0]).lower() if name else ""


def main() -> None:
    """Write the lines to standard output."""
    path, *roots = sys.argv[1:]
    if roots == ["runtime"]:
        roots = runtime(_PYPROJECT.read_text("utf-8"))
    lines = closure(read(Path(path).read_text("utf-8")), roots)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
