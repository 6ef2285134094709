"""What the four workers and the monitor tell, on a real pipeline: the table in docs/operations.md and nothing else,
series that don't grow with customers, freshness once a touchpoint, completeness that finds what a stage loses, lag
where no worker runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from kafka import KafkaProducer
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from deploy.local import debian
from deploy.local.fetch import project_root
from deploy.local.ports import free_ports
from deploy.local.processes import ProcessSpec
from sinks.clickhouse import ClickHouse
from streams.composition import STAGES
from streams.domain.vocabulary import CHANNELS
from streams.local import MONITOR, PARTITIONS, LocalPipeline
from streams.producing.produce import produce_records

pytestmark = pytest.mark.stack

PROCESSES = (*STAGES, MONITOR)
DOCUMENT = project_root() / "docs" / "operations.md"
HEAD = "| metric | type | labels | unit | of | meaning |"
#: Whose units the name tells, and how the table writes them.
UNITS = {"_seconds": "s", "_bytes": "bytes", "_records": "records", "_rows": "rows"}
ACTIONS = {"email": "opened", "web": "page_viewed", "mobile": "app_opened", "social": "reacted", "service": "called"}
FRESHNESS, LAG = "journey_freshness_seconds", "journey_event_time_lag_seconds"
DIFFERENCE = "journey_completeness_difference_records"

#: INTAKE that forgets every record with a certain key: a worker of it in the place of the real one.
LOSING = """
import sys
from streams import composition, config
from streams.runtime import logs
from streams.runtime.stage import Records
from streams.runtime.worker import Worker
from streams.stages.intake import Intake

class Losing(Intake):
    def fold(self, records, view, out):
        left = [record for record in records if record.key != b"cookie_id:lost"]
        super().fold(Records(records.topic, records.partition, left), view, out)

settings = config.read()
logs.configure("info", "intake")
stage, _ = composition.make_stage("intake", settings)
stage.__class__ = Losing
Worker(stage, None, composition.worker_settings("intake", settings), composition.REGISTRIES["intake"]).run()
"""

Waiting = Callable[[Callable[[], bool], float, str], None]
Series = tuple[str, tuple[tuple[str, str], ...]]


class Row(NamedTuple):
    """A line of the table; ``of``: the processes that tell it."""

    metric: str
    type: str
    labels: str
    of: str
    meaning: str


@pytest.fixture(scope="module")
def pipeline(local_pipeline: Any) -> Iterator[LocalPipeline]:
    """Workers and monitor that have seen some of everything: 10 campaigns, each outcome, each kind of table."""
    with local_pipeline("metrics") as started:
        started.start_monitor(every_s=0.2)
        send(started, touchpoints(600, campaigns=10, customers=60))
        # The fifth link within a second shows a machine, and raises the four before it.
        send(started, [click(at) for at in range(5)])
        send_astray(started)
        started.drain(60)
        yield started


def touchpoints(count: int, campaigns: int, customers: int, first: int = 0) -> list[dict[str, Any]]:
    """That happened just now, on all channels."""
    now = round(time.time() * 1000)
    return [
        {
            "event_id": f"e{at}",
            "channel": (channel := CHANNELS[at % len(CHANNELS)]),
            "occurred_at": now - 1_500,
            "action": ACTIONS[channel],
            "identifiers": [
                {"namespace": "cookie_id", "value": f"c{at % customers}"},
                # So that there is something to link.
                *([{"namespace": "user_id", "value": f"u{at % customers}"}] if channel == "mobile" else []),
            ],
            "acquisition": {"source": "s", "medium": "m", "campaign": f"campaign {at % campaigns}"},
            "message_id": f"m{at % campaigns}" if channel == "email" else None,
            "user_agent": "Mozilla/5.0",
        }
        for at in range(first, first + count)
    ]


def click(at: int) -> dict[str, Any]:
    (clicked,) = touchpoints(1, 1, 1, first=len(CHANNELS) * (10**6 + at))
    clicked["occurred_at"] -= 1_000 - 100 * at
    return clicked | {"action": "clicked", "message_id": "burst", "link": f"https://shop.example/{at}"}


def send(pipeline: LocalPipeline, records: list[dict[str, Any]]) -> None:
    assert produce_records(records, pipeline.settings.kafka_bootstrap).complete


def send_astray(pipeline: LocalPipeline) -> None:
    """What is no touchpoint, and what has the wrong key, where each partition has one."""
    producer = KafkaProducer(bootstrap_servers=pipeline.settings.kafka_bootstrap, acks="all")
    try:
        for partition in range(PARTITIONS):
            producer.send("touchpoints.web", b"garbage", b"k", partition=partition).get(20)
    finally:
        producer.close()


def scrape(pipeline: LocalPipeline, process: str) -> str:
    """``process`` by name; or a port, of one that the pipeline doesn't know."""
    url = f"http://127.0.0.1:{process}/metrics" if process.isdecimal() else pipeline.metrics_url(process)
    with urllib.request.urlopen(url, timeout=5) as answer:
        text: str = answer.read().decode()
    return text


