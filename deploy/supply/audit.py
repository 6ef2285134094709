"""`python -m deploy.supply.audit FOLDER`: known flaws of what ships, by advisories in a folder; asks nobody.

FOLDER holds advisories in the form of osv.dev: a clone of https://github.com/pypa/advisory-database (YAML, a folder a
package), or osv.dev's export of PyPI, unpacked (JSON). How much is known depends on how old they are, which is told.
Flaws that nobody reported are found by nobody; those of native libraries inside of packages only where the package's
own advisories name them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from deploy.supply.components import Component, components

HOW = "git clone --depth 1 https://github.com/pypa/advisory-database, or see docs/assurance.md"

ECOSYSTEM = "PyPI"

Advisory = Mapping[str, Any]


class Finding(NamedTuple):
    """A component with a known flaw; ``fixed`` are the versions that are rid of it."""

    component: Component
    advisory: str
    fixed: Sequence[str]

    @property
    def text(self) -> str:
        """In one line."""
        fixed = f"fixed in {', '.join(self.fixed)}" if self.fixed else "no version is rid of it"
        return f"{self.component.name} {self.component.version}: {self.advisory}, {fixed}"


def advisories(folder: Path, names: frozenset[str]) -> Iterator[Advisory]:
    """Those in ``folder`` that may be about one of ``names``; withdrawn ones are left out."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".json":
            read = json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".yaml" and canonicalize_name(path.parent.name) in names:
            read = yaml.safe_load(path.read_text(encoding="utf-8"))
        else:
            continue
        if "affected" in read and "withdrawn" not in read:
            yield read


def findings(parts: Sequence[Component], known: Sequence[Advisory]) -> list[Finding]:
    """Which of ``parts`` have a flaw that is ``known``."""
    by_name = {part.name: part for part in parts if part.ecosystem == "pypi"}
    found = set()
    for advisory in known:
        for affected in advisory["affected"]:
            package = affected.get("package", {})
            part = by_name.get(canonicalize_name(package.get("name", "")))
            # The same name elsewhere is another package.
            if (
                package.get("ecosystem", ECOSYSTEM) == ECOSYSTEM
                and part is not None
                and _is_affected(part.version, affected)
            ):
                fixed = [e["fixed"] for events in _events(affected) for e in events if "fixed" in e]
                found.add(Finding(part, str(advisory["id"]), tuple(fixed)))
    return sorted(found)


def _is_affected(version: str, affected: Mapping[str, Any]) -> bool:
    ours = Version(version)
    # 8.3.3 and 8.3.3.0 are the same.
    if any(version == text or ours == _version(text) for text in affected.get("versions", ())):
        return True
    return any(_is_within(ours, events) for events in _events(affected))


def _events(affected: Mapping[str, Any]) -> Iterator[Sequence[Mapping[str, str]]]:
    return (r["events"] for r in affected.get("ranges", ()) if r["type"] in ("ECOSYSTEM", "SEMVER"))


def _is_within(version: Version, events: Sequence[Mapping[str, str]]) -> bool:
    """Whether the last event at or below ``version`` brought the flaw; one that is no version is taken for 0."""
    within = False
    for at, kind in sorted((_version(text), kind) for event in events for kind, text in event.items()):
        if kind == "introduced" and at <= version:
            within = True
        elif (kind == "fixed" and at <= version) or (kind == "last_affected" and at < version):
            within = False
    return within


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        return Version("0")


def main(folder: Path) -> int:
    """Tell each finding; 1 where there is one, 2 where there are no advisories."""
    parts = components(Path("pyproject.toml"))
    known = list(advisories(folder, frozenset(part.name for part in parts)))
    if not known:
        sys.stderr.write(f"{folder}: found no advisories, expected those of osv.dev: {HOW}\n")
        return 2
    found = findings(parts, known)
    for finding in found:
        sys.stdout.write(finding.text + "\n")
    newest = max(str(advisory.get("modified", "")) for advisory in known)[:10]
    of_npm = ", ".join(f"{part.name} {part.version}" for part in parts if part.ecosystem != "pypi")
    sys.stdout.write(
        f"{len(parts)} packages, {len(known)} advisories on them, the newest of {newest}: {len(found)} found\n"
    )
    sys.stdout.write(f"not looked at: what became known since, and {of_npm}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
