"""The local stack under faults: real processes are killed, and what others rely on is looked at afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_driver import Client
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

from deploy.local.errors import MissingTool, PortTaken, StackFailed
from deploy.local.processes import Addresses, ProcessSpec, ProcessState
from deploy.local.stack import Stack

pytestmark = pytest.mark.stack
RECORDS = 200


@pytest.fixture(scope="module")
def own() -> Iterator[Stack]:
    """A stack that these tests may break, apart from the one that all share."""
    own = Stack(f"test-{os.getpid()}-faults")
    try:
        own.up(owner=os.getpid())
        yield own
    finally:
        own.down(purge=True)


def addresses_of(stack: Stack) -> Addresses:
    found = stack.status().addresses
    assert found is not None
    return found


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def state_of(stack: Stack, name: str) -> ProcessState:
    state = stack.status().process(name)
    assert state is not None
    return state


def kill_and_wait_for_return(stack: Stack, name: str) -> None:
    before = stack.pid(name)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: (state_of(stack, name).pid or before) != before, 20, f"{name} is started again")
    stack.wait_ready(name, seconds=40)


def processes_mentioning(text: str) -> list[str]:
    """Command lines of living processes that name `text`; zombies have none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if text in command:
            found.append(command)
    return found


def ask(base: str, query: str, user: str) -> tuple[int, str]:
    url = f"{base}/?{urllib.parse.urlencode({'user': user, 'database': 'journeys'})}"
    try:
        with urllib.request.urlopen(url, query.encode(), timeout=10) as answer:
            return answer.status, answer.read().decode().strip()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_rows_survive_a_killed_clickhouse(own: Stack) -> None:
    url = addresses_of(own).clickhouse_url
    with Client.from_url(url) as client:
        client.execute("CREATE TABLE survivors (id UInt32) ENGINE = MergeTree ORDER BY id")
        client.execute("INSERT INTO survivors VALUES", [(number,) for number in range(RECORDS)])
    restarts = state_of(own, "clickhouse").restarts

    kill_and_wait_for_return(own, "clickhouse")

    with Client.from_url(url) as client:
        assert client.execute("SELECT count(), uniqExact(id) FROM survivors") == [(RECORDS, RECORDS)]
    assert state_of(own, "clickhouse").restarts == restarts + 1


def test_records_survive_a_killed_kafka(own: Stack) -> None:
    servers = addresses_of(own).kafka_bootstrap
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.create_topics([NewTopic("survivors", num_partitions=1, replication_factor=1)])
    admin.close()
    producer = KafkaProducer(bootstrap_servers=servers, acks="all")
    for number in range(RECORDS):
        producer.send("survivors", str(number).encode())
    producer.flush()
    producer.close()

    kill_and_wait_for_return(own, "kafka")

    assert read_all(servers, "survivors") == [str(number).encode() for number in range(RECORDS)]


def read_all(servers: str, topic: str) -> list[bytes]:
    partition = TopicPartition(topic, 0)
    consumer = KafkaConsumer(bootstrap_servers=servers, consumer_timeout_ms=20_000)
    try:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        values: list[bytes] = []
        while consumer.position(partition) < end:
            values.append(next(consumer).value)
        return values
    finally:
        consumer.close()


def test_analyst_reads_the_newest_rows_and_nothing_else(own: Stack) -> None:
    http = addresses_of(own).clickhouse_http
    table = "CREATE TABLE figures (id UInt8, version UInt8) ENGINE = ReplacingMergeTree(version) ORDER BY id"
    for query in (table, "INSERT INTO figures VALUES (1, 1)", "INSERT INTO figures VALUES (1, 2)"):
        assert ask(http, query, "default")[0] == 200

    assert ask(http, "SELECT version FROM figures", "analyst") == (200, "2")
    for refused in (
        "INSERT INTO figures VALUES (2, 1)",
        "DROP TABLE figures",
        "CREATE TABLE mine (id UInt8) ENGINE = Memory",
        "ALTER TABLE figures DELETE WHERE 1",
        "SELECT * FROM figures SETTINGS readonly = 0",
        "SELECT * FROM file('/etc/hostname', 'LineAsString', 'line String')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'line String')",
    ):
        status, text = ask(http, refused, "analyst")
        assert status >= 400, refused
        assert "ACCESS_DENIED" in text or "READONLY" in text, refused


