"""Every topic, declared once: key, records, partitions, how long it is kept.

`streams.topic_admin` applies the declarations to a broker; stages and the sink name their inputs and outputs from here.
Keys are UTF-8. The touchpoint topics and ``identity.assignments`` have the same number of partitions because one task
reads the same partition of all of them; so have ``customers.activity`` and what CUSTOMERS writes, because a customer's
rows stay on its partition. Who is who is decided on one partition, because any link may join any two customers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from streams.domain.rules import DAY_MS
from streams.domain.vocabulary import CHANNELS
from streams.runtime.changelog import changelog_of

#: What producers may send, and what is made of it: the record itself, wrapped.
SOURCE_MAX_BYTES = 1_048_588
DERIVED_MAX_BYTES = 4 * SOURCE_MAX_BYTES

#: How long changelogs tell what was deleted from a state.
DELETIONS_MS = 7 * DAY_MS

DEAD = "touchpoints.dead"
LATE = "touchpoints.late"
LINKS = "identity.links"
ASSIGNMENTS = "identity.assignments"
IDENTITY_CHANGES = "identity.changes"
ACTIVITY = "customers.activity"
JOURNEYS = "journeys"
SESSIONS = "sessions"
JOURNEY_CHANGES = "journey_changes"
ENGAGEMENT = "engagement"
OUTCOMES = "outcomes"
TOUCHPOINTS = tuple(f"touchpoints.{channel}" for channel in CHANNELS)

#: What each record of customers.activity says: of a touchpoint, or of touchpoints that move.
ACTIVITIES = ("resolved_touchpoint", "identifiers_moved", "hand_over_continued", "touchpoints_handed_over")

#: The key of every link: their order is the order in which who is who changes.
LINKS_KEY = b"links"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. ``key`` and ``records`` say what it holds; ``keyed``: its partitions must never become more.

    ``retention_ms`` None keeps the last record of every key. ``deletions_ms``: how long a compacted topic tells that a
    key was deleted; a copy of state that is older can't be brought up to date from it.
    """

    name: str
    key: str
    records: tuple[str, ...]
    partitions: int
    cleanup: str
    retention_ms: int | None = None
    keyed: bool = True
    max_bytes: int = DERIVED_MAX_BYTES
    deletions_ms: int | None = None

    @property
    def config(self) -> Mapping[str, str]:
        """The topic's settings on the broker, as strings. LogAppendTime is the trustworthy time of receipt."""
        return {
            "cleanup.policy": self.cleanup,
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": str(-1 if self.retention_ms is None else self.retention_ms),
            "max.message.bytes": str(self.max_bytes),
            **({} if self.deletions_ms is None else {"delete.retention.ms": str(self.deletions_ms)}),
        }


def physical(name: str, namespace: str) -> str:
    """What the topic or group declared as ``name`` is called on the broker: those that touchpoints are produced to are
    all pipelines' alike, every other bears the pipeline's ``namespace``, if it has one."""
    return f"{namespace}.{name}" if namespace and name not in TOUCHPOINTS else name


def logical(name: str, namespace: str) -> str:
    """The declared name of what is called ``name`` on the broker, as `physical` says."""
    return name.removeprefix(f"{namespace}.") if namespace else name


def touchpoint_topic(channel: str) -> str:
    """The topic that a channel's touchpoints are sent to."""
    return f"touchpoints.{channel}"


def channel_of(topic: str) -> str:
    """The channel of a touchpoint topic; ValueError for any other topic."""
    if topic not in TOUCHPOINTS:
        raise ValueError(f"topic: {topic!r} is no touchpoint topic, expected one of {', '.join(TOUCHPOINTS)}")
    return topic.removeprefix("touchpoints.")


def declared(source_partitions: int, customer_partitions: int) -> tuple[Topic, ...]:
    """All topics, with N partitions for what is keyed by identifier and M for what is keyed by customer."""
    n, m = source_partitions, customer_partitions
    origin = "source topic-partition-offset"
    sources = [
        Topic(t, "strongest identifier", ("touchpoint",), n, "delete", 7 * DAY_MS, max_bytes=SOURCE_MAX_BYTES)
        for t in TOUCHPOINTS
    ]
    return (
        *sources,
        Topic(DEAD, origin, ("dead_letter",), n, "delete", 30 * DAY_MS, keyed=False),
        Topic(LATE, origin, ("late_touchpoint",), n, "delete", 30 * DAY_MS, keyed=False),
        Topic(LINKS, LINKS_KEY.decode(), ("link", "correction"), 1, "delete", 7 * DAY_MS),
        Topic(ASSIGNMENTS, "identifier", ("assignment",), n, "compact"),
        Topic(
            IDENTITY_CHANGES,
            "customer, correction_id or pair",
            ("identity_change", "identity_violation"),
            1,
            "delete",
            30 * DAY_MS,
        ),
        Topic(ACTIVITY, "customer", ACTIVITIES, m, "delete", 7 * DAY_MS),
        Topic(JOURNEYS, "journey_id, on its customer's partition", ("journey",), m, "compact,delete", 7 * DAY_MS),
        Topic(SESSIONS, "session_id, on its customer's partition", ("session",), m, "compact,delete", 7 * DAY_MS),
        Topic(JOURNEY_CHANGES, "customer", ("journey_change",), m, "delete", 30 * DAY_MS),
        Topic(
            ENGAGEMENT,
            "channel, campaign, hour, currency, actor, source partition",
            ("engagement",),
            n,
            "compact,delete",
            7 * DAY_MS,
        ),
        Topic(OUTCOMES, "source topic-partition, outcome, reason", ("outcome",), n, "compact"),
        *(
            Topic(
                changelog_of(stage),
                "key of state",
                (),
                partitions,
                "compact",
                deletions_ms=DELETIONS_MS,
            )
            for stage, partitions in (("intake", n), ("identity", 1), ("customers", m))
        ),
    )


def describe(topics: tuple[Topic, ...]) -> str:
    """The topics as a Markdown table, as docs/topics.md has it."""
    lines = ["| topic | key | records | partitions | kept |", "|---|---|---|---|---|"]
    for topic in topics:
        days = "" if topic.retention_ms is None else f"{topic.retention_ms // DAY_MS} days"
        kept = " and ".join(part for part in ("compacted" if "compact" in topic.cleanup else "", days) if part)
        kept = kept or "everything"
        records = ", ".join(topic.records) or "state, in MessagePack"
        lines.append(f"| {topic.name} | {topic.key} | {records} | {topic.partitions} | {kept} |")
    return "\n".join(lines)