def families(pipeline: LocalPipeline, process: str) -> list[Metric]:
    """Those that have samples, without what prometheus_client tells of any process."""
    found = text_string_to_metric_families(scrape(pipeline, process))
    return [family for family in found if not family.name.startswith(("python_", "process_")) and family.samples]


def series(pipeline: LocalPipeline, process: str) -> dict[Series, float]:
    samples = [sample for family in families(pipeline, process) for sample in family.samples]
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for s in samples}


def figures(pipeline: LocalPipeline, process: str, name: str) -> dict[tuple[str, ...], float]:
    """Of each series of ``name``, by the values of its labels in the order of their names."""
    return {
        tuple(value for _, value in labels): figure
        for (found, labels), figure in series(pipeline, process).items()
        if found == name
    }


def has_settled(pipeline: LocalPipeline) -> bool:
    """All that is observed every few seconds was."""
    return all(
        (lag := figures(pipeline, stage, "journey_stage_lag_records")) and not any(lag.values()) for stage in STAGES
    )


# The table


def documented() -> dict[str, tuple[Row, str]]:
    """Row and unit by metric."""
    lines = DOCUMENT.read_text().split(HEAD)[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: (Row(name, kind, labels, of, meaning), unit) for name, kind, labels, unit, of, meaning in cells}


def told(pipeline: LocalPipeline) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for process in PROCESSES:
        for family in families(pipeline, process):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
            before = rows.get(name)
            of = ", ".join(filter(None, [before.of if before else "", process]))
            rows[name] = Row(name, family.type, ", ".join(labels), of, family.documentation)
    everybody = ", ".join(STAGES)
    return {name: row._replace(of=row.of.replace(everybody, "workers")) for name, row in rows.items()}


def test_the_table_is_what_workers_and_monitor_tell(pipeline: LocalPipeline, wait_until: Waiting) -> None:
    wait_until(lambda: has_settled(pipeline), 20, "all is observed")
    expected, rows = told(pipeline), documented()
    assert [name for name in expected if name not in rows] == []
    assert [name for name in rows if name not in expected] == []
    assert {name: row for name, (row, _) in rows.items()} == expected


def test_the_table_has_units_as_the_names_say_and_no_unbounded_label() -> None:
    for name, (row, unit) in documented().items():
        base = name.removesuffix("_total")
        assert unit == next((told for suffix, told in UNITS.items() if base.endswith(suffix)), unit), name
        assert name.startswith("journey_"), name
        assert name.endswith("_total") == (row.type == "counter"), name
        assert row.meaning.endswith("."), name
        assert not {"campaign", "customer", "customer_id", "event_id", "via"} & set(row.labels.split(", ")), name


