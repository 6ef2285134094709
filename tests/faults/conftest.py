"""A broker of their own for the tests under faults, because some of them kill it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.faults.scene import Scene, compact_eagerly, scene


@pytest.fixture(scope="session")
def faulty_stack() -> Iterator[Stack]:
    stack = Stack(f"test-{os.getpid()}-faults")
    compact_eagerly(stack.up(owner=os.getpid()).kafka_bootstrap)
    try:
        yield stack
    finally:
        stack.down(purge=True)


@pytest.fixture
def counting(faulty_stack: Stack, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """The counting stage on topics of its own; its workers end with the test."""
    app = request.node.name.removeprefix("test_").replace("[", "-").replace("]", "")[:60]
    addresses = faulty_stack.status().addresses
    assert addresses is not None
    with scene(addresses.kafka_bootstrap, app, tmp_path) as made:
        yield made
