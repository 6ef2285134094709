"""`python -m deploy.supply.sbom SBOM LICENCES`: what ships, for machines (CycloneDX 1.6, JSON) and for people.

Both say the same on every machine: no time, no serial number, no path, no address of a registry. Packages bring native
libraries inside them (numpy's BLAS, pyarrow's C++, RocksDB); those are listed by the packages themselves, not here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from deploy.supply.components import Component, components, forbidden, shipped

PYPROJECT = Path("pyproject.toml")
PROJECT = Component("omnijourney", version("omnijourney"), "Apache-2.0")


def sbom(pyproject: Path) -> dict[str, Any]:
    """The bill of materials of what ``pyproject`` declares and of what that needs."""
    needs = shipped(pyproject)
    parts = components(pyproject)
    urls = {part.name: part.url for part in parts}
    depends = [{"ref": urls[name], "dependsOn": [urls[n] for n in needed]} for name, needed in needs.items() if name]
    vendored = [urls[part.name] for part in parts if part.name not in needs]
    root = {"ref": PROJECT.url, "dependsOn": [*(urls[name] for name in needs[""]), *vendored]}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _described(PROJECT, "application")},
        "components": [_described(part, "library") for part in parts],
        "dependencies": [root, *depends],
    }


def _described(part: Component, kind: str) -> dict[str, Any]:
    names = {"bom-ref": part.url, "name": part.name, "version": part.version, "purl": part.url}
    return {"type": kind, **names, "licenses": [{"expression": part.licence}]}


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


def main(bill: Path, table: Path) -> int:
    """Write both; 1 where a licence isn't allowed."""
    bill.parent.mkdir(parents=True, exist_ok=True)
    bill.write_text(json.dumps(sbom(PYPROJECT), indent=2) + "\n", encoding="utf-8")
    table.write_text("\n".join(licences(PYPROJECT)) + "\n", encoding="utf-8")
    parts = components(PYPROJECT)
    wrong = {part.name: names for part in parts if (names := forbidden(part.licence))}
    sys.stdout.write(f"{bill}: {len(parts)} packages\n")
    for name, names in wrong.items():
        sys.stderr.write(f"{name}: licence {', '.join(names)}, expected one that deploy/supply/components.py allows\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
