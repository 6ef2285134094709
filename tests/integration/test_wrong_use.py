"""Wrong use as a new user meets it, with real processes: one clear line, no trace, the exit code, nothing left."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from kafka.admin import KafkaAdminClient

from deploy.local.fetch import project_root
from deploy.local.processes import Addresses
from deploy.local.stack import Stack
from streams.config import PREFIX

pytestmark = pytest.mark.stack

FAILED, WRONG_USE, UNREACHABLE = 1, 2, 3
WEBLOG = project_root() / "tests" / "data" / "weblog" / "weblog.ndjson.gz"
JAVA = "missing: Java 17 (java) (Debian: apt-get install openjdk-17-jre-headless)"


class Ended(NamedTuple):
    """How a command ended; ``said`` is what stands on standard error."""

    exit_code: int
    shown: str
    said: list[str]

    @property
    def complaint(self) -> str:
        """The only line on standard error, without the word Error."""
        (line,) = self.said
        assert line.startswith("Error: ")
        return line.removeprefix("Error: ")


def omnijourney(*arguments: str, path: str | None = None, **settings: str) -> Ended:
    """Run a command to its end; ``settings`` by the names of variables without prefix."""
    ambient = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    given = {PREFIX + name: value for name, value in settings.items()}
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", *arguments],
        env={**ambient, **given, **({"PATH": path} if path else {})},
        cwd=project_root(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return Ended(done.returncode, done.stdout, done.stderr.splitlines())


@pytest.fixture(scope="module")
def bare() -> Iterator[Addresses]:
    """A Kafka without our topics and a ClickHouse without our tables."""
    own = Stack(f"test-{os.getpid()}-bare")
    try:
        yield own.up(owner=os.getpid())
    finally:
        own.down(purge=True)


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port on which nobody listens, and nobody can meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def own_stack() -> Iterator[Stack]:
    """A name for a stack that must not run at the end."""
    own = Stack(f"test-{os.getpid()}-refused")
    yield own
    assert not own.status().running
    own.down(purge=True)


def test_missing_java_is_named_with_the_debian_command(tmp_path: Path, own_stack: Stack) -> None:
    for tool in ("sed", "head", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    ended = omnijourney("stack", "up", "--name", own_stack.name, path=str(tmp_path))
    assert (ended.exit_code, ended.complaint, ended.shown) == (WRONG_USE, JAVA, "")


@pytest.mark.parametrize(("option", "purpose"), [("--kafka-port", "Kafka"), ("--clickhouse-port", "ClickHouse")])
def test_a_taken_port_is_named(option: str, purpose: str, own_stack: Stack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ended = omnijourney("stack", "up", "--name", own_stack.name, option, str(port))
    assert ended.exit_code == FAILED
    assert ended.complaint == f"port {port} for {purpose} is taken by another process on 127.0.0.1"


@pytest.mark.parametrize(
    "command",
    [("produce", str(WEBLOG)), ("topics", "apply"), ("topics", "diff"), ("worker", "intake"), ("worker", "sink")],
    ids=lambda command: " ".join(command[:2]) if command[0] != "produce" else "produce",
)
def test_an_unreachable_broker_is_named_with_its_setting(command: tuple[str, ...], unused_port: int) -> None:
    ended = omnijourney(*command, KAFKA_BOOTSTRAP=f"127.0.0.1:{unused_port}")
    assert ended.exit_code == UNREACHABLE
    assert ended.complaint == (
        f"no Kafka broker at 127.0.0.1:{unused_port}: Connection refused;"
        " start it, or set OMNIJOURNEY_KAFKA_BOOTSTRAP to its address"
    )


def test_a_dry_run_needs_no_broker(unused_port: int) -> None:
    ended = omnijourney("produce", "--dry-run", str(WEBLOG), KAFKA_BOOTSTRAP=f"127.0.0.1:{unused_port}")
    assert ended.exit_code == 0
    assert "read 4,112 = sent 4,112 + rejected 0" in ended.shown


def test_migrating_an_unreachable_clickhouse_is_named_with_its_setting(unused_port: int) -> None:
    ended = omnijourney("migrate", CLICKHOUSE_URL=f"clickhouse://default:hunter2@127.0.0.1:{unused_port}/journeys")
    assert ended.exit_code == UNREACHABLE
    assert ended.complaint == (
        f"ClickHouse does not answer: Connection refused (127.0.0.1:{unused_port});"
        " start it, or set OMNIJOURNEY_CLICKHOUSE_URL"
    )


def test_topics_that_are_missing_or_otherwise_partitioned_stop_who_needs_them(
    bare: Addresses, unused_port: int
) -> None:
    """One story: no topics, topics applied, other partitions wanted, and the sink's tables missing."""
    kafka, missing = bare.kafka_bootstrap, "; run `omnijourney topics apply` first"

    ended = omnijourney("produce", str(WEBLOG), KAFKA_BOOTSTRAP=kafka)
    assert ended.exit_code == FAILED
    assert ended.complaint.startswith("no topic touchpoints.email, touchpoints.mobile, ")
    assert ended.complaint.endswith(f" at {kafka}{missing}")
    ended = omnijourney("worker", "intake", KAFKA_BOOTSTRAP=kafka)
    assert ended.exit_code == FAILED
    assert ended.complaint.startswith("no topic touchpoints.email, ")
    assert ended.complaint.endswith(missing)

    four = {"KAFKA_BOOTSTRAP": kafka, "PARTITIONS": "4", "CUSTOMER_PARTITIONS": "4"}
    assert omnijourney("topics", "diff", **four).exit_code == FAILED
    assert omnijourney("topics", "apply", **four).exit_code == 0
    assert omnijourney("topics", "diff", **four) == (0, "", [])

    ended = omnijourney("topics", "apply", **{**four, "PARTITIONS": "7"})
    assert ended.exit_code == FAILED
    assert ended.said[0].startswith("Error: touchpoints.email: has 4 partitions, declared are 7: keys would move")
    assert ended.shown == ""
    ended = omnijourney("worker", "intake", **{**four, "PARTITIONS": "7"})
    assert ended.exit_code == FAILED
    assert "touchpoints.web" in ended.complaint
    assert "with 4 partitions, declared are 7; set OMNIJOURNEY_PARTITIONS" in ended.complaint
    assert _partitions(kafka) == {1, 4}

    ended = omnijourney("worker", "sink", **four, CLICKHOUSE_URL=bare.clickhouse_url)
    assert ended.exit_code == FAILED
    assert ended.complaint.startswith("database 'journeys' lacks 001_touchpoints.sql, ")
    assert ended.complaint.endswith(": run `omnijourney migrate` first")
    elsewhere = bare.clickhouse_url.replace("/journeys", "/elsewhere")
    ended = omnijourney("worker", "sink", **four, CLICKHOUSE_URL=elsewhere)
    assert ended.exit_code == FAILED
    assert ended.complaint == "ClickHouse has no database 'elsewhere': run `omnijourney migrate`"
    away = f"clickhouse://default:hunter2@127.0.0.1:{unused_port}/journeys"
    ended = omnijourney("worker", "sink", **four, CLICKHOUSE_URL=away)
    assert ended.exit_code == UNREACHABLE
    assert ended.complaint.startswith("ClickHouse does not answer: Connection refused")
    assert "hunter2" not in ended.complaint

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ended = omnijourney("worker", "intake", **four, HTTP_PORT=str(port))
    assert ended.exit_code == FAILED
    reason = "Address already in use"
    assert ended.complaint == f"/metrics, /live and /ready cannot listen on 127.0.0.1:{port}: {reason}"


def _partitions(kafka: str) -> set[int]:
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        topics = admin.describe_topics([topic for topic in admin.list_topics() if not topic.startswith("__")])
        return {len(topic["partitions"]) for topic in topics}
    finally:
        admin.close()


def test_a_second_demo_is_refused_and_leaves_the_first_alone(bare: Addresses) -> None:
    running = Stack(f"test-{os.getpid()}-bare")
    before = running.status()
    ended = omnijourney("demo", "--name", running.name)
    assert ended.exit_code == FAILED
    assert ended.complaint == (f"a demo is running already; end it with `omnijourney stack down --name {running.name}`")
    assert running.status() == before


def test_a_demo_of_a_file_without_touchpoints_ends_and_leaves_nothing(tmp_path: Path, own_stack: Stack) -> None:
    wrong = tmp_path / "prose.txt"
    wrong.write_text("hello\n")
    ended = omnijourney("demo", "--name", own_stack.name, "--input", str(wrong))
    assert ended.exit_code == FAILED
    assert any(line.startswith(f"{wrong}:1: found 5 bytes") for line in ended.said)
    assert ended.said[-1] == f"Error: {wrong}: no touchpoint was sent, there is nothing to show"
    assert not own_stack.folder.exists()
