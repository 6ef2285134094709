"""The check of programs, run as the Makefile runs it, with a PATH that holds what each test puts there."""

import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.local.fetch import project_root

SCRIPT = project_root() / "deploy" / "local" / "prerequisites.sh"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for tool in ("sed", "head"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    return tmp_path


def install(path: Path, name: str, script: str = "exit 0") -> None:
    program = path / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def check(path: Path, *tools: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(SCRIPT), *tools], env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )


def test_nothing_is_said_when_all_is_there(path: Path) -> None:
    install(path, "python3.11")
    install(path, "java", """echo 'openjdk version "17.0.15" 2025-04-15' >&2""")
    install(path, "mvn")
    install(path, "npm")
    done = check(path, "python", "java", "mvn", "npm")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("tool", "package"),
    [
        ("python", "python3.11 python3.11-venv"),
        ("java", "openjdk-17-jre-headless"),
        ("mvn", "maven"),
        ("npm", "npm"),
        ("apt", "apt dpkg"),
    ],
)
def test_missing_program_is_one_line_with_its_package_and_exit_code_2(path: Path, tool: str, package: str) -> None:
    done = check(path, tool)
    assert done.returncode == 2
    assert done.stderr.startswith("missing: ")
    assert done.stderr.endswith(f"(Debian: apt-get install {package})\n")
    assert done.stderr.count("\n") == 1


def test_several_missing_programs_share_the_line(path: Path) -> None:
    done = check(path, "mvn", "npm")
    assert done.stderr.count("\n") == 1
    assert "install maven" in done.stderr
    assert "install npm" in done.stderr


@pytest.mark.parametrize(
    ("version", "found"),
    [('openjdk version "11.0.2" 2019-01-15', "11"), ('java version "1.8.0_402"', "1")],
)
def test_old_java_is_named_with_its_version(path: Path, version: str, found: str) -> None:
    install(path, "java", f"echo '{version}' >&2")
    done = check(path, "java")
    assert done.returncode == 2
    assert f"Java 17 or newer, found {found} " in done.stderr


def test_java_that_announces_its_options_first_is_understood(path: Path) -> None:
    install(path, "java", """echo 'Picked up JAVA_TOOL_OPTIONS: -Xss1m' >&2; echo 'openjdk version "21" 2023' >&2""")
    assert check(path, "java").returncode == 0


def test_other_python_is_not_taken(path: Path) -> None:
    install(path, "python3.11", "exit 1")
    assert check(path, "python").returncode == 2
