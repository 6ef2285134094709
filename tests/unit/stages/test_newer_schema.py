"""A record that a newer release wrote stops a stage: left out, or among the dead letters, it would be lost."""

from typing import Any

import pytest

from schemas.codec import MARKER, encode
from sinks.sink import Sink
from streams import topics
from streams.runtime.failures import NewerSchema
from streams.runtime.stage import PlainRecord, Records
from streams.stages.customers.messages import messages
from streams.stages.identity.reading import read
from streams.stages.intake.assignments import keep
from tests.unit.sinks.plain_records import bare

NEWER = MARKER + bytes(range(8)) + b"body"
RESOLVED = {"to": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "actor": "human", "direction": "inbound"}


def records(topic: str, *values: bytes) -> Records:
    return Records(topic, 3, [PlainRecord(offset, 0, b"", value) for offset, value in enumerate(values)])


def wrapped(touchpoint: bytes) -> bytes:
    return encode("resolved_touchpoint", bare("resolved_touchpoint", **RESOLVED, touchpoint=touchpoint))


def sink(topic: str) -> Any:
    kinds = {topic.name: topic.records for topic in topics.declared(1, 1)}
    return lambda batch: Sink({topic: kinds[topic]}).fold(batch, None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stage", "topic", "value"),
    [
        (lambda batch: [*messages(batch)], topics.ACTIVITY, NEWER),
        (lambda batch: [*messages(batch)], topics.ACTIVITY, wrapped(NEWER)),
        (lambda batch: [*read(batch, 0)], topics.LINKS, NEWER),
        (lambda batch: keep(batch, None), topics.ASSIGNMENTS, NEWER),  # type: ignore[arg-type]
        (sink(topics.JOURNEYS), topics.JOURNEYS, NEWER),
        (sink(topics.ACTIVITY), topics.ACTIVITY, wrapped(NEWER)),
    ],
)
def test_a_stage_stops_at_a_schema_that_it_does_not_know(stage: Any, topic: str, value: bytes) -> None:
    told = rf"^{topic}-3 at offset 1: unknown schema fingerprint 0001020304050607; a newer release wrote it"
    with pytest.raises(NewerSchema, match=told):
        stage(records(topic, wrapped(b"foreign") if topic == topics.ACTIVITY else b"foreign", value))


def test_bytes_that_are_of_no_schema_at_all_stop_nobody() -> None:
    assert [*messages(records(topics.ACTIVITY, b"foreign", wrapped(b"foreign")))] == []
    keep(records(topics.ASSIGNMENTS, b"foreign"), None)  # type: ignore[arg-type]