def test_promtool_has_nothing_to_say(pipeline: LocalPipeline) -> None:
    promtool = debian.fetch(debian.PROMTOOL)
    for process in PROCESSES:
        checked = subprocess.run(
            [str(promtool), "check", "metrics"],
            input=scrape(pipeline, process),
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", ""), process


def test_the_number_of_series_is_as_documented(pipeline: LocalPipeline, wait_until: Waiting) -> None:
    wait_until(lambda: has_settled(pipeline), 20, "all is observed")
    lines = DOCUMENT.read_text().split("| all of 12 and 12 |\n")[1].split("\n\n")[0].splitlines()[1:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [row[0] for row in rows] == list(PROCESSES)
    for process, *cells in rows:
        always, of_sources, of_customers, of_twelve = map(int, cells)
        assert always + 12 * (of_sources + of_customers) == of_twelve, process
        found = len(series(pipeline, process))
        assert found == always + PARTITIONS * (of_sources + of_customers), process


# What they tell


def test_ten_thousand_campaigns_customers_and_messages_make_no_series_more(
    pipeline: LocalPipeline, wait_until: Waiting
) -> None:
    wait_until(lambda: has_settled(pipeline), 20, "all is observed")
    before = {process: set(series(pipeline, process)) for process in PROCESSES}
    records = touchpoints(10_000, campaigns=10_000, customers=10_000, first=10_000)
    assert len({record["acquisition"]["campaign"] for record in records}) == 10_000
    send(pipeline, records)
    pipeline.drain(90)
    wait_until(lambda: has_settled(pipeline), 20, "all is observed")
    for process, known in before.items():
        found = set(series(pipeline, process))
        assert (found - known, known - found) == (set(), set()), process


def test_each_touchpoint_is_fresh_once_and_its_lag_is_part_of_that(pipeline: LocalPipeline) -> None:
    """Runs after the ten thousand above."""
    fresh, lag = figures(pipeline, "sink", f"{FRESHNESS}_count"), figures(pipeline, "intake", f"{LAG}_count")
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        shown = dict(client.query("SELECT channel, count() FROM touchpoints FINAL GROUP BY channel"))
    assert fresh == lag == {(channel,): shown[channel] for channel in CHANNELS}
    rows = figures(pipeline, "sink", "journey_sink_rows_total")
    # Four were raised, and written again.
    assert rows["touchpoints",] == sum(fresh.values()) + 4
    seconds = figures(pipeline, "sink", f"{FRESHNESS}_sum")
    received = figures(pipeline, "intake", f"{LAG}_sum")
    for channel in CHANNELS:
        assert 1.5 * fresh[channel,] - 0.5 < received[channel,] < seconds[channel,] < 120 * fresh[channel,]


def test_every_source_is_complete(pipeline: LocalPipeline, wait_until: Waiting) -> None:
    every = {(channel, str(partition)) for channel in CHANNELS for partition in range(PARTITIONS)}
    found = figures(pipeline, "intake", DIFFERENCE)
    assert found == dict.fromkeys(every, 0.0)
    assert figures(pipeline, "intake", "journey_touchpoints_total")["web", "dead", "undecodable"] == PARTITIONS


def test_what_intake_loses_shows_for_good_whoever_runs_it(pipeline: LocalPipeline, wait_until: Waiting) -> None:
    port = pipeline.metrics_url("intake").split(":")[2].partition("/")[0]
    environment = {
        **pipeline.variables,
        "OMNIJOURNEY_HTTP_PORT": port,
        "OMNIJOURNEY_STATE_DIR": str(pipeline.stack.folder / "state" / "losing"),
        "OMNIJOURNEY_INSTANCE_ID": "intake",
    }
    pipeline.stack.remove("intake")
    for name, argv in (
        ("losing", (sys.executable, "-c", LOSING)),
        ("honest", (sys.executable, "-m", "streams.cli", "worker", "intake")),
    ):
        pipeline.stack.add([ProcessSpec(name, argv, environment, f"http://127.0.0.1:{port}/ready")])
        if name == "losing":
            send(pipeline, touchpoints(60, 10, 60, first=30_000))
            lost = touchpoints(2, 1, 1, first=40_000)
            send(pipeline, [one | {"identifiers": [{"namespace": "cookie_id", "value": "lost"}]} for one in lost])
            pipeline.drain(60)
        wait_until(lambda: len(missing(pipeline)) == 2, 20, f"{name} tells that two are missing")
        assert set(missing(pipeline).values()) == {1.0}
        os.kill(pipeline.stack.pid(name), signal.SIGKILL)
        wait_until(lambda name=name: restarts(pipeline, name) == 1, 10, f"{name} has ended")
        pipeline.stack.wait_ready(name)
        wait_until(lambda: len(missing(pipeline)) == 2, 20, f"{name}, started again, tells that two are missing")
        if name == "losing":
            pipeline.stack.remove(name)


def test_a_partition_that_moved_is_told_by_its_new_worker_alone(pipeline: LocalPipeline, wait_until: Waiting) -> None:
    """Runs after the one above: two records are missing."""
    second = str(free_ports(1)[0])
    environment = {
        **pipeline.variables,
        "OMNIJOURNEY_HTTP_PORT": second,
        "OMNIJOURNEY_STATE_DIR": str(pipeline.stack.folder / "state" / "second"),
        "OMNIJOURNEY_INSTANCE_ID": "second",
    }
    argv = (sys.executable, "-m", "streams.cli", "worker", "intake")
    pipeline.stack.add([ProcessSpec("second", argv, environment, f"http://127.0.0.1:{second}/ready")])

    def are_told_apart() -> bool:
        here, there = (figures(pipeline, process, DIFFERENCE) for process in ("intake", second))
        return (
            not here.keys() & there.keys()
            and len(here | there) == len(CHANNELS) * PARTITIONS
            and sum((here | there).values()) == 2
        )

    wait_until(are_told_apart, 40, "each partition is told once")
    held = {partition for _, partition in figures(pipeline, second, DIFFERENCE)}
    assert 0 < len(held) < PARTITIONS
    for name in ("journey_stage_state_keys", "journey_stage_cache_entries"):
        assert {partition for partition, _ in figures(pipeline, second, name)} == held


def missing(pipeline: LocalPipeline) -> dict[tuple[str, ...], float]:
    try:
        found = figures(pipeline, "intake", DIFFERENCE)
    except OSError:
        return {}
    return {where: difference for where, difference in found.items() if difference}


def restarts(pipeline: LocalPipeline, process: str) -> int:
    state = pipeline.stack.status().process(process)
    assert state is not None
    return state.restarts


# The monitor


def test_the_lag_of_a_stage_without_workers_is_told(pipeline: LocalPipeline, wait_until: Waiting) -> None:
    members = {**dict.fromkeys(STAGES, 1.0), "intake": 2.0}
    wait_until(lambda: asked_members(pipeline) == members, 20, "the members are those of now")
    pipeline.stack.remove("sink")
    send(pipeline, touchpoints(100, 10, 60, first=50_000))

    def waits() -> bool:
        lag = figures(pipeline, MONITOR, "journey_group_lag_records")
        return sum(n for (group, _, topic), n in lag.items() if (group, topic) == ("sink", "customers.activity")) >= 100

    wait_until(waits, 30, "a hundred touchpoints wait for the sink")
    wait_until(lambda: figures(pipeline, MONITOR, "journey_group_members")["sink",] == 0, 20, "the group is empty")
    asked = subprocess.run(
        [sys.executable, "-m", "streams.cli", "lag", "--over", "0.5", "--json"],
        cwd=project_root(),
        env={**os.environ, **pipeline.variables},
        capture_output=True,
        text=True,
        timeout=40,
        check=True,
    )
    (row,) = [r for r in json.loads(asked.stdout) if (r["group"], r["topic"]) == ("sink", "customers.activity")]
    assert (row["members"], row["partitions"], row["read_per_s"], row["drain_s"]) == (0, PARTITIONS, 0, None)
    assert row["lag"] == row["end"] - row["committed"] >= 100


def test_a_monitor_whose_broker_and_database_are_frozen_tells_so_and_nothing_old(
    pipeline: LocalPipeline, wait_until: Waiting
) -> None:
    servers = {"kafka": "journey_kafka_reachable", "clickhouse": "journey_clickhouse_reachable"}
    pids = [pipeline.stack.pid(server) for server in servers]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: reachable(pipeline) == dict.fromkeys(servers.values(), 0.0), 30, "nobody answers")
        left = {name for name, _ in series(pipeline, MONITOR)}
        assert left == {"journey_build_info", *servers.values()}
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: reachable(pipeline) == dict.fromkeys(servers.values(), 1.0), 90, "both answer")
    assert figures(pipeline, MONITOR, "journey_clickhouse_parts")["touchpoints",] >= 1
    assert set(figures(pipeline, MONITOR, "journey_kafka_under_replicated_partitions").values()) == {0.0}
    os.kill(pipeline.stack.pid(MONITOR), signal.SIGTERM)
    wait_until(lambda: restarts(pipeline, MONITOR) == 1, 10, "it has ended")
    monitor = pipeline.stack.status().process(MONITOR)
    assert monitor is not None
    assert monitor.exit_code == 0


def asked_members(pipeline: LocalPipeline) -> Mapping[str, float]:
    return {group: members for (group,), members in figures(pipeline, MONITOR, "journey_group_members").items()}


def reachable(pipeline: LocalPipeline) -> Mapping[str, float]:
    return {name: value for (name, _), value in series(pipeline, MONITOR).items() if name.endswith("_reachable")}
