"""Whether nothing was lost and nothing counted twice: what lies on Kafka, judged once more, against the tables.

    flow, confirmed  <=  on the topics  ==>  accepted, duplicate, late, dead  ==  outcomes, touchpoints, dead letters
                                                                               ==  what `omnijourney verify` computes

The topics are read back and each record judged by the domain's rules in the order of its partition, so a record that a
producer sent twice after a lost answer is a duplicate here as there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from deploy.local.fetch import project_root
from schemas.codec import Undecodable, decode
from sinks.clickhouse import ClickHouse
from streams.domain.identifiers import clean
from streams.domain.lateness import advance, late_by
from streams.domain.validation import check, check_identifiers
from streams.domain.vocabulary import CHANNELS
from streams.local import LocalPipeline
from streams.topics import TOUCHPOINTS, channel_of

VERIFY_S = 300

Outcomes = Counter[tuple[str, str, str]]


class Read(NamedTuple):
    """A record as it lies on its topic."""

    topic: str
    partition: int
    offset: int
    value: bytes


@dataclass
class Expected:
    """What must come of the topics: ``outcomes`` by (channel, outcome, reason), accepted by (channel, via, event_id),
    ``values`` and how often they lie there; ``dead`` ones with their channel."""

    outcomes: Outcomes = field(default_factory=Counter)
    accepted: set[tuple[str, str, str]] = field(default_factory=set)
    values: Counter[bytes] = field(default_factory=Counter)
    dead: Counter[tuple[str, bytes]] = field(default_factory=Counter)


class Verdict(NamedTuple):
    """``lost``: confirmed to the producer and not on the topics, or on them and in no outcome, or accepted and no
    touchpoint; ``twice``: more outcomes than records, or touchpoints that nobody sent. ``verify`` is its last line."""

    read: int
    outcomes: dict[str, int]
    lost: int
    twice: int
    wrong: tuple[str, ...]
    verify: str
    verified: bool

    @property
    def clean(self) -> bool:
        return not (self.lost or self.twice or self.wrong) and self.verified


class Found(NamedTuple):
    """What the tables have: touchpoints by (channel, via, event_id), dead letters by channel and bytes."""

    outcomes: Outcomes
    touchpoints: set[tuple[str, str, str]]
    dead: Counter[tuple[str, bytes]]
    late: int


def judge(pipeline: LocalPipeline, confirmed: Counter[bytes]) -> Verdict:
    """All that was produced against all tables; the pipeline is drained."""
    settings = pipeline.settings
    expected = expect(read_topics(settings.kafka_bootstrap), settings.lateness_budget_ms)
    with ClickHouse(settings.clickhouse_url) as client:
        found = read_tables(client)
    said, verified = verify(pipeline)
    return compare(confirmed, expected, found)._replace(verify=said, verified=verified)


def read_tables(client: ClickHouse) -> Found:
    """All that is compared."""
    rows = client.query("SELECT channel, outcome, reason, sum(records) FROM outcomes FINAL GROUP BY ALL")
    letters = client.query("SELECT channel, hex(original) FROM dead_letters FINAL")
    ((late,),) = client.query("SELECT count() FROM late_touchpoints FINAL")
    return Found(
        Counter({(channel, outcome, reason): records for channel, outcome, reason, records in rows}),
        set(client.query("SELECT channel, via, event_id FROM touchpoints FINAL")),
        Counter((channel, bytes.fromhex(original)) for channel, original in letters),
        late,
    )


def compare(confirmed: Counter[bytes], expected: Expected, found: Found) -> Verdict:
    """What Kafka confirmed, what lies on the topics and the tables, each against the next; not yet verified."""
    wrong = [*_differing(expected.outcomes, found.outcomes)]
    if found.dead != expected.dead:
        missing, foreign = (expected.dead - found.dead).total(), (found.dead - expected.dead).total()
        wrong.append(f"{missing} dead letters are not kept with their bytes, {foreign} are of nothing that was sent")
    late = sum(n for (_, outcome, _), n in expected.outcomes.items() if outcome == "late")
    if found.late != late:
        wrong.append(f"{found.late} late touchpoints kept, expected {late}")
    surplus = [_of(found.outcomes, channel) - _of(expected.outcomes, channel) for channel in CHANNELS]
    return Verdict(
        read=expected.values.total(),
        outcomes=dict(_by_outcome(found.outcomes)),
        lost=(confirmed - expected.values).total()
        + sum(-n for n in surplus if n < 0)
        + len(expected.accepted - found.touchpoints),
        twice=sum(n for n in surplus if n > 0) + len(found.touchpoints - expected.accepted),
        wrong=tuple(wrong),
        verify="",
        verified=False,
    )


def read_topics(bootstrap: str) -> Iterator[Read]:
    """All records of the touchpoint topics, each partition's in order."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, max_partition_fetch_bytes=8 << 20)
    try:
        logs = [TopicPartition(topic, n) for topic in TOUCHPOINTS for n in consumer.partitions_for_topic(topic)]
        consumer.assign(logs)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(logs)
        while any(consumer.position(log) < end for log, end in ends.items()):
            for log, records in consumer.poll(timeout_ms=1000, max_records=50_000).items():
                yield from (Read(log.topic, log.partition, record.offset, record.value or b"") for record in records)
    finally:
        consumer.close()


