"""What ships: all of it is listed, under licences that are allowed, without flaws that advisories name."""

from __future__ import annotations

import json
import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.local.fetch import project_root
from deploy.supply.audit import advisories, findings, main
from deploy.supply.bundled import BUNDLED
from deploy.supply.components import (
    ALLOWED,
    READ_THERE,
    VENDORED,
    Component,
    components,
    forbidden,
    forbidden_bundled,
    shipped,
)
from deploy.supply.sbom import licences, sbom

ROOT = project_root()
PYPROJECT = ROOT / "pyproject.toml"
AVRO = Component("avro", "1.12.2", "Apache-2.0")


def test_the_bill_of_materials_is_valid_and_the_same_each_time() -> None:
    text = json.dumps(sbom(PYPROJECT))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert json.dumps(sbom(PYPROJECT)) == text


def test_the_bill_of_materials_has_all_that_is_declared_and_what_that_needs_and_no_tools() -> None:
    names = {part["name"] for part in sbom(PYPROJECT)["components"]}
    assert {
        "faust-streaming",
        "mode-streaming",
        "aiokafka",
        "pyarrow",
        "rocksdict",
        "pydantic-core",
        "echarts",
    } <= names
    assert not {"pytest", "ruff", "mypy", "bandit", "atheris", "playwright"} & names


def test_each_part_of_the_bill_has_the_hashes_that_are_pinned_and_a_place_among_what_depends() -> None:
    bill = sbom(PYPROJECT)
    pinned = (ROOT / "constraints.txt").read_text()
    [copied] = [part for part in bill["components"] if part["name"] == "echarts"]
    for part in bill["components"]:
        assert part["hashes"], part["name"]
        assert all(f"sha256:{one['content']}" in pinned for one in part["hashes"]) or part is copied
    refs = [entry["ref"] for entry in bill["dependencies"]]
    assert sorted(refs) == sorted(
        [bill["metadata"]["component"]["bom-ref"], *(p["bom-ref"] for p in bill["components"])]
    )


def test_the_hashes_of_a_package_are_its_own() -> None:
    pinned = (ROOT / "constraints.txt").read_text()
    [avro] = [part for part in sbom(PYPROJECT)["components"] if part["name"] == "avro"]
    block = pinned[pinned.index("\navro==") : pinned.index("\nbandit==")]
    assert [one["content"] for one in avro["hashes"]] == re.findall("sha256:([0-9a-f]+)", block.partition("# via")[0])


def test_the_bill_of_materials_names_no_path_and_no_other_host_than_its_schema() -> None:
    text = json.dumps(sbom(PYPROJECT)).replace("http://cyclonedx.org/schema/", "")
    assert re.findall(r"https?://|file:|/home/|/tmp/|/root/|site-packages", text) == []


def test_what_ships_is_pinned_in_the_version_that_is_listed() -> None:
    pinned = dict(re.findall(r"(?m)^([a-z0-9.-]+)==([^ ]+)", (ROOT / "constraints.txt").read_text()))
    listed = {part.name: part.version for part in components(PYPROJECT) if part.ecosystem == "pypi"}
    assert {name: pinned.get(name) for name in listed} == listed


def test_each_licence_is_allowed() -> None:
    assert {part.name: part.licence for part in components(PYPROJECT) if forbidden(part.licence)} == {}


def test_all_that_packages_bring_along_is_listed_under_licences_that_are_allowed() -> None:
    """A wheel with another shared library beside its own fails here: read its licence, and list it."""
    found: dict[str, set[str]] = {}
    for name in filter(None, shipped(PYPROJECT)):
        for path in map(str, distribution(name).files or []):
            if bundled := re.match(r"\w+\.libs/([^.]+?)(-[0-9a-f]+)*\.so", path):
                found.setdefault(name, set()).add(bundled[1])
    assert {name: found[name] - BUNDLED.get(name, {}).keys() for name in found} == {name: set() for name in found}
    assert found["pillow"] == BUNDLED["pillow"].keys()
    assert forbidden_bundled() == []


@pytest.mark.parametrize("name", ["matplotlib", "numpy", "scipy"])
def test_what_licence_files_name_is_listed_under_that_licence(name: str) -> None:
    """Alternatives are listed as the one that we take; some have no SPDX name there."""
    files = [file for file in distribution(name).files or [] if re.search(r"dist-info/.*LICENSE(\.txt)?$", str(file))]
    text = "\n".join(Path(str(file.locate())).read_text(encoding="utf-8") for file in files)
    told = re.findall(r"(?m)^Name: (.+)\nFiles: (.+)\n(?:\w+: .*\n)*?License: *(.*)$", text)
    listed = BUNDLED[name]
    assert len(told) >= 4
    for what, place, licence in told:
        in_libs = re.match(r"\w+\.libs/([^*]+)", place)
        if in_libs:
            [ours] = [said for library, said in listed.items() if library.startswith(in_libs[1])]
        else:
            ours = listed[what]
        allowed = {*ours.split(" AND "), ours.removeprefix("LicenseRef-")}
        assert allowed & set(licence.replace(" Fonts Licence", "").split(" OR ")) or not licence, what


