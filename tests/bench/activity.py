"""customers.activity as INTAKE and IDENTITY write it, made before the clock starts.

    sample touchpoints --INTAKE--> resolved touchpoints -----------+--> customers.activity
                          |   ^                                    |
                    links |   | assignments, a turn later          |
                          v   |                                    |
                        IDENTITY --> identifiers moved ------------+

The stages themselves are run, over states in memory. What a turn brings is resolved with what IDENTITY knew before it,
so some touchpoints come to a customer whom their identifier has left, as they do under load.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

sys.path.insert(0, str(Path(__file__).parents[2]))

from contenders.task import PARTITIONS
from prepared import Prepared

from schemas.columns import decode_columns
from schemas.pieces import header
from streams import composition, config, topics
from streams.domain.touchpoint import is_journey_forming
from streams.producing.produce import prepare
from streams.producing.rows import Message, Row
from streams.runtime.partitioner import partition_of
from streams.runtime.stage import PlainRecord, Records, Stage
from streams.sample import generate
from tests.unit.builders import Collected, MemoryState, Sent

EVENTS_PER_CUSTOMER = 40
#: Of the touchpoints, those with identifiers that have not stood together before.
LINKING = 0.05
#: Touchpoints that INTAKE takes until it hears what IDENTITY makes of the first: about 0.2 s under full load.
TURN = 2_000
RESOLVED = header("resolved_touchpoint")


class Activity(NamedTuple):
    """``records`` of the topic; ``plain``: the touchpoints among them in JSON, with who INTAKE took them for as key.

    ``kept``: how many touchpoints journeys and sessions have in the end, each counted once.
    """

    records: list[Prepared]
    plain: list[Prepared]
    forming: int
    kept: int

    @property
    def told(self) -> str:
        """What the touchpoints are, for people."""
        sent = len(self.plain)
        return (
            f"{sent:,} touchpoints, {self.forming / sent:.0%} of them journey-forming, {LINKING:.0%} with new links;"
            f" {len(self.records) - sent:,} moves of identifiers"
        )


def make_activity(count: int, plain_topic: str) -> Activity:
    """What ``count`` sample touchpoints become, some 40 a customer; ``plain_topic`` is where they go in JSON."""
    touchpoints = islice(_linking(generate(max(50, count // EVENTS_PER_CUSTOMER), 28, 1)), count)
    company = _Company()
    while turn := [*islice(touchpoints, TURN)]:
        company.take(turn)
    sent = company.activity
    resolved = [one for one in sent if one.value.startswith(RESOLVED)]
    records = [Prepared(one.topic, partition_of(one.key, PARTITIONS), one.key, one.value) for one in sent]
    plain = [*_plain(resolved)]
    places = {_place(one): one["forms_journey"] for one in plain}  # what is sent again was raised
    return Activity(
        records,
        [
            Prepared(plain_topic, partition_of(one.key, PARTITIONS), one.key, orjson.dumps(fields))
            for one, fields in zip(resolved, plain, strict=True)
        ],
        sum(one["forms_journey"] for one in plain),
        sum(places.values()),
    )


def _linking(touchpoints: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """``touchpoints``, where needed with one more identifier, so that a share of `LINKING` has new links."""
    known: set[tuple[str, ...]] = set()
    linking = 0
    for number, touchpoint in enumerate(touchpoints, 1):
        identifiers = touchpoint["identifiers"]
        if len(identifiers) == 1 and linking < LINKING * number:
            identifiers = [*identifiers, {"namespace": "click_id", "value": f"bench-{number}"}]
        texts = tuple(one["value"] for one in identifiers)
        linking += len(texts) > 1 and texts not in known
        known.add(texts)
        yield {**touchpoint, "identifiers": identifiers}


class _Company:
    """INTAKE on all partitions, and IDENTITY. ``activity``: what both sent to customers."""

    def __init__(self) -> None:
        settings = config.read({config.PREFIX + "PARTITIONS": str(PARTITIONS)})
        self._intake, _ = composition.make_stage("intake", settings)
        self._identity, _ = composition.make_stage("identity", settings)
        self._states = [MemoryState(number) for number in range(PARTITIONS)]
        self._graph = MemoryState(0)
        self._ends: dict[tuple[str, int], int] = defaultdict(int)
        self._now = int(time.time() * 1000)
        self.activity: list[Sent] = []

    def take(self, touchpoints: Iterable[dict[str, Any]]) -> None:
        """INTAKE takes ``touchpoints``, IDENTITY what follows, and INTAKE hears of that."""
        came = [self._message(touchpoint) for touchpoint in touchpoints]
        sent = self._fold(self._intake, [(topics.touchpoint_topic(m.channel), m.key or b"", m.value) for m in came])
        links = [(one.topic, one.key, one.value) for one in sent if one.topic == topics.LINKS]
        told = self._fold(self._identity, links)
        self._fold(self._intake, [(one.topic, one.key, one.value) for one in told if one.topic == topics.ASSIGNMENTS])
        self.activity += (one for one in (*sent, *told) if one.topic == topics.ACTIVITY)

    @staticmethod
    def _message(touchpoint: dict[str, Any]) -> Message:
        message = prepare(Row("sample", 0, b"", touchpoint))
        assert isinstance(message, Message)
        return message

    def _fold(self, stage: Stage[Any], sent: Iterable[tuple[str, bytes, bytes]]) -> list[Sent]:
        """What ``stage`` makes of what was sent, log by log."""
        logs: dict[tuple[str, int], list[PlainRecord]] = defaultdict(list)
        for topic, key, value in sent:
            log = topic, 0 if topic == topics.LINKS else partition_of(key, PARTITIONS)
            logs[log].append(PlainRecord(self._ends[log], self._now, key, value))
            self._ends[log] += 1
        out = Collected()
        for (topic, partition), records in logs.items():
            state = self._graph if stage is self._identity else self._states[partition]
            stage.fold(Records(topic, partition, records), state, out)
        return out.sent


def _plain(resolved: list[Sent]) -> Iterator[dict[str, Any]]:
    """The touchpoints in ``resolved`` as far as a session needs them, and what tells one from another."""
    judged = decode_columns([one.value for one in resolved], "resolved_touchpoint")
    sent = decode_columns(judged.column("touchpoint"), "touchpoint")
    names = ("occurred_at", "event_id", "channel", "action")
    via = map(":".join, zip(judged.column("via.namespace"), judged.column("via.value"), strict=True))
    forming = map(is_journey_forming, judged.column("direction"), judged.column("actor"))
    for *happened, text, forms in zip(*map(sent.column, names), via, forming, strict=True):
        yield {**dict(zip(names, happened, strict=True)), "via": text, "forms_journey": forms}


def _place(plain: dict[str, Any]) -> tuple[str, str, str]:
    return plain["channel"], plain["via"], plain["event_id"]
