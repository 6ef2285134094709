"""The two files of a stack's folder give back what was written, and locks and ports tell the truth."""

import os
import socket
import stat
from pathlib import Path

import pytest

from deploy.local.errors import PortTaken
from deploy.local.fetch import fetch_parts
from deploy.local.locks import hold_lock, is_held, wait_until_free
from deploy.local.ports import HOST, free_ports, is_free, require_free
from deploy.local.probes import answers
from deploy.local.processes import (
    Addresses,
    Plan,
    ProcessSpec,
    ProcessState,
    StackState,
    read_plan,
    read_state,
    write_plan,
    write_state,
)
from deploy.local.stack import Stack, find_stacks

ADDRESSES = Addresses("127.0.0.1:1", "clickhouse://default@127.0.0.1:2/journeys", "http://127.0.0.1:3")
SPEC = ProcessSpec("sink", ("python", "-m", "sinks"), {"A": "b"}, "http://127.0.0.1:4/ready", False, 2.5)


def test_plan_is_read_as_written_and_only_by_its_owner(tmp_path: Path) -> None:
    plan = Plan(ADDRESSES, (SPEC, ProcessSpec("kafka", ("java",), base=True)), owner=7)
    write_plan(tmp_path / "plan.json", plan)
    assert read_plan(tmp_path / "plan.json") == plan
    assert stat.S_IMODE((tmp_path / "plan.json").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["plan.json"]


def test_state_is_read_as_written(tmp_path: Path) -> None:
    state = StackState(ADDRESSES, 5, (ProcessState("sink", "restarting", None, 2, -9),))
    write_state(tmp_path / "state.json", state)
    assert read_state(tmp_path / "state.json") == state
    assert state.process("sink") == state.processes[0]
    assert state.process("kafka") is None


def test_plan_without_names_keeps_the_others() -> None:
    plan = Plan(ADDRESSES, ()).with_processes((SPEC, ProcessSpec("intake", ("true",))))
    assert [spec.name for spec in plan.without({"sink"}).processes] == ["intake"]


def test_lock_is_held_until_its_descriptor_closes(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    held = hold_lock(path, 0)
    assert held is not None
    assert is_held(path)
    assert hold_lock(path, 0) is None
    assert not wait_until_free(path, 0.05)
    os.close(held)
    assert wait_until_free(path, 0)


def test_free_ports_are_different_and_can_be_bound() -> None:
    ports = free_ports(4)
    assert len(set(ports)) == 4
    assert all(is_free(port) for port in ports)


def test_listening_port_is_taken() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortTaken, match=f"^port {port} for ClickHouse is taken by another process"):
            require_free(port, "ClickHouse")
    assert require_free(port, "ClickHouse") == port


@pytest.mark.parametrize(
    "url", ["kafka://127.0.0.1:{0}", "clickhouse://127.0.0.1:{0}?http={0}", "http://127.0.0.1:{0}/"]
)
def test_nobody_listening_is_no_answer(url: str) -> None:
    assert not answers(url.format(free_ports(1)[0]))


@pytest.mark.parametrize(
    "url", ["kafka://127.0.0.1:{0}", "clickhouse://127.0.0.1:{0}?http={0}", "http://127.0.0.1:{0}/"]
)
def test_open_port_that_stays_silent_is_no_answer(url: str) -> None:
    with socket.create_server((HOST, 0)) as server:
        assert not answers(url.format(server.getsockname()[1]), timeout=0.05)


def test_what_needs_no_answer_is_ready() -> None:
    assert answers(None)


@pytest.mark.parametrize("name", ["", "../other", "a/b", ".hidden", "a b"])
def test_name_that_is_no_folder_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a stack's name"):
        Stack(name, tmp_path)


def test_stack_that_never_ran_is_stopped_and_may_be_ended(tmp_path: Path) -> None:
    stack = Stack("never", tmp_path)
    assert not stack.status().running
    stack.down(purge=True)
    assert find_stacks(root=tmp_path) == []


def test_state_left_by_a_dead_supervisor_is_reported_as_stopped(tmp_path: Path) -> None:
    stack = Stack("stale", tmp_path)
    stack.folder.mkdir(parents=True)
    (stack.folder / "supervisor.lock").write_text(str(os.getpid()))
    write_state(
        stack.folder / "state.json", StackState(ADDRESSES, os.getpid(), (ProcessState("kafka", "ready", 1, 3),))
    )
    assert stack.status() == StackState(None, 0, (ProcessState("kafka", "stopped", None, 3),))
    assert [found.name for found in find_stacks("st", tmp_path)] == ["stale"]


def test_what_was_fetched_is_found_without_maven_or_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    local = tmp_path / ".local"
    kafka = local / "kafka-4.3.1"
    library = local / "clickhouse-26.7.3-stable.1" / "libchdb.so"
    for folder in (kafka, library.parent):
        folder.mkdir(parents=True)
    library.touch()
    said: list[str] = []
    parts = fetch_parts(tmp_path, said.append)
    assert (parts.kafka_jars, parts.clickhouse, said) == (kafka, library, [])
