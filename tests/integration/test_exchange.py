"""What keeps `replay switch` and `drop` from taking the wrong tables, whatever is cut short or forgotten; no workers.

Each pipeline's table journeys bears its name as comment, so that it is seen where it lies.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from kafka import KafkaProducer, TopicPartition

from schemas.codec import encode
from sinks.clickhouse import ClickHouse
from sinks.exchanging import EXCHANGED, exchange
from sinks.letters import Replayed, Selection, letters, write
from sinks.pipelines import said_writer
from streams.broker import admin
from streams.cli import main
from streams.config import read, read_serving
from streams.local import LocalPipeline
from streams.repair import switching
from tests.integration.filled import touchpoint

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]

BESIDE = "journeys_beside"


class Shell:
    """Commands with one environment; what lies where afterwards."""

    def __init__(self, pipeline: LocalPipeline) -> None:
        self.pipeline = pipeline
        self.url = pipeline.settings.clickhouse_url

    def env(self, namespace: str, live: str) -> dict[str, str]:
        own = {"OMNIJOURNEY_NAMESPACE": namespace, "OMNIJOURNEY_LIVE_NAMESPACE": live}
        return {**self.pipeline.variables, **own}

    def run(self, command: str, namespace: str, live: str, exit_code: int = 0) -> str:
        result = CliRunner().invoke(main, ["replay", *command.split()], env=self.env(namespace, live))
        assert result.exit_code == exit_code, result.output
        return result.output

    def prepare(self, namespace: str, live: str) -> str:
        told = self.run("prepare --from 2020-01-01", namespace, live)
        self.sql(f"ALTER TABLE `{BESIDE}`.journeys MODIFY COMMENT '{namespace}'")
        return told

    def sql(self, query: str) -> Any:
        with ClickHouse(self.url) as client:
            return client.query(query)

    def lies(self) -> dict[str, tuple[str, tuple[str, bool]]]:
        """Database -> whose table it really is, and what its label says."""
        found = {}
        with ClickHouse(self.url) as client:
            for database in ("journeys", BESIDE):
                sql = "SELECT comment FROM system.tables WHERE name = 'journeys' AND database = %(database)s"
                rows = client.query(sql, {"database": database})
                label = said_writer(client, database)
                if rows:
                    found[database] = (rows[0][0], label[:2] if label else ("", True))
        return found


@pytest.fixture(scope="module")
def pipeline(local_pipeline: Any) -> Iterator[LocalPipeline]:
    with local_pipeline("exchange", workers=False) as pipeline:
        yield pipeline


@pytest.fixture
def shell(pipeline: LocalPipeline) -> Iterator[Shell]:
    shell = Shell(pipeline)
    pipeline.prepare()  # what a test before has dropped
    shell.sql("ALTER TABLE journeys MODIFY COMMENT ''")
    yield shell
    # Whatever a test left, for the next: a broker's topics of a pipeline are named after it, so each takes its own.
    shell.sql(f"DROP DATABASE IF EXISTS `{BESIDE}` SYNC")
    shell.sql("TRUNCATE TABLE pipelines")
    shell.sql("TRUNCATE TABLE touchpoints")


def test_three_names_one_after_the_other_never_touch_a_table_of_another(shell: Shell) -> None:
    shell.prepare("one", "")
    shell.run("switch", "one", "")
    assert shell.lies() == {"journeys": ("one", ("one", True)), BESIDE: ("", ("", False))}
    told = shell.run("prepare --from 2020-01-01", "two", "one", 2)
    assert "is there already: it is that of the pipeline ''" in told
    shell.run("drop --yes", "", "one")
    shell.prepare("two", "one")
    shell.run("switch", "two", "one")
    shell.run("switch", "one", "two")
    assert shell.lies() == {"journeys": ("one", ("one", True)), BESIDE: ("two", ("two", False))}
    assert "is that of pipeline 'two'" in shell.run("drop --yes", "three", "one", 1)
    shell.run("drop --yes", "two", "one")
    assert [*shell.lies()] == ["journeys"]


def test_right_after_a_switch_drop_takes_nothing_in_the_same_shell(shell: Shell) -> None:
    shell.prepare("live", "")
    shell.run("switch", "live", "")
    before = shell.lies()
    assert "has the tables that people ask" in shell.run("drop --yes", "live", "", 1)
    assert "serves already" in shell.run("switch", "live", "", 1)
    assert "LIVE_NAMESPACE says 'wrong'" in shell.run("drop --yes", "other", "wrong", 1)
    assert shell.lies() == before


@pytest.mark.parametrize("cut", [2, 3])
def test_a_switch_that_died_is_gone_on_with_and_not_undone(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """Cut after the exchange, and between the two labels."""
    name = f"cut{cut}"
    shell.prepare(name, "")
    calls = 0
    real = switching.say_writer

    def dies(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == cut:
            raise InterruptedError
        real(*arguments)

    monkeypatch.setattr(switching, "say_writer", dies)
    environment = shell.env(name, "")
    with pytest.raises(InterruptedError):
        switching.switch(read(environment), read_serving(environment), "me", round(time.time() * 1000))
    monkeypatch.undo()
    assert shell.lies()["journeys"][0] == name
    assert shell.run("drop --yes", name, "", 1)
    assert "was cut short" in shell.run("compare", name, "", 1)
    shell.run("switch", name, "")
    assert shell.lies() == {"journeys": (name, (name, True)), BESIDE: ("", ("", False))}


def test_a_server_that_ended_within_the_exchange_has_the_rest_exchanged(shell: Shell) -> None:
    shell.prepare("half", "")
    shell.run("switch", "half", "")
    shell.run("switch", "", "half")
    with ClickHouse(shell.url) as client:
        exchange(client, BESIDE, EXCHANGED[:2])
    assert shell.lies()["journeys"] == ("", ("half", False))
    shell.run("switch", "half", "")
    assert shell.lies() == {"journeys": ("half", ("half", True)), BESIDE: ("", ("", False))}


def test_a_database_that_nobody_labelled_stays(shell: Shell) -> None:
    assert "there is no pipeline in database 'journeys_beside'" in shell.run("switch", "archive", "", 2)
    assert "deleted 0 topics" in shell.run("drop --yes", "archive", "")
    shell.sql(f"CREATE DATABASE `{BESIDE}`")
    assert "nobody said whose it is" in shell.run("drop --yes", "archive", "", 1)
    assert "nobody said whose it is" in shell.run("prepare --from 2020-01-01", "archive", "", 2)
    assert shell.sql(f"EXISTS DATABASE `{BESIDE}`") == [(1,)]


def test_another_version_of_the_schema_is_not_exchanged(shell: Shell) -> None:
    shell.prepare("newer", "")
    shell.sql(f"INSERT INTO `{BESIDE}`.schema_versions (version, md5, script) SELECT 900, '', ''")
    before = shell.lies()
    assert "must be the same" in shell.run("switch", "newer", "", 1)
    assert shell.lies() == before


def test_what_kafka_no_longer_has_and_the_other_never_read_is_not_lost(shell: Shell) -> None:
    """All was received thirty days ago, or lies in a part of the topic that is deleted."""
    shell.sql(
        "INSERT INTO touchpoints (channel, via, occurred_at, event_id, received_at, version)"
        " SELECT 'web', concat('cookie_id:c', toString(number)), now64(3) - INTERVAL 30 DAY, toString(number),"
        " now64(3) - INTERVAL 30 DAY, number FROM numbers(1000)"
    )
    bootstrap = shell.pipeline.settings.kafka_bootstrap
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    try:
        record = encode("touchpoint", touchpoint("x", 0, "web", "page_viewed", "cookie_id:x"))
        for _ in range(3):
            producer.send("touchpoints.web", record, partition=0).get(timeout=20)
    finally:
        producer.close()
    with admin(bootstrap) as client:
        client.delete_records({TopicPartition("touchpoints.web", 0): 2})
    told = shell.prepare("kept", "")
    assert "Kafka begins at " in told
    before = shell.lies()
    assert "1,000 touchpoints" in shell.run("switch", "kept", "", 1)
    assert shell.lies() == before


def test_a_letter_of_a_topic_made_anew_is_another_one(pipeline: LocalPipeline) -> None:
    """Same topic, partition and offset, the next epoch: what was replayed is the letter before."""
    url, columns = pipeline.settings.clickhouse_url, ("topic", "offset", "reason", "original", "version")

    def put(epoch: int) -> None:
        with ClickHouse(url) as client:
            version = (epoch << 48) | 7
            client.insert("dead_letters", columns, [["touchpoints.web"], [7], ["invalid"], [b"x"], [version]])

    selection = Selection("dead", open=True)
    put(0)
    write(url, [Replayed(letter, "sent") for letter in letters(url, selection)], selection, "me", 1)
    assert [*letters(url, selection)] == []
    put(1)
    assert [(letter.offset, letter.epoch, letter.replayed) for letter in letters(url, selection)] == [(7, 1, "")]
