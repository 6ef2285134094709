"""Every stage runs with exactly the rights that `streams.acls` names, and each of those rights is needed.

One user for each stage and kind of user, all through SASL_SSL:

    operator    topics apply
    producer    a sample --> intake --> identity --> customers --> sink --> ClickHouse
    monitor     has it all arrived?
    repairer    letters read again; a pipeline beside, made and dropped
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import aiokafka
import pytest
from kafka import KafkaProducer
from kafka.errors import TopicAuthorizationFailedError

from deploy.local.ports import free_ports
from deploy.local.processes import ProcessSpec
from sinks.clickhouse import ClickHouse
from streams.acls import Acl, acls
from streams.broker import admin, connect
from streams.composition import GROUPS, STAGES
from streams.config import PREFIX
from streams.kafka_access import KafkaAccess
from streams.offsets import wait_until_drained
from streams.sample import generate, to_ndjson
from streams.topics import ASSIGNMENTS, JOURNEYS
from tests.integration.guarded import Ended, GuardedStack, guarded_stack, make_papers, omnijourney

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

EVENTS = 2_000
FAILED, CRASHED = 1, 70


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedStack]:
    """A broker with topics and tables, whose users may do what the table says."""
    with guarded_stack("acls", make_papers(tmp_path_factory.mktemp("papers"))) as made:
        made.admit(*acls())
        for user, granted in acls().items():
            made.allow(user, granted)
        applied = omnijourney(made.environment("operator"), "topics", "apply")
        assert applied.exit_code == 0, applied.said
        assert omnijourney(made.environment("operator"), "topics", "diff") == (0, "", "")
        assert omnijourney(made.environment("operator"), "migrate").exit_code == 0
        yield made


def worker(guarded: GuardedStack, stage: str, suffix: str = "") -> ProcessSpec:
    (port,) = free_ports(1)
    name = f"{stage}{suffix}"
    own = {
        "HTTP_PORT": str(port),
        "STATE_DIR": str(guarded.stack.folder / "state" / name),
        "INSTANCE_ID": name,
    }
    return ProcessSpec(
        name=name,
        argv=(sys.executable, "-m", "streams.cli", "worker", stage),
        env={**guarded.environment(stage), **{PREFIX + variable: value for variable, value in own.items()}},
        ready_url=f"http://127.0.0.1:{port}/ready",
    )


def produce(guarded: GuardedStack, folder: Path, records: list[dict[str, Any]]) -> None:
    file = folder / "sample.ndjson"
    file.write_bytes(b"".join(map(to_ndjson, records)))
    sent = omnijourney(guarded.environment("producer"), "produce", str(file))
    assert f"sent {len(records):,}" in sent.shown, sent


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """A sample whose first conversion is in a currency that is none."""
    made = list(islice(generate(200, 28, 5), EVENTS))
    next(found for record in made if "currency" in (found := record.get("conversion", {})))["currency"] = "euro"
    return made


@pytest.fixture(scope="module")
def running(
    guarded: GuardedStack, records: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> GuardedStack:
    """One worker of each stage, which have read the first half of the records."""
    produce(guarded, tmp_path_factory.mktemp("first"), records[: EVENTS // 2])
    guarded.stack.add([worker(guarded, stage) for stage in STAGES])
    wait_until_drained(guarded.user("monitor"), GROUPS, 90)
    return guarded


def test_a_user_may_do_nothing_that_the_table_does_not_say(guarded: GuardedStack) -> None:
    intake = guarded.user("intake")
    with admin(intake) as client:
        assert JOURNEYS not in client.list_topics()
    with pytest.raises(aiokafka.errors.TopicAuthorizationFailedError):
        asyncio.run(read_one(intake, JOURNEYS))
    writer = connect(KafkaProducer, intake, max_block_ms=10_000)
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            writer.send(ASSIGNMENTS, b"not mine").get(10)
    finally:
        writer.close()


async def read_one(kafka: KafkaAccess, topic: str) -> None:
    consumer = aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap, **kafka.options)
    try:
        await consumer.start()
        await asyncio.wait_for(consumer.getone(), 10)
    finally:
        await consumer.stop()


MISSING = [
    # Looked at before the worker starts: who can't see a topic is told as if it were not there.
    ("intake", Acl("topic", "outcomes", "literal", ("Write",)), FAILED, "no topic outcomes; run"),
    ("sink", Acl("topic", "journeys", "literal", ("Read",)), FAILED, "no topic journeys; run"),
    ("intake", Acl("topic", "touchpoints.web", "literal", ("DescribeConfigs",)), FAILED, "touchpoints.web: "),
    # Kafka refuses once the worker joins, takes over, reads.
    ("intake", Acl("group", "intake", "literal", ("Read",)), CRASHED, "GroupAuthorizationFailedError: intake"),
    *[
        (
            stage,
            Acl("transactionalId", f"{stage}-state-changelog-", "prefixed", ("Write",)),
            CRASHED,
            f"TransactionalIdAuthorizationFailed: {stage}-state-changelog-",
        )
        for stage in ("intake", "identity", "customers")
    ],
    ("intake", Acl("topic", "touchpoints.web", "literal", ("Read",)), CRASHED, "TopicAuthorizationFailedError: touch"),
]


@pytest.mark.parametrize(("stage", "right", "code", "reason"), MISSING, ids=lambda value: getattr(value, "name", ""))
def test_a_stage_without_one_of_its_rights_ends_and_names_it(
    guarded: GuardedStack, stage: str, right: Acl, code: int, reason: str
) -> None:
    assert any((acl.name, *right.operations) == (right.name, *kept(acl, right)) for acl in acls()[stage])
    guarded.forbid(stage, [right])
    try:
        ended = omnijourney(worker(guarded, stage).env, "worker", stage)
    finally:
        guarded.allow(stage, [right])
    assert ended.exit_code == code, ended.said
    last = ended.said.splitlines()[-1]
    assert reason in last
    assert f"let user {stage} describe it" in last or "`omnijourney acls` prints what this stage needs" in last
    assert guarded.password(stage) not in ended.said


def kept(acl: Acl, right: Acl) -> tuple[str, ...]:
    return tuple(name for name in acl.operations if name in right.operations)


def test_all_stages_run_with_these_rights_through_a_takeover_and_a_new_password(
    running: GuardedStack, records: list[dict[str, Any]], tmp_path: Path
) -> None:
    guarded = running
    # Others take partitions over, and the epochs with them; those that are killed come back and take theirs again.
    guarded.stack.add([worker(guarded, stage, "-other") for stage in ("intake", "customers")])
    # A new password, and a restart with it.
    guarded.admit("identity")
    guarded.stack.remove("identity")
    produce(guarded, tmp_path, records[EVENTS // 2 :])
    guarded.stack.add([worker(guarded, "identity")])
    for stage in ("intake", "customers"):
        os.kill(guarded.stack.pid(stage), signal.SIGKILL)
    wait_until_drained(guarded.user("monitor"), GROUPS, 90)
    with ClickHouse(guarded.addresses.clickhouse_url) as client:
        ((judged, stored),) = client.query(
            "SELECT (SELECT sum(records) FROM outcomes FINAL WHERE outcome != 'rerouted'), count()"
            " FROM touchpoints FINAL"
        )
    assert judged == len(records)
    assert stored > len(records) / 2
    verified = omnijourney(guarded.environment("monitor"), "verify")
    assert verified.exit_code == 0, verified.shown
    written = [*(guarded.stack.folder / "state" / "intake" / "intake").rglob("*")]
    assert len(written) > 5
    assert not any(path.stat().st_mode & 0o077 for path in written)
    for process in guarded.stack.status().processes:
        if process.name not in ("kafka", "clickhouse"):
            told = guarded.stack.log_file(process.name).read_text("utf-8")
            assert guarded.password(process.name.removesuffix("-other")) not in told


def test_who_repairs_replays_letters_where_it_serves(running: GuardedStack) -> None:
    mended = ("dead", "replay", "--reason", "invalid", "--set", "conversion.currency=EUR")
    done = omnijourney(running.environment("repairer"), *mended)
    assert "1 accepted: sent again" in done.shown, done


def test_who_repairs_makes_a_pipeline_beside_undoes_half_of_one_and_drops_it(running: GuardedStack) -> None:
    def replay(*arguments: str) -> Ended:
        return omnijourney({**running.environment("repairer"), **beside}, "replay", *arguments)

    beside = {f"{PREFIX}NAMESPACE": "next"}
    for user, granted in acls("next").items():
        running.allow(user, granted)
    # From now on, so that what lies there is left out, and the state begins with that.
    prepare = ("prepare", "--from", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}")
    lacking = [Acl("topic", "next.intake-state-changelog", "literal", ("Write",))]
    running.forbid("repairer", lacking)
    failed = replay(*prepare)
    assert (failed.exit_code, "next.intake-state-changelog" in failed.said) == (FAILED, True), failed
    assert replay("drop", "--yes").exit_code == 0
    running.allow("repairer", lacking)
    prepared = replay(*prepare)
    assert "reads 10 partitions" in prepared.shown, prepared
    assert re.search(r"[ ][1-9][0-9,]* records lie before", prepared.shown), prepared
    intake = worker(running, "intake", "-beside")
    running.stack.add([replace(intake, env={**intake.env, **beside, f"{PREFIX}INSTANCE_ID": ""})])
    running.stack.remove("intake-beside")
    assert "left out" in replay("compare").shown
    dropped = replay("drop", "--yes")
    assert "deleted 14 topics" in dropped.shown, dropped
