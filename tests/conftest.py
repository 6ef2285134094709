"""Fixtures for every test: the local stack for tests marked `stack`, or real servers where the environment names them.

`OMNIJOURNEY_KAFKA_BOOTSTRAP` and `OMNIJOURNEY_CLICKHOUSE_URL` together point the tests at servers that already run; one
of them alone is an error as soon as a test needs them.
"""

import os
import sys
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import settings

from deploy.local.processes import Addresses
from deploy.local.stack import Stack, find_stacks

# How long an example takes says nothing on a machine that others use.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SERVERS = ("OMNIJOURNEY_KAFKA_BOOTSTRAP", "OMNIJOURNEY_CLICKHOUSE_URL")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that uses the stack says so, or `-m "not stack"` would not be the fast tests."""
    if "stack" in getattr(item, "fixturenames", ()) and item.get_closest_marker("stack") is None:
        pytest.fail("this test uses the local stack: mark it with @pytest.mark.stack", pytrace=False)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Half an address is a mistake: the tests would quietly run on servers that nobody asked for."""
    given, missing = _variables(given=True), _variables(given=False)
    if given and missing and any(item.get_closest_marker("stack") for item in session.items):
        raise pytest.UsageError(f"{given[0]} is set and {missing[0]} is not: set both, or none for a local stack")


@pytest.fixture(autouse=True)
def hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command or worker within a test sets for its process ends with the test."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)


@pytest.fixture(scope="session")
def stack() -> Iterator[Addresses]:
    """Addresses of a real Kafka and a real ClickHouse; the local ones end with the tests, however those end."""
    given = _given_addresses()
    if given is not None:
        yield given
        return
    for left_over in find_stacks("test-"):
        # One of a run that lives may be about to start: its own supervisor doesn't hold it yet.
        if not _lives(left_over) and not left_over.status().running:
            left_over.down(purge=True)
    local = Stack(f"test-{os.getpid()}")
    try:
        yield local.up(owner=os.getpid())
    finally:
        local.down(purge=True)


def _lives(stack: Stack) -> bool:
    """Whether the run of tests that ``stack`` is named after goes on."""
    try:
        os.kill(int(stack.name.removeprefix("test-").partition("-")[0]), 0)
    except (ProcessLookupError, ValueError):
        return False
    return True


def _given_addresses() -> Addresses | None:
    if _variables(given=False):
        return None
    kafka, clickhouse = (os.environ[variable] for variable in SERVERS)
    return Addresses(kafka, clickhouse, f"http://{urlsplit(clickhouse).hostname}:8123")


def _variables(given: bool) -> list[str]:
    return [variable for variable in SERVERS if bool(os.environ.get(variable)) == given]
