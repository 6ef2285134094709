"""Sources folded anew beside a running pipeline: compared, exchanged for what serves, and back.

sample, twice, wrong keys, a late one, a correction | T | the same once more, other customers
|<------------------- replay, same rules --------------------->|  equal to the row
                                                    |<- --from T ->|  equal, but for who was there before
|<------------------- replay, another session gap ------------>|  sessions and touches differ: switch, go on, back
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from schemas.codec import encode
from sinks.clickhouse import ClickHouse
from sinks.tables import WRITTEN
from streams.cli import main
from streams.composition import STAGES
from streams.local import PARTITIONS, LocalPipeline
from streams.producing.produce import produce_records
from streams.runtime.partitioner import partition_of
from streams.sample import generate
from streams.topics import TOUCHPOINTS
from tests.integration.expectation import SITE
from tests.integration.filled import DAY_MS, HOUR_MS
from tests.integration.filled import touchpoint as fields_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

DRAIN_S = 90
ALL_TIME = "2000-01-01"
NEXT = {"OMNIJOURNEY_NAMESPACE": "next"}
GAP = {"OMNIJOURNEY_SESSION_GAP_MS": "120000"}
REROUTED = 6


class Scene(NamedTuple):
    """``between``: a time before which the first part was received, and after which the second."""

    pipeline: LocalPipeline
    between: str


def run(pipeline: LocalPipeline, *arguments: str, exit_code: int = 0, **settings: str) -> Result:
    result = CliRunner().invoke(main, list(arguments), env={**pipeline.variables, **settings})
    assert result.exit_code == exit_code, result.output
    return result


def home_of(who: str) -> int:
    return partition_of(who.encode(), PARTITIONS)


def special(part: int) -> list[tuple[dict[str, Any], bool]]:
    """(touchpoint, whether it goes to a wrong partition) that don't come as they should, of a customer of the part."""
    who = f"cookie_id:part {part}"
    newest = fields_of(f"newest {part}", 20 * DAY_MS, "web", "page_viewed", who, "click_id:shared")
    astray = [
        fields_of(f"astray {part} {n}", 20 * DAY_MS + n * HOUR_MS, "web", "page_viewed", f"{who} {n % 2}")
        for n in range(REROUTED // 2)
    ]
    late = fields_of(f"late {part}", 10 * DAY_MS, "web", "page_viewed", who)
    dead = fields_of(f"dead {part}", 20 * DAY_MS, "web", "page_viewed", "email_sha256:")
    other = {**newest, "link": "https://other.example.com"}
    # Late by what part 1 brought to its partition, and by nothing else.
    home = home_of("cookie_id:part 1")
    neighbour = next(who for who in (f"cookie_id:{part} {n}" for n in count()) if home_of(who) == home)
    behind = fields_of(f"behind {part}", 10 * DAY_MS, "web", "page_viewed", neighbour)
    return [
        *([(behind, False)] if part == 2 else []),
        (newest, False),
        (newest, False),
        (late, False),
        (dead, False),
        (other, False),
        *((a, True) for a in astray),
    ]


def send(pipeline: LocalPipeline, part: int) -> None:
    producer = KafkaProducer(bootstrap_servers=pipeline.settings.kafka_bootstrap, acks="all")
    try:
        for record, astray in special(part):
            key = ":".join(record["identifiers"][0].values()).encode()
            home = home_of(key.decode())
            partition = (home + 1) % PARTITIONS if astray else home
            producer.send("touchpoints.web", encode("touchpoint", record), key, partition=partition).get(timeout=20)
    finally:
        producer.close()


@pytest.fixture(scope="module")
def scene(local_pipeline: Any, wait_until: Any) -> Iterator[Scene]:
    with local_pipeline("replay", OMNIJOURNEY_OWN_DOMAINS=SITE) as pipeline:
        pipeline.variables["OMNIJOURNEY_STATE_DIR"] = str(pipeline.stack.folder / "beside")
        records = [*generate(40, 6, 5)]
        assert produce_records([*records, *records[:100]], pipeline.settings.kafka_bootstrap).complete
        send(pipeline, 1)
        run(pipeline, "link", "cookie_id=part 1", "cookie_id=said", "--reason", "a test")
        pipeline.drain(DRAIN_S)
        between = int(time.time()) + 1
        wait_until(lambda: time.time() > between, 3, "the second part comes later")
        others = [*generate(20, 6, 6)]
        assert produce_records([*others, *others[:50], *records[:20]], pipeline.settings.kafka_bootstrap).complete
        send(pipeline, 2)
        run(pipeline, "unlink", "cookie_id=part 2", "click_id=shared", "--reason", "a test")
        pipeline.drain(DRAIN_S)
        yield Scene(pipeline, datetime.fromtimestamp(between, UTC).strftime("%Y-%m-%dT%H:%M:%S"))


def contents(pipeline: LocalPipeline) -> dict[str, Any]:
    """A hash of every row of each table that workers write, and where every topic of theirs ends."""
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        hashes = {
            table: client.query(f"SELECT count(), groupBitXor(sipHash64(*)) FROM {table} FINAL")  # noqa: S608 - composed of what stands here
            for table in WRITTEN
        }
    consumer = KafkaConsumer(bootstrap_servers=pipeline.settings.kafka_bootstrap)
    try:
        # A worker that joins anew says so in its changelog.
        names = [t for t in consumer.topics() if not t.startswith(("next.", "__")) and not t.endswith("-changelog")]
        logs = [TopicPartition(name, n) for name in names for n in consumer.partitions_for_topic(name) or ()]
        return {**hashes, **consumer.end_offsets(logs)}
    finally:
        consumer.close()


def counted(output: str) -> Mapping[str, str]:
    """Table -> what compare says of it."""
    lines = [line.split(maxsplit=1) for line in output.splitlines() if " equal" in line]
    return {name: told for name, told in lines if name in WRITTEN}


@pytest.fixture
def untouched(scene: Scene) -> Iterator[None]:
    """Whatever the test does, what serves is the same afterwards, its topics included; the pipeline beside is gone."""
    before = contents(scene.pipeline)
    yield
    run(scene.pipeline, "replay", "drop", "--yes", **NEXT)
    assert contents(scene.pipeline) == before


def test_the_same_rules_give_the_same_rows(scene: Scene, untouched: None) -> None:
    """Duplicates, conflicts, wrong partitions, a late one and corrections included; and nothing that serves moves."""
    told = run(scene.pipeline, "replay", "--from", ALL_TIME, **NEXT).output
    assert "left out" not in told
    found = counted(told)
    assert all(how.endswith(" equal") for how in found.values())
    assert {name for name, how in found.items() if how.startswith("0 ")} == {"identity_violations"} & {*found}
    assert (found["identity_corrections"], found["late_touchpoints"]) == ("2 equal", "3 equal")
    assert "all equal" in run(scene.pipeline, "verify", **NEXT).output
    refused = run(scene.pipeline, "dead", "replay", exit_code=2, **NEXT).output
    assert "sends nothing to sources" in refused
    again = run(scene.pipeline, "replay", "prepare", "--from", ALL_TIME, exit_code=2, **NEXT).output
    assert "is there already: it is that of the pipeline 'next'" in again


def test_from_the_middle_whoever_was_there_before_is_left_out_and_all_others_are_equal(
    scene: Scene, untouched: None
) -> None:
    told = run(scene.pipeline, "replay", "--from", scene.between, **NEXT).output
    assert "left out" in told
    found = counted(told)
    assert all(how.endswith(" equal") for how in found.values())
    assert int(found["journeys"].split()[0]) > 10
    assert found["late_touchpoints"] == "2 equal"
    stop_workers(scene.pipeline)
    refused = run(scene.pipeline, "replay", "switch", exit_code=1, **NEXT).output
    assert "were received before this pipeline began to read" in refused
    scene.pipeline.start_workers()


def test_another_rule_differs_where_it_must_and_takes_over_and_gives_back(scene: Scene, wait_until: Any) -> None:
    pipeline = scene.pipeline
    before = contents(pipeline)
    told = run(pipeline, "replay", "--from", ALL_TIME, exit_code=1, **NEXT, **GAP).output
    found = counted(told)
    assert {name for name, how in found.items() if not how.endswith(" equal")} == {"sessions", "journeys"}
    assert contents(pipeline) == before
    assert "all equal" in run(pipeline, "verify", **NEXT, **GAP).output
    assert "are running" in run(pipeline, "replay", "switch", exit_code=1, **NEXT).output

    stop_workers(pipeline)
    run(pipeline, "replay", "switch", **NEXT)
    live = {"OMNIJOURNEY_LIVE_NAMESPACE": "next"}
    refused = run(pipeline, "worker", "sink", exit_code=1).output
    assert "is written by the pipeline with OMNIJOURNEY_NAMESPACE='next', which serves" in refused
    own = {name: pipeline.variables[name] for name in ("OMNIJOURNEY_OWN_DOMAINS",)}
    addresses = pipeline.stack.status().addresses
    assert addresses is not None
    after = LocalPipeline(pipeline.stack, addresses, {}, **own, **NEXT, **live, **GAP)
    after.start_workers("-next")
    send(pipeline, 3)
    after.drain(DRAIN_S)
    assert "all equal" in run(after, "verify").output
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        seen = client.query("SELECT count() FROM touchpoints FINAL WHERE startsWith(event_id, 'astray 3')")
        assert seen == [(REROUTED // 2,)]

    stop_workers(after, "-next")
    run(pipeline, "replay", "switch", OMNIJOURNEY_NAMESPACE="", **live)
    pipeline.start_workers()
    pipeline.drain(DRAIN_S)
    assert "all equal" in run(pipeline, "verify").output
    told = run(pipeline, "replay", "compare", exit_code=1, **NEXT).output
    assert {name for name, how in counted(told).items() if not how.endswith(" equal")} == {"sessions", "journeys"}


def stop_workers(pipeline: LocalPipeline, suffix: str = "") -> None:
    pipeline.stack.remove(*(stage + suffix for stage in STAGES))
    wait_for_empty_groups(pipeline)


def wait_for_empty_groups(pipeline: LocalPipeline) -> None:
    """Members with a lasting name stay for ten seconds."""
    from streams.broker import admin
    from streams.composition import groups

    names = [*groups(pipeline.settings)]
    deadline = time.monotonic() + 30
    with admin(pipeline.settings.kafka_bootstrap) as client:
        while any(client.describe_groups(names)[name]["members"] for name in names):
            assert time.monotonic() < deadline, "members stay"
            time.sleep(0.2)


def test_all_that_lies_on_the_sources_has_one_outcome(scene: Scene) -> None:
    """After the way back; what both pipelines re-sent is one record, its copies are counted by neither."""
    with ClickHouse(scene.pipeline.settings.clickhouse_url) as client:
        ((rerouted,),) = client.query("SELECT sum(records) FROM outcomes FINAL WHERE outcome = 'rerouted'")
        ((read,),) = client.query("SELECT sum(records) FROM outcomes FINAL")
    ends = sum(
        n for at, n in contents(scene.pipeline).items() if isinstance(at, TopicPartition) and at.topic in TOUCHPOINTS
    )
    assert rerouted == 3 * REROUTED // 2
    assert read == ends - REROUTED // 2