@pytest.mark.parametrize("licence", ["GPL-3.0-only", "unknown", "MIT OR GPL-2.0-only", "MIT AND (AGPL-3.0-only)"])
def test_other_licences_are_refused(licence: str) -> None:
    assert len(forbidden(licence)) == 1


def test_what_was_read_in_licence_files_is_still_shipped_and_allowed() -> None:
    assert READ_THERE.keys() <= shipped(PYPROJECT).keys()
    assert set(READ_THERE.values()) <= ALLOWED


def test_the_table_of_licences_is_what_is_installed() -> None:
    """`make sbom` writes it anew."""
    assert (ROOT / "docs" / "licences.md").read_text(encoding="utf-8").splitlines() == list(licences(PYPROJECT))


def test_what_was_copied_into_the_sources_is_listed_in_its_version() -> None:
    readme = (ROOT / "sinks" / "page" / "vendor" / "README.md").read_text(encoding="utf-8")
    [echarts] = VENDORED
    assert f"`{echarts.name}` {echarts.version}," in readme.replace("\n", " ")


def advisory(**affected: Any) -> dict[str, Any]:
    return {
        "id": "X-1",
        "modified": "2026-01-02T03:04:05Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "Avro"}, **affected}],
    }


def ranged(*events: dict[str, str], type_: str = "ECOSYSTEM") -> dict[str, Any]:
    return advisory(ranges=[{"type": type_, "events": list(events)}])


@pytest.mark.parametrize(
    "affected",
    [
        advisory(versions=["1.12.2"]),
        advisory(versions=["no version", "1.12.2.0"]),
        ranged({"introduced": "0"}, {"fixed": "1.12.3-rc.1"}, type_="SEMVER"),
        ranged({"introduced": "0"}),
        ranged({"introduced": "0"}, {"fixed": "1.12.3"}),
        ranged({"introduced": "1.12.2"}, {"fixed": "2"}),
        ranged({"introduced": "1.12"}, {"last_affected": "1.12.2"}),
        ranged({"introduced": "0"}, {"fixed": "1.1"}, {"introduced": "1.9"}, {"fixed": "1.12.10"}),
    ],
)
def test_a_version_within_an_advisory_is_found(affected: dict[str, Any]) -> None:
    assert [found.advisory for found in findings([AVRO], [affected])] == ["X-1"]


@pytest.mark.parametrize(
    "affected",
    [
        advisory(versions=["1.12.1"]),
        ranged({"introduced": "0"}, {"fixed": "1.12.2"}),
        ranged({"introduced": "1.12.3"}),
        ranged({"introduced": "0"}, {"last_affected": "1.12.1"}),
        ranged({"introduced": "0"}, {"fixed": "1.12.2"}, type_="SEMVER"),
        ranged({"introduced": "0"}, type_="GIT"),
        advisory(package={"ecosystem": "npm", "name": "avro"}, versions=["1.12.2"]),
        {**advisory(versions=["1.12.2"]), "affected": [{"package": {"name": "avro-other"}, "versions": ["1.12.2"]}]},
    ],
)
def test_a_version_without_is_not(affected: dict[str, Any]) -> None:
    assert findings([AVRO], [affected]) == []


def test_advisories_are_read_as_yaml_and_as_json_and_withdrawn_ones_are_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "vulns" / "avro"
    folder.mkdir(parents=True)
    (folder / "X-1.yaml").write_text(json.dumps(advisory(versions=["1.12.2"])))
    (tmp_path / "X-2.json").write_text(json.dumps({**advisory(versions=["1"]), "id": "X-2"}))
    (tmp_path / "X-3.json").write_text(json.dumps({**advisory(), "withdrawn": "2026-01-01T00:00:00Z"}))
    assert [one["id"] for one in advisories(tmp_path, frozenset({"avro"}))] == ["X-2", "X-1"]


def test_an_audit_tells_what_it_found_and_what_it_can_not_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    assert main(tmp_path) == 2
    assert "found no advisories" in capsys.readouterr().err
    (tmp_path / "X-1.json").write_text(json.dumps(ranged({"introduced": "0"}, {"fixed": "99"})))
    assert main(tmp_path) == 1
    said = capsys.readouterr().out
    assert re.search(r"avro \S+: X-1, fixed in 99\n", said)
    assert "newest of 2026-01-02" in said
    assert "not looked at: what became known since, and echarts" in said


def test_each_exception_to_a_security_rule_gives_its_reason() -> None:
    silent = []
    for folder in ("streams", "schemas", "sinks", "deploy", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line in path.read_text(encoding="utf-8").splitlines():
                said = re.search(
                    r"#(?: ruff:)? noqa: (?:[A-Z]+[0-9]+,? ?)*?S[0-9]{3}[A-Z0-9, ]*(.*)|# nosec\S*(.*)", line
                )
                if said and not re.search(r"[a-z]{2}", (said[1] or said[2] or "").replace("noqa", "")):
                    silent.append(f"{path.relative_to(ROOT)}: {line.strip()}")
    assert silent == []
