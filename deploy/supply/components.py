"""The packages that run in production: those of `dependencies` in pyproject.toml and all that they need, as installed;
and what was copied into the sources. What serves development alone is none of them.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy.supply.bundled import ALLOWED_BUNDLED, BUNDLED

#: Licences of packages that may ship, by their SPDX names; what they bring along has more (`bundled`). None asks more
#: of who only runs it.
ALLOWED = frozenset(
    {
        *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0"),
        *("Python-2.0", "Zlib", "LicenseRef-Repoze"),
    }
)
#: Read in the package's own licence file where its metadata has no SPDX name, or none at all.
READ_THERE = {
    **dict.fromkeys(("aiohttp-cors", "aiosignal", "async-timeout", "avro", "sortedcontainers"), "Apache-2.0"),
    **dict.fromkeys(("contourpy", "cycler", "faust-streaming", "kiwisolver", "lz4"), "BSD-3-Clause"),
    **dict.fromkeys(("mode-streaming", "scipy"), "BSD-3-Clause"),
    **dict.fromkeys(("crawler-user-agents", "pyruhvro"), "MIT"),
    "matplotlib": "PSF-2.0",  # with its own name in it
    "venusian": "LicenseRef-Repoze",
}
#: Classifiers that say which licence it is, of packages without an expression.
CLASSIFIED = {"License :: OSI Approved :: MIT License": "MIT"}
UNKNOWN = "unknown"


class Component(NamedTuple):
    """A package by its canonical name; ``licence`` is an SPDX expression, or UNKNOWN."""

    name: str
    version: str
    licence: str
    ecosystem: str = "pypi"

    @property
    def url(self) -> str:
        """Its package URL, as purl-spec writes it."""
        return f"pkg:{self.ecosystem}/{self.name}@{self.version}"


#: sinks/page/vendor; zrender and d3 are parts of ECharts' one file.
VENDORED = (Component("echarts", "6.1.0", "Apache-2.0 AND BSD-3-Clause", "npm"),)


def shipped(pyproject: Path) -> dict[str, tuple[str, ...]]:
    """Each package that runs in production, with those that it needs; '' is the project itself.

    Raises PackageNotFoundError where one is not installed.
    """
    declared = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["dependencies"]
    found: dict[str, set[str]] = {}
    waiting = [("", Requirement(text)) for text in declared]
    seen: set[tuple[str, str]] = set()
    while waiting:
        by, wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        found.setdefault(by, set()).add(name)
        found.setdefault(name, set())
        if (name, str(wanted)) in seen:
            continue
        seen.add((name, str(wanted)))
        needed = map(Requirement, distribution(name).requires or [])
        extras = ("", *wanted.extras)
        waiting += [
            (name, n) for n in needed if n.marker is None or any(n.marker.evaluate({"extra": e}) for e in extras)
        ]
    return {name: tuple(sorted(needs)) for name, needs in sorted(found.items())}


def components(pyproject: Path) -> list[Component]:
    """Everything that ships but our own code, by name."""
    packages = (Component(name, distribution(name).version, licence_of(name)) for name in shipped(pyproject) if name)
    return sorted([*packages, *VENDORED])


def licence_of(name: str) -> str:
    """The licence of an installed package as far as its metadata, or `READ_THERE`, say it clearly."""
    if name in READ_THERE:
        return READ_THERE[name]
    metadata = distribution(name).metadata
    classified = (CLASSIFIED[c] for c in metadata.get_all("Classifier", []) if c in CLASSIFIED)
    said = metadata["License-Expression"] or next(classified, None) or metadata["License"] or UNKNOWN
    return str(said) if "\n" not in said else UNKNOWN


def forbidden(licence: str) -> list[str]:
    """The names in ``licence`` that aren't allowed; of alternatives all must be, so that nobody need choose."""
    names = licence.replace("(", " ").replace(")", " ").replace(" AND ", " ").replace(" OR ", " ").split()
    return [name for name in names if name not in ALLOWED]


def forbidden_bundled() -> list[tuple[str, str]]:
    """What packages bring along under a licence that isn't allowed there."""
    allowed = ALLOWED | ALLOWED_BUNDLED
    return [
        (f"{package}: {name}", licence)
        for package, bundled in BUNDLED.items()
        for name, licence in bundled.items()
        if not allowed.issuperset(licence.split(" AND "))
    ]
