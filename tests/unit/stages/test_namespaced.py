"""Stages of another pipeline: the same rows under other names, and never a word to what serves."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.codec import encode
from streams import composition, topics
from streams.config import Settings
from streams.domain.identifiers import Identifier
from streams.runtime.changelog import changelog_of
from streams.runtime.stage import PlainRecord, Records
from streams.stages.intake import Intake, IntakeRules
from streams.stages.intake.judge import JudgeRules
from streams.stages.namespaced import Namespaced
from tests.unit.builders import DAY, MINUTE, NOON, Collected, MemoryState, cookie_on, touchpoint_record

PARTITIONS, HERE, ELSEWHERE = 4, 1, 2
WEB = "touchpoints.web"
STAGE = Intake(IntakeRules(JudgeRules(PARTITIONS, 3 * DAY, 10 * MINUTE), frozenset(), epoch=0))


def take(stage: Any, *values: bytes, topic: str = WEB) -> Collected:
    """What ``stage`` sends for ``values`` on our partition of ``topic``."""
    out, view = Collected(), MemoryState(HERE)
    records = Records(topic, HERE, [PlainRecord(at, NOON, b"", value) for at, value in enumerate(values)])
    stage.fold(records, view, out)
    stage.emit(view.take_changed(), view, out)
    return out


def touchpoint_of(via: Identifier, **fields: Any) -> bytes:
    return encode("touchpoint", touchpoint_record(**{"identifiers": [via._asdict()]} | fields))


HOME = touchpoint_of(cookie_on(HERE, PARTITIONS, "anna"))
ASTRAY = touchpoint_of(cookie_on(ELSEWHERE, PARTITIONS, "carl"))


@pytest.mark.parametrize("namespace", ["next", ""])
def test_what_came_to_a_wrong_partition_is_counted_and_never_written_to_the_shared_topics(namespace: str) -> None:
    """As the pipeline that serves has done it already; whichever of the two that is."""
    beside = take(Namespaced(STAGE, namespace, serves=False), HOME, ASTRAY, b"garbage")
    assert {s.topic for s in beside.sent}.isdisjoint(topics.TOUCHPOINTS)
    serving = take(STAGE, HOME, ASTRAY, b"garbage")
    assert [s.topic for s in serving.sent if s.topic in topics.TOUCHPOINTS] == [WEB]
    renamed = [s._replace(topic=topics.logical(s.topic, namespace)) for s in beside.sent]
    assert renamed == [s for s in serving.sent if s.topic not in topics.TOUCHPOINTS]


def test_the_pipeline_that_serves_re_sends_by_whatever_name() -> None:
    sent = take(Namespaced(STAGE, "next", serves=True), ASTRAY).sent
    assert [s.topic for s in sent] == [WEB, "next.outcomes"]


def test_dead_letters_name_topics_as_they_are_declared() -> None:
    """So that rows of two pipelines can be compared, and a letter be sent again."""
    stage = Namespaced(STAGE, "next", serves=False)
    out, view = Collected(), MemoryState(HERE)
    stage.bury(Records("next.identity.assignments", HERE, [PlainRecord(7, NOON, b"", b"odd")]), "raised", view, out)
    (letter,) = out.sent
    assert (letter.topic, letter.key) == ("next.touchpoints.dead", b"identity.assignments-1-7")


def test_everything_of_a_pipeline_bears_its_name_but_what_all_read() -> None:
    settings = Settings(namespace="next")
    names = {topic.name for topic in composition.topics(settings)}
    assert {name for name in names if not name.startswith("next.")} == {*topics.TOUCHPOINTS}
    for name in composition.STAGES:
        stage, _ = composition.make_stage(name, settings)
        assert stage.name == f"next.{name}"
        assert {*stage.inputs} <= names
        assert {*stage.inputs} == {*composition.groups(settings)[stage.name]}
        assert stage.layout is None or changelog_of(stage.name) in names


def test_without_a_name_nothing_is_another() -> None:
    stage, _ = composition.make_stage("intake", Settings())
    assert isinstance(stage, Intake)
    assert composition.groups(Settings()) == {group: [*read] for group, read in composition.GROUPS.items()}
