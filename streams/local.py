"""The pipeline on a local stack: topics, tables, one worker of each stage. What the demo, tests and benchmarks run.

The stack's supervisor owns the workers and starts again what dies.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping

from deploy.local.ports import free_ports
from deploy.local.processes import Addresses, ProcessSpec
from deploy.local.stack import Stack
from sinks.migrate import migrate
from streams import composition, config, topic_admin
from streams.offsets import Lag, wait_until_drained

PARTITIONS = 4
MONITOR = "monitor"


def variables(addresses: Addresses) -> dict[str, str]:
    """The environment with which every command finds a local stack."""
    return {
        "OMNIJOURNEY_KAFKA_BOOTSTRAP": addresses.kafka_bootstrap,
        "OMNIJOURNEY_CLICKHOUSE_URL": addresses.clickhouse_url,
        "OMNIJOURNEY_PARTITIONS": str(PARTITIONS),
        "OMNIJOURNEY_CUSTOMER_PARTITIONS": str(PARTITIONS),
    }


def exports(addresses: Addresses) -> list[str]:
    """Lines for a shell's eval."""
    return [f"export {name}={shlex.quote(value)}" for name, value in variables(addresses).items()]


class LocalPipeline:
    """A stack that has been started, with the settings that its workers get."""

    def __init__(
        self, stack: Stack, addresses: Addresses, environment: Mapping[str, str] = os.environ, **more: str
    ) -> None:
        """``more`` are settings by variable; those of ``environment`` come first. ConfigError where one is wrong."""
        given = {name: value for name, value in environment.items() if name.startswith(config.PREFIX)}
        self.stack = stack
        self.variables = {**more, **given, **variables(addresses)}
        self.settings = config.read(self.variables)
        self._ports: dict[str, int] = {}

    def prepare(self) -> tuple[int, int]:
        """Create topics and tables; how many topics there are and how many migrations were applied."""
        topics = composition.topics(self.settings)
        topic_admin.apply(self.settings.kafka, topics, self.settings.replication)
        return len(topics), len(migrate(self.settings.clickhouse_url))

    def start_workers(self, suffix: str = "") -> None:
        """Start one more worker of each stage, named after it and ``suffix``; returns when all are ready.

        Raises StackFailed where one ends instead, ValueError where a name is in use.
        """
        ports = dict(zip(composition.STAGES, free_ports(len(composition.STAGES)), strict=True))
        self.stack.add(
            [
                ProcessSpec(
                    name=f"{stage}{suffix}",
                    argv=(sys.executable, "-m", "streams.cli", "worker", stage),
                    env={**self.variables, **self._own(f"{stage}{suffix}", port)},
                    ready_url=f"http://127.0.0.1:{port}/ready",
                    # Longer than a worker gives itself, so that its own deadline tells what happened.
                    stop_seconds=self.settings.stop_deadline_s + 5,
                )
                for stage, port in ports.items()
            ]
        )
        self._ports |= {f"{stage}{suffix}": port for stage, port in ports.items()}

    def start_monitor(self, every_s: float = 1.0) -> None:
        """Start what tells of the broker and of ClickHouse; returns when it is ready. StackFailed where it isn't."""
        (port,) = free_ports(1)
        self.stack.add(
            [
                ProcessSpec(
                    name=MONITOR,
                    argv=(sys.executable, "-m", "streams.cli", "monitor", "--every", str(every_s)),
                    env={**self.variables, "OMNIJOURNEY_HTTP_PORT": str(port)},
                    ready_url=f"http://127.0.0.1:{port}/ready",
                )
            ]
        )
        self._ports[MONITOR] = port

    def _own(self, worker: str, port: int) -> dict[str, str]:
        """The settings in which workers differ."""
        return {
            "OMNIJOURNEY_HTTP_PORT": str(port),
            "OMNIJOURNEY_STATE_DIR": str(self.stack.folder / "state" / worker),
            "OMNIJOURNEY_INSTANCE_ID": worker,
        }

    def metrics_url(self, worker: str) -> str:
        """Where ``worker``, or `MONITOR`, serves its metrics; KeyError before it was started."""
        return f"http://127.0.0.1:{self._ports[worker]}/metrics"

    def drain(self, timeout_s: float, on_progress: Callable[[Lag], None] = lambda _: None) -> None:
        """Return when all that was produced is in ClickHouse; TimeoutError, naming what lags, after ``timeout_s``."""
        wait_until_drained(self.settings.kafka, composition.groups(self.settings), timeout_s, on_progress)
