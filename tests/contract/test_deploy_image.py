"""deploy/Dockerfile without building it: what it installs and copies, how it is run. `make image-check` builds."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deploy import pins
from deploy.supply.components import shipped
from tests.contract.deployments import DEPLOY, TOP
from tests.image.dockerfile import Stage, read

DOCKERFILE = DEPLOY / "Dockerfile"
PYPROJECT = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
PACKAGES = ("deploy/local", "schemas", "sinks", "streams")


@pytest.fixture(scope="module")
def pinned() -> dict[str, pins.Pin]:
    return pins.read((TOP / "constraints.txt").read_text("utf-8"))


@pytest.fixture(scope="module")
def stages() -> list[Stage]:
    return read(DOCKERFILE)


def names(lines: list[str]) -> set[str]:
    return {canonicalize_name(line.partition("==")[0]) for line in lines}


def test_the_image_has_every_package_that_a_run_needs_and_no_other(pinned: dict[str, pins.Pin]) -> None:
    needed = {name for name in shipped(TOP / "pyproject.toml") if name}
    assert names(pins.closure(pinned, pins.runtime((TOP / "pyproject.toml").read_text("utf-8")))) == needed


def test_what_develops_and_tests_is_not_in_the_image(pinned: dict[str, pins.Pin]) -> None:
    run = names(pins.closure(pinned, pins.runtime((TOP / "pyproject.toml").read_text("utf-8"))))
    develop = {canonicalize_name(Requirement(text).name) for text in PYPROJECT["optional-dependencies"]["dev"]}
    assert run & (develop | {"pip", "setuptools", "wheel"}) == set()


def test_every_pin_has_its_version_and_hashes(pinned: dict[str, pins.Pin]) -> None:
    lines = pins.closure(pinned, pinned)
    assert len(lines) == len(pinned) > 100
    assert [
        text for text in lines if not re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ ", text) or "--hash=sha256:" not in text
    ] == []


def test_a_package_that_is_not_pinned_is_an_error(pinned: dict[str, pins.Pin]) -> None:
    with pytest.raises(KeyError, match="no-such-package"):
        pins.closure(pinned, ["no-such-package"])


def test_hadolint_finds_nothing() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_image_runs_omnijourney_as_a_user_without_rights(stages: list[Stage]) -> None:
    builder, final = stages
    assert final.user == "10001:10001"
    assert final.entrypoint == ["omnijourney"]
    assert final.stop_signal == "SIGTERM"
    assert final.env["OMNIJOURNEY_STATE_DIR"].startswith(f"{final.volumes[0]}/")
    assert "/live" in final.health[-1]
    assert [text for word, text in final.steps if word == "COPY"] == [
        "--from=builder /opt/omnijourney /opt/omnijourney"
    ]
    assert any("pip uninstall --yes pip setuptools wheel" in text for word, text in final.steps if word == "RUN")
    installs = [text for word, text in builder.steps if word == "RUN" and " install " in text]
    assert all("--require-hashes" in text or "--no-index" in text for text in installs)


def test_the_base_is_an_exact_version(stages: list[Stage]) -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text("utf-8"), re.MULTILINE)
    assert images == ["${PYTHON_IMAGE}"] * len(stages)
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11\.\d+-slim-\w+$", DOCKERFILE.read_text("utf-8"), re.MULTILINE)
    assert PYPROJECT["version"] in DOCKERFILE.read_text("utf-8")


def test_the_engine_is_sent_what_the_image_is_made_of_and_nothing_else(stages: list[Stage]) -> None:
    rules = [line for line in (TOP / ".dockerignore").read_text("utf-8").splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    sent = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {name for word, text in stages[0].steps if word == "COPY" for name in text.split()[:-1]}
    assert {name.partition("/")[0] for name in copied} == sent
    assert "deploy/secrets" in rules[-1]


def test_every_file_of_the_packages_is_in_the_wheel(tmp_path: Path) -> None:
    """A file that setuptools isn't told of is missed only where the project isn't installed from its own folder."""
    source, target = tmp_path / "source", tmp_path / "target"
    sent = ("pyproject.toml", "README.md", "LICENSE", "deploy", "schemas", "sinks", "streams")
    # A copy, because setuptools builds in the folder itself.
    for name in tracked(*sent):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(TOP / name, source / name)
    options = ["-q", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", target]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, source], check=True, capture_output=True)
    [wheel] = target.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    names = tracked(*PACKAGES)
    assert len(names) > 200
    assert [name for name in names if name not in packed and not fnmatch(name, "*.md")] == []


def tracked(*paths: str) -> list[str]:
    """Files of the project below ``paths``, those that were never committed left out."""
    return subprocess.check_output(["git", "ls-files", *paths], cwd=TOP, text=True).splitlines()
