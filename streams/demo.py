"""The demo: the whole way on a local Kafka and ClickHouse, from the first touchpoint to an analyst's figures.

Composes what exists: a local stack, topics, migrations, one worker of each stage, touchpoints (of the sample company or of
a file), the wait until all is drained, the report. What the figures mean is not decided here.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from deploy.local.errors import StackFailed
from deploy.local.ports import free_ports
from deploy.local.processes import Addresses, ProcessSpec
from deploy.local.stack import Stack
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from sinks.report import report
from streams import composition, config, topic_admin
from streams.offsets import Lag, wait_until_drained
from streams.producing import Counts, produce_files, produce_records
from streams.progress import Display
from streams.sample import generate

STACK = "demo"
CUSTOMERS = 1_000
DAYS = 28
SEED = 1
#: The sample company's own site: visits that come from it come from nowhere else.
SAMPLE_SITE = "shop.example.com"
PARTITIONS = 4
DRAIN_DEADLINE_S = 900.0


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


def run(keep: bool, path: Path | None, environment: Mapping[str, str] = os.environ) -> None:
    """Run the demo on ``path``'s touchpoints, or on the sample company's; ``keep`` leaves everything running.

    Raises StackFailed where a demo is running already, what the stack, Kafka and ClickHouse raise, TimeoutError where
    the pipeline does not drain.
    """
    display = Display()
    stack = Stack(STACK)
    if stack.status().running:
        raise StackFailed("a demo is running already; end it with `omnijourney stack down`")
    stack.down(purge=True)
    addresses = stack.up(owner=None if keep else os.getpid(), on_progress=display.step)
    try:
        local = {**environment, **variables(addresses)}
        if path is None:
            local.setdefault("OMNIJOURNEY_OWN_DOMAINS", SAMPLE_SITE)
        settings = config.read(local)
        _prepare(settings, display)
        _start_workers(stack, local, display)
        _produce(settings, path, display)
        _drain(settings, display)
        _show(settings, addresses, keep)
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            display.step("stopping everything")
            stack.down(purge=True)


def _prepare(settings: config.Settings, display: Display) -> None:
    topics = composition.topics(settings)
    topic_admin.apply(settings.kafka_bootstrap, topics, settings.replication)
    applied = migrate(settings.clickhouse_url)
    display.step(f"created {len(topics)} topics, applied {len(applied)} migrations")


def _start_workers(stack: Stack, environment: Mapping[str, str], display: Display) -> None:
    display.step(f"starting the workers: {', '.join(composition.STAGES)}")
    ports = free_ports(len(composition.STAGES))
    own = {name: value for name, value in environment.items() if name.startswith(config.PREFIX)}
    stack.add(
        [
            ProcessSpec(
                name=stage,
                argv=(sys.executable, "-m", "streams.cli", "worker", stage),
                env={**own, "OMNIJOURNEY_HTTP_PORT": str(port)},
                ready_url=f"http://127.0.0.1:{port}/ready",
            )
            for stage, port in zip(composition.STAGES, ports, strict=True)
        ]
    )


def _produce(settings: config.Settings, path: Path | None, display: Display) -> None:
    with display.bar("producing", "touchpoints") as update:

        def show(counts: Counts) -> None:
            update(counts.total.read, None, f"({counts.per_second:,.0f}/s)")

        if path is None:
            records: Iterable[dict[str, Any]] = generate(CUSTOMERS, DAYS, SEED)
            counts = produce_records(records, settings.kafka_bootstrap, on_progress=show)
        else:
            counts = produce_files([str(path)], settings.kafka_bootstrap, on_progress=show)
    total = counts.total
    display.step(f"read {total.read:,} = sent {total.sent:,} + rejected {total.rejected:,}")


def _drain(settings: config.Settings, display: Display) -> None:
    with display.bar("draining", "records") as update:

        def show(lag: Lag) -> None:
            behind: dict[str, int] = dict.fromkeys(composition.STAGES, 0)
            for place, position in lag.items():
                behind[place.group] += position.behind
            ends = sum(position.end for position in lag.values())
            note = ", ".join(f"{stage} {n:,} behind" for stage, n in behind.items() if n)
            update(ends - sum(behind.values()), ends, note)

        wait_until_drained(settings.kafka_bootstrap, composition.GROUPS, DRAIN_DEADLINE_S, show)


def _show(settings: config.Settings, addresses: Addresses, keep: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else 110)
    with ClickHouse(settings.clickhouse_url) as client:
        for part in report(client):
            console.print(part)
    console.print("\nWhere to look further")
    console.print("  docs/tables.md explains every table, view and column, with queries to try")
    if keep:
        console.print(f"  Kafka       {addresses.kafka_bootstrap}")
        console.print(
            f"  ClickHouse  {addresses.clickhouse_http}/play  (database journeys, user analyst)", soft_wrap=True
        )
        console.print('  commands    eval "$(omnijourney stack env)"; then omnijourney produce FILE')
        console.print("  the end     omnijourney stack down")
    else:
        console.print("  make demo KEEP=1 keeps everything running and prints the addresses")
