"""Pipelines of their own for tests that look at all tables: a stack, topics, tables and one worker of each stage."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from deploy.local.stack import Stack
from streams.local import LocalPipeline

Pipelines = Callable[..., AbstractContextManager[LocalPipeline]]
Waiting = Callable[[Callable[[], bool], float, str], None]

LOOK_EVERY_S = 0.02


@pytest.fixture(scope="session")
def local_pipeline() -> Pipelines:
    """``with local_pipeline("name", OMNIJOURNEY_X="y") as pipeline``: running workers (unless ``workers`` is false),
    everything gone afterwards."""

    @contextmanager
    def start(name: str, workers: bool = True, **settings: str) -> Iterator[LocalPipeline]:
        stack = Stack(f"test-{os.getpid()}-{name}")
        addresses = stack.up(owner=os.getpid())
        try:
            pipeline = LocalPipeline(stack, addresses, {}, **settings)
            pipeline.prepare()
            if workers:
                pipeline.start_workers()
            yield pipeline
        finally:
            stack.down(purge=True)

    return start


@pytest.fixture(scope="session")
def wait_until() -> Waiting:
    """``wait_until(condition, seconds, "what")`` returns once it holds, and fails where it does not in time."""

    def wait(condition: Callable[[], bool], seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
            time.sleep(LOOK_EVERY_S)

    return wait
