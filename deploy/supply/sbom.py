"""`python -m deploy.supply.sbom SBOM LICENCES`: what ships, for machines (CycloneDX 1.6, JSON) and for people.

Both say the same on every machine: no time, no serial number, no path, no address of a registry. A package's hashes are
those of all files of its version that pip takes, one for each kind of machine.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deploy.supply.bundled import BUNDLED
from deploy.supply.components import Component, components, forbidden, forbidden_bundled, shipped

PYPROJECT = Path("pyproject.toml")
PINNED = "constraints.txt"
#: What was copied into the sources.
COPIED = {"echarts": "sinks/page/vendor/echarts.min.js"}
PROJECT = Component("omnijourney", version("omnijourney"), "Apache-2.0")


def sbom(pyproject: Path) -> dict[str, Any]:
    """The bill of materials of what ``pyproject`` declares and of what that needs."""
    needs = shipped(pyproject)
    parts = components(pyproject)
    urls = {part.name: part.url for part in parts}
    vendored = [part.name for part in parts if part.name not in needs]
    below = {**needs, "": (*needs[""], *vendored), **dict.fromkeys(vendored, ())}
    hashes = hashes_of(pyproject.parent)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _described(PROJECT, "application")},
        "components": [
            {
                **_described(part, "library"),
                "hashes": [{"alg": "SHA-256", "content": content} for content in hashes[part.name]],
                "components": [_within(*bundled) for bundled in BUNDLED.get(part.name, {}).items()],
            }
            for part in parts
        ],
        "dependencies": [
            {"ref": urls.get(name, PROJECT.url), "dependsOn": [urls[n] for n in needed]}
            for name, needed in below.items()
        ],
    }


def hashes_of(root: Path) -> Mapping[str, Sequence[str]]:
    """SHA-256 of the files of each pinned package, and of what was copied into the sources."""
    pinned = (root / PINNED).read_text(encoding="utf-8")
    blocks = re.findall(r"(?m)^([a-z0-9.-]+)==(.+(?:\n +--hash=.+)*)", pinned)
    found = {name: re.findall(r"--hash=sha256:([0-9a-f]{64})", block) for name, block in blocks}
    copied = {name: [hashlib.sha256((root / path).read_bytes()).hexdigest()] for name, path in COPIED.items()}
    return {**found, **copied}


def _described(part: Component, kind: str) -> dict[str, Any]:
    names = {"bom-ref": part.url, "name": part.name, "version": part.version, "purl": part.url}
    return {"type": kind, **names, "licenses": [{"expression": part.licence}]}


def _within(name: str, licence: str) -> dict[str, Any]:
    return {"type": "library", "name": name, "licenses": [{"expression": licence}]}


def licences(pyproject: Path) -> Iterator[str]:
    """docs/licences.md, line by line."""
    yield "# Licences of what ships"
    yield "Written by `make sbom`; a test holds it equal to what is installed. `deploy/supply/components.py` says which"
    yield "licences are allowed, and whose was read in the package's own file. What serves development alone is left"
    yield "out, and so are the servers, Kafka and ClickHouse (both Apache-2.0)."
    yield ""
    yield "| package | version | licence |"
    yield "|---|---|---|"
    for part in components(pyproject):
        yield f"| {part.name} | {part.version} | {part.licence} |"
    yield ""
    yield "## What packages bring along"
    yield "Libraries in `*.libs` folders, and what the licence files of matplotlib, numpy and scipy name; read"
    yield "there by hand (`deploy/supply/bundled.py`). What others link into their own libraries is not listed."
    yield ""
    yield "| package | what | licence |"
    yield "|---|---|---|"
    for package, bundled in BUNDLED.items():
        for name, licence in bundled.items():
            yield f"| {package} | {name} | {licence} |"


def main(bill: Path, table: Path) -> int:
    """Write both; 1 where a licence isn't allowed."""
    bill.parent.mkdir(parents=True, exist_ok=True)
    bill.write_text(json.dumps(sbom(PYPROJECT), indent=2) + "\n", encoding="utf-8")
    table.write_text("\n".join(licences(PYPROJECT)) + "\n", encoding="utf-8")
    parts = components(PYPROJECT)
    wrong = {part.name: names for part in parts if (names := forbidden(part.licence))}
    wrong |= {name: [licence] for name, licence in forbidden_bundled()}
    sys.stdout.write(f"{bill}: {len(parts)} packages\n")
    for name, names in wrong.items():
        sys.stderr.write(f"{name}: licence {', '.join(names)}, expected one that deploy/supply/components.py allows\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
