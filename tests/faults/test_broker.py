"""The broker dies and comes back: a worker waits for it and goes on, without a restart of its own."""

from __future__ import annotations

import os
import signal

import pytest

from deploy.local.stack import Stack
from tests.faults.scene import Scene
from tests.faults.verdict import judge

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]


def test_a_broker_that_is_killed_is_waited_for(counting: Scene, faulty_stack: Stack) -> None:
    counting.produce(16_000)
    worker = counting.start(instance=True, batch_records=200, fetch_bytes=8 << 10, delay_s=0.1)
    worker.wait_until(lambda: worker.batches > 8, 40, "it works")
    os.kill(faulty_stack.pid("kafka"), signal.SIGKILL)
    faulty_stack.wait_ready("kafka")
    before = worker.batches
    worker.wait_until(lambda: worker.batches > before, 60, "it goes on")
    counting.drain()
    assert worker.running
    worker.stop()
    assert not judge(counting, worker.folder).problems