def expect(records: Iterable[Read], budget_ms: int) -> Expected:
    """What must come of ``records``."""
    expected = Expected()
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}
    watermarks: dict[tuple[str, int], int] = {}
    for one in records:
        expected.values[one.value] += 1
        at = (one.topic, one.partition)
        channel = channel_of(one.topic)
        outcome, reason, touchpoint = _judge(one, channel, seen, watermarks.get(at), budget_ms)
        expected.outcomes[channel, outcome, reason] += 1
        if outcome == "dead":
            expected.dead[channel, one.value] += 1
        if outcome in ("accepted", "late"):
            watermarks[at] = advance(watermarks.get(at), touchpoint["occurred_at"])
        if outcome == "accepted":
            identity = (channel, clean(touchpoint["identifiers"])[0].text, touchpoint["event_id"])
            seen[identity] = touchpoint
            expected.accepted.add(identity)
    return expected


def _judge(
    one: Read, channel: str, seen: dict[tuple[str, str, str], dict[str, Any]], watermark: int | None, budget_ms: int
) -> tuple[str, str, dict[str, Any]]:
    try:
        name, record = decode(one.value)
    except Undecodable:
        return "dead", "undecodable", {}
    if name != "touchpoint":
        return "dead", "undecodable", {}
    names = clean(record["identifiers"])
    rejection = check(record, channel) or check_identifiers(record, names)
    if rejection is not None:
        return "dead", rejection.reason, record
    first = seen.get((channel, names[0].text, record["event_id"]))
    if first is not None:
        return ("duplicate", "", record) if first == record else ("dead", "conflicting_duplicate", record)
    late = late_by(record["occurred_at"], watermark, budget_ms, backfill=record["backfill"])
    return ("late", "", record) if late else ("accepted", "", record)


def verify(pipeline: LocalPipeline) -> tuple[str, bool]:
    """The last line of `omnijourney verify` over all customers, and whether nothing differs."""
    ended = subprocess.run(
        [sys.executable, "-m", "streams.cli", "verify"],
        cwd=project_root(),
        env={**os.environ, **pipeline.variables},
        capture_output=True,
        text=True,
        timeout=VERIFY_S,
        check=False,
    )
    lines = (ended.stdout.strip() or ended.stderr.strip() or "nothing").splitlines()
    said = lines[-1] if ended.returncode == 0 else "; ".join(line.strip() for line in lines[-12:])
    return said, ended.returncode == 0


def _differing(expected: Outcomes, found: Outcomes) -> Iterator[str]:
    for key in sorted(expected | found):
        if expected[key] != found[key]:
            yield f"{' '.join(filter(None, key))}: {found[key]} outcomes, expected {expected[key]}"


def _of(outcomes: Outcomes, channel: str) -> int:
    return sum(n for key, n in outcomes.items() if key[0] == channel)


def _by_outcome(outcomes: Outcomes) -> Counter[str]:
    by: Counter[str] = Counter()
    for (_, outcome, _), records in outcomes.items():
        by[outcome] += records
    return by