def test_added_worker_is_ended_restarted_and_logged(own: Stack) -> None:
    script = "import os, time; print('worker', os.environ['COLOUR'], flush=True); time.sleep(600)"
    own.add([ProcessSpec("worker", (sys.executable, "-c", script), {"COLOUR": "green"}, stop_seconds=2)])
    wait_until(lambda: own.logs("worker") == ["worker green"], 10, "the worker has written")

    kill_and_wait_for_return(own, "worker")

    wait_until(lambda: own.logs("worker") == ["worker green"] * 2, 10, "the second one has written")
    assert state_of(own, "worker").exit_code == -signal.SIGKILL
    with pytest.raises(ValueError, match="already has worker"):
        own.add([ProcessSpec("worker", ("true",))])


def test_worker_that_ends_at_once_fails_with_its_last_words(own: Stack) -> None:
    complaint = ProcessSpec(
        "complaint",
        (sys.executable, "-c", "import sys; sys.exit('no such setting')"),
        restart=False,
        ready_url="http://127.0.0.1:1/ready",
    )
    with pytest.raises(StackFailed, match=r"complaint ended \(1\).*complaint\.log.*no such setting"):
        own.add([complaint])
    assert own.status().process("complaint") is None
    assert own.up() == addresses_of(own)


def test_removed_worker_is_gone_and_its_name_is_free(own: Stack) -> None:
    spec = ProcessSpec("guest", (sys.executable, "-c", "import time; time.sleep(600)"), stop_seconds=2)
    own.add([spec])
    first = own.pid("guest")
    own.remove("guest")
    assert not Path(f"/proc/{first}").exists()
    own.add([spec])
    assert own.pid("guest") != first
    own.remove("guest")


def test_data_outlives_down_and_a_change_of_ports(own: Stack) -> None:
    before = addresses_of(own)
    own.down()
    assert processes_mentioning(str(own.folder)) == []
    assert not own.status().running

    after = own.up(owner=os.getpid())

    assert after.kafka_bootstrap != before.kafka_bootstrap
    assert own.up() == after
    assert len(read_all(after.kafka_bootstrap, "survivors")) == RECORDS
    with Client.from_url(after.clickhouse_url) as client:
        assert client.execute("SELECT count() FROM survivors") == [(RECORDS,)]


def test_killed_supervisor_leaves_no_process_and_the_stack_starts_again(own: Stack) -> None:
    os.kill(own.pid("supervisor"), signal.SIGKILL)
    wait_until(lambda: processes_mentioning(str(own.folder)) == [], 10, "no process is left")
    assert not own.status().running
    assert {process.status for process in own.status().processes} == {"stopped"}
    with pytest.raises(StackFailed, match="isn't running"):
        own.pid("kafka")

    own.up(owner=os.getpid())

    assert own.status().running


def test_two_stacks_are_apart_and_one_ends_with_its_owner(stack: Addresses, own: Stack) -> None:
    other = addresses_of(own)
    assert not {stack.kafka_bootstrap, stack.clickhouse_url} & {other.kafka_bootstrap, other.clickhouse_url}
    own.down()
    owner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        own.up(owner=owner.pid)
    finally:
        owner.kill()
        owner.communicate()
    wait_until(lambda: not own.status().running, 30, "the stack ends with its owner")
    assert processes_mentioning(str(own.folder)) == []
    with Client.from_url(stack.clickhouse_url) as client:
        assert client.execute("SELECT 1") == [(1,)]


def test_taken_port_is_one_line_and_leaves_nothing_running() -> None:
    taken = Stack(f"test-{os.getpid()}-taken")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=f"^port {port} for Kafka is taken by another process on 127.0.0.1$"):
            taken.up(kafka_port=port)
    assert not taken.status().running
    taken.down(purge=True)
    assert not taken.folder.exists()


def test_missing_java_is_one_line_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for tool in ("sed", "head", "sh"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    monkeypatch.setenv("PATH", str(tmp_path))
    javaless = Stack(f"test-{os.getpid()}-javaless")
    with pytest.raises(
        MissingTool, match=r"^missing: Java 17 \(java\) \(Debian: apt-get install openjdk-17-jre-headless\)$"
    ):
        javaless.up()
    javaless.down(purge=True)
