"""The demo: the whole way on a local Kafka and ClickHouse, from the first touchpoint to an analyst's figures.

Composes what exists: a local pipeline, touchpoints (of the sample company or of a file), the wait until all is drained,
the report. What the figures mean is not decided here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from deploy.local.errors import StackFailed
from deploy.local.processes import Addresses
from deploy.local.stack import Stack
from sinks.attribution import write_spend
from sinks.clickhouse import ClickHouse
from sinks.report import WIDTH, report
from streams import composition, config
from streams.attribution.spend import read_spend
from streams.kafka_access import KafkaAccess
from streams.local import LocalPipeline
from streams.offsets import Lag
from streams.producing.counts import Counts
from streams.producing.errors import ProducingError
from streams.producing.produce import Result, produce_files, produce_records
from streams.producing.report import summary, tell
from streams.producing.sources import Sources
from streams.progress import Display
from streams.sample import generate
from streams.sample.spending import spending

STACK = "demo"
CUSTOMERS = 1_000
DAYS = 28
SEED = 1
#: The sample company's own site: a visit that comes from it comes from nowhere else.
SAMPLE_SITE = "shop.example.com"
DRAIN_DEADLINE_S = 1_800.0


class NothingSent(ProducingError):
    """The demo has nothing to show. The caller must act."""


def run(keep: bool, path: Path | None, name: str = STACK, environment: Mapping[str, str] = os.environ) -> None:
    """Run the demo on ``path``'s touchpoints, or on the sample company's; ``keep`` leaves everything running.

    ``name`` is the stack's; data that an earlier demo left in it goes.

    Raises InputError where ``path`` cannot be read; StackFailed where a demo is running already; what the stack, Kafka
    and ClickHouse raise; NothingSent; TimeoutError where the pipeline does not drain.
    """
    if path is not None:
        Sources([str(path)], sys.stdin.buffer)
    display = Display()
    stack = Stack(name)
    if stack.status().running:
        raise StackFailed(f"a demo is running already; end it with `omnijourney stack down{_option(stack)}`")
    if _names_servers(environment):
        display.step("this runs on a stack of its own and leaves your Kafka and ClickHouse alone")
    stack.down(purge=True)
    addresses = stack.up(owner=None if keep else os.getpid(), on_progress=display.step)
    done = False
    try:
        more = {} if path else {"OMNIJOURNEY_OWN_DOMAINS": SAMPLE_SITE}
        pipeline = LocalPipeline(stack, addresses, environment, **more)
        _start(pipeline, display)
        _produce(pipeline, path, display)
        _drain(pipeline, display)
        if path is None:
            _spend(pipeline)
        _show(pipeline, addresses, keep)
        done = True
    finally:
        if not (keep and done):
            display.step("stopping everything")
            stack.down(purge=True)


def _names_servers(environment: Mapping[str, str]) -> bool:
    return any(environment.get(f"{config.PREFIX}{name}") for name in ("KAFKA_BOOTSTRAP", "CLICKHOUSE_URL"))


def _start(pipeline: LocalPipeline, display: Display) -> None:
    topics, migrations = pipeline.prepare()
    display.step(f"created {topics} topics, applied {migrations} migrations")
    display.step(f"starting the workers: {', '.join(composition.STAGES)}")
    pipeline.start_workers()


def _produce(pipeline: LocalPipeline, path: Path | None, display: Display) -> None:
    with display.bar("producing", "touchpoints") as update:

        def show(counts: Counts) -> None:
            update(counts.total.read, None, f"({counts.per_second:,.0f}/s)")

        result = _send(pipeline.settings.kafka, path, show)
    for line in summary(result):
        display.step(line)
    if not result.counts.total.sent:
        raise NothingSent(f"{path or 'the sample company'}: no touchpoint was sent, there is nothing to show")


def _send(kafka: KafkaAccess, path: Path | None, show: Callable[[Counts], None]) -> Result:
    if path is None:
        return produce_records(generate(CUSTOMERS, DAYS, SEED), kafka, on_failure=tell, on_progress=show)
    return produce_files([str(path)], kafka, on_failure=tell, on_progress=show)


def _drain(pipeline: LocalPipeline, display: Display) -> None:
    with display.bar("draining", "records") as update:

        def show(lag: Lag) -> None:
            behind: dict[str, int] = dict.fromkeys(composition.STAGES, 0)
            for place, position in lag.items():
                behind[place.group] += position.behind
            ends = sum(position.end for position in lag.values())
            # The two furthest behind and what they have still to read: a third leaves the bar no room in 80 columns.
            furthest = sorted(behind, key=behind.__getitem__)[-2:]
            note = "  ".join(f"{stage} {n:,}" for stage, n in behind.items() if n and stage in furthest)
            update(ends - sum(behind.values()), ends, note)

        pipeline.drain(DRAIN_DEADLINE_S, show)


def _spend(pipeline: LocalPipeline) -> None:
    rows = read_spend(spending(CUSTOMERS, DAYS, SEED))
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        write_spend(client, [row._asdict() for row in rows])


def _show(pipeline: LocalPipeline, addresses: Addresses, keep: bool) -> None:
    console = Console(width=max(WIDTH, Console().width))
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        for part in report(client):
            console.print(part)
    console.print("\nWhere to look further")
    console.print("  docs/tables.md explains every table, view and column, with questions, queries and answers")
    if not keep:
        console.print("  make demo KEEP=1 keeps everything running and prints the addresses")
        return
    console.print(f"  Kafka       {addresses.kafka_bootstrap}")
    console.print(f"  ClickHouse  {addresses.clickhouse_http}/play (database journeys, user analyst)", soft_wrap=True)
    named = _option(pipeline.stack)
    console.print(f'  commands    eval "$(omnijourney stack env{named})", then for example omnijourney produce FILE')
    console.print("              omnijourney report, for a page that managers read; omnijourney verify, for proof")
    console.print(f"  the end     omnijourney stack down{named} --purge")


def _option(stack: Stack) -> str:
    return "" if stack.name == STACK else f" --name {stack.name}"
