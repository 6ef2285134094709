"""Pipelines of their own for tests that look at all tables: a stack, topics, tables and one worker of each stage."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from deploy.local.stack import Stack
from streams.local import LocalPipeline

Pipelines = Callable[..., AbstractContextManager[LocalPipeline]]


@pytest.fixture(scope="session")
def local_pipeline() -> Pipelines:
    """``with local_pipeline("name", OMNIJOURNEY_X="y") as pipeline``: running workers, everything gone afterwards."""

    @contextmanager
    def start(name: str, **settings: str) -> Iterator[LocalPipeline]:
        stack = Stack(f"test-{os.getpid()}-{name}")
        addresses = stack.up(owner=os.getpid())
        try:
            pipeline = LocalPipeline(stack, addresses, {}, **settings)
            pipeline.prepare()
            pipeline.start_workers()
            yield pipeline
        finally:
            stack.down(purge=True)

    return start
