"""Who ends the command that runs a pipeline beside another ends its workers with it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from streams.config import Settings
from streams.repair import running

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_workers_before_the_command(tmp_path: Path, number: signal.Signals) -> None:
    handler = signal.getsignal(number)
    settings = Settings(namespace="next", state_dir=str(tmp_path))
    environment = {**os.environ, "OMNIJOURNEY_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    workers: dict[str, running._Worker] = {}

    def run() -> None:
        with running._workers(settings, environment) as started:
            workers.update(started)
            signal.raise_signal(number)

    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 128 + number
    assert len(workers) == 4
    for worker in workers.values():
        with pytest.raises(running.WorkerEnded):
            worker.require_alive()
    assert signal.getsignal(number) == handler
