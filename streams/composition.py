"""What is made of what: stages with their rules and outputs, topics with their partitions, from the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from sinks import metrics as sink_metrics
from sinks.migrate import require_migrated
from sinks.outputs import TableOutputs
from sinks.pipelines import require_writer
from sinks.sink import Sink
from streams import topics as declared
from streams.broker import remedy
from streams.config import PREFIX, Settings
from streams.domain.identity.limits import MOST, Limits
from streams.domain.rules import DAY_MS, Rules
from streams.runtime import logs
from streams.runtime.changelog import changelog_of
from streams.runtime.outputs import Outputs
from streams.runtime.stage import Stage
from streams.runtime.worker import Worker, WorkerSettings
from streams.stages import invariants
from streams.stages.customers import Customers
from streams.stages.customers import messages as customers_metrics
from streams.stages.identity import Identity, IdentityRules
from streams.stages.identity import measuring as identity_metrics
from streams.stages.intake import Intake, IntakeRules
from streams.stages.intake import metrics as intake_metrics
from streams.stages.intake.judge import JudgeRules
from streams.stages.namespaced import Namespaced
from streams.topic_admin import Refused, diff

STAGES = ("intake", "identity", "customers", "sink")

SINK_INPUTS = (
    declared.LINKS,
    declared.ASSIGNMENTS,
    declared.IDENTITY_CHANGES,
    declared.ACTIVITY,
    declared.JOURNEYS,
    declared.SESSIONS,
    declared.JOURNEY_CHANGES,
    declared.ENGAGEMENT,
    declared.OUTCOMES,
    declared.DEAD,
    declared.LATE,
)

#: Settings of topics without which rows would be wrong: receipt times must be the broker's, nothing that is folded may
#: be compacted away before, an assignment is for good, and a changelog must keep every key.
FOLDED = (*declared.TOUCHPOINTS, declared.LINKS, declared.ACTIVITY)
CHANGELOGS = tuple(changelog_of(stage) for stage in STAGES if stage != "sink")
SAFETY = {
    **dict.fromkeys(FOLDED, ("message.timestamp.type", "cleanup.policy")),
    declared.ASSIGNMENTS: ("cleanup.policy",),
    **dict.fromkeys(CHANGELOGS, ("cleanup.policy", "delete.retention.ms", "max.message.bytes")),
}
#: How long a worker may be silent before its partitions move.
SESSION_S = 10.0
FETCH_BYTES = 1 << 20
#: Each insert makes a part of a table, and ClickHouse merges only so many a second.
SINK_REST_S = 0.1
MIB = 1 << 20

#: What each stage measures by itself.
REGISTRIES = {
    "intake": (intake_metrics.REGISTRY, invariants.REGISTRY),
    "identity": (identity_metrics.REGISTRY, invariants.REGISTRY),
    "customers": (customers_metrics.REGISTRY, invariants.REGISTRY),
    "sink": (sink_metrics.REGISTRY,),
}

#: Consumer group -> topics that it reads, as declared; all of them drained is the pipeline drained.
GROUPS = {
    "intake": Intake.inputs,
    "identity": Identity.inputs,
    "customers": Customers.inputs,
    "sink": SINK_INPUTS,
}
#: Stage -> topics that it writes, besides its changelog; INTAKE sends on what belongs on another partition.
OUTPUTS: Mapping[str, tuple[str, ...]] = {
    "intake": (
        *declared.TOUCHPOINTS,
        declared.DEAD,
        declared.LATE,
        declared.LINKS,
        declared.ACTIVITY,
        declared.ENGAGEMENT,
        declared.OUTCOMES,
    ),
    "identity": (declared.DEAD, declared.ASSIGNMENTS, declared.IDENTITY_CHANGES, declared.ACTIVITY),
    "customers": (declared.DEAD, declared.ACTIVITY, declared.JOURNEYS, declared.SESSIONS, declared.JOURNEY_CHANGES),
    "sink": (),
}


def topics(settings: Settings) -> tuple[declared.Topic, ...]:
    """Every topic with the partitions and the namespace that ``settings`` ask for."""
    wanted = declared.declared(settings.partitions, settings.customer_partitions)
    return tuple(replace(topic, name=declared.physical(topic.name, settings.namespace)) for topic in wanted)


def groups(settings: Settings) -> Mapping[str, Sequence[str]]:
    """`GROUPS` as they are called in the namespace of ``settings``."""
    name, within = declared.physical, settings.namespace
    return {name(group, within): [name(topic, within) for topic in read] for group, read in GROUPS.items()}


def sink_records(settings: Settings) -> Mapping[str, Sequence[str]]:
    """The kinds of record on each topic that the sink reads, by its declared name."""
    wanted = declared.declared(settings.partitions, settings.customer_partitions)
    return {topic.name: topic.records for topic in wanted if topic.name in SINK_INPUTS}


def stitching_rules(settings: Settings) -> Rules:
    """The rules of sessions, journeys and credits."""
    return Rules(
        session_gap_ms=settings.session_gap_ms,
        journey_gap_ms=settings.journey_gap_ms,
        closing_conversions=settings.closing_conversions,
        lookback_ms=settings.lookback_ms,
        half_life_ms=settings.half_life_ms,
    )


def identity_limits(settings: Settings) -> Limits:
    """The limits of who may be one customer."""
    return Limits(
        namespaces={**MOST, **settings.identity_limits},
        identifiers=settings.most_identifiers,
        shared_after=settings.shared_after,
        island_links=settings.island_links,
    )


def make_stage(name: str, settings: Settings) -> tuple[Stage[Any], Outputs | None]:
    """The stage ``name`` with its rules, in its namespace; with it its outputs, where they are not Kafka topics."""
    stage, outputs = _make_stage(name, settings)
    if settings.serves and not settings.namespace:
        return stage, outputs
    return Namespaced(stage, settings.namespace, settings.serves), outputs


def _make_stage(name: str, settings: Settings) -> tuple[Stage[Any], Outputs | None]:
    if name == "sink":
        return Sink(sink_records(settings)), TableOutputs(settings.clickhouse_url, settings.log_epoch)
    if name == "customers":
        return Customers(stitching_rules(settings), settings.log_epoch), None
    if name == "identity":
        rules = IdentityRules(
            limits=identity_limits(settings),
            epoch=settings.log_epoch,
            piece=settings.handover_piece,
            future_tolerance_ms=settings.future_tolerance_ms,
        )
        return Identity(rules), None
    judge = JudgeRules(settings.partitions, settings.lateness_budget_ms, settings.future_tolerance_ms)
    return Intake(IntakeRules(judge, settings.own_domains, settings.log_epoch)), None


def worker_settings(name: str, settings: Settings) -> WorkerSettings:
    """What the worker of stage ``name`` runs with."""
    partitions = {"identity": 1, "customers": settings.customer_partitions}.get(name, settings.partitions)
    return WorkerSettings(
        kafka=settings.kafka,
        partitions=partitions,
        instance=settings.instance_id,
        folder=Path(settings.state_dir),
        # A day less than changelogs tell deletions, for clocks and for the time that recovery takes.
        trusted_for_s=(declared.DELETIONS_MS - DAY_MS) / 1000,
        in_flight_bytes=settings.in_flight_mb * MIB,
        fetch_bytes=FETCH_BYTES,
        cache_bytes=settings.cache_mb * MIB,
        disk_bytes=settings.rocksdb_mb * MIB,
        rest_s=SINK_REST_S if name == "sink" else 0.0,
        session_s=SESSION_S,
        stop_deadline_s=settings.stop_deadline_s,
        http_host=settings.http_host,
        http_port=settings.http_port,
        log_epoch=settings.log_epoch,
    )


def run_worker(name: str, settings: Settings) -> NoReturn:
    """Run one worker of stage ``name``.

    What is wrong at the start ends it with a line for people; what goes away later is waited for. Raises
    BrokerUnreachable; Refused where the broker's topics are not as declared; for the sink Unreachable, Misconfigured,
    and MigrationError where tables are missing; StateInUse; CannotListen.
    """
    require_topics(name, settings)
    if name == "sink":
        require_migrated(settings.clickhouse_url)
        require_writer(settings.clickhouse_url, settings.namespace, settings.live_namespace)
    logs.configure(settings.log_level, name)
    stage, outputs = make_stage(name, settings)
    Worker(stage, outputs, worker_settings(name, settings), REGISTRIES[name]).run()


def require_topics(name: str, settings: Settings) -> None:
    """Refused where a topic of stage ``name`` is missing, has other partitions (keys would be looked for on the wrong
    ones), or is set so that state folded from it would be wrong."""
    touched = (*GROUPS[name], *OUTPUTS[name], changelog_of(name))
    used = {declared.physical(topic, settings.namespace) for topic in touched}
    wanted = [topic for topic in topics(settings) if topic.name in used]
    keyed = {topic.name for topic in wanted if topic.keyed}
    changes = diff(settings.kafka, wanted)
    missing = [change.topic for change in changes if change.kind == "create"]
    moved: dict[tuple[str, str], list[str]] = {}
    for change in changes:
        if change.kind == "partitions" and change.topic in keyed:
            moved.setdefault((change.found, change.wanted), []).append(change.topic)
    if moved:
        told = (f"{', '.join(names)} with {found} partitions, declared are {n}" for (found, n), names in moved.items())
        raise Refused(
            f"keys would be looked for on the wrong partitions: found {'; '.join(told)};"
            f" set {PREFIX}PARTITIONS and {PREFIX}CUSTOMER_PARTITIONS to what the topics have, or make them anew"
        )
    if missing:
        raise Refused(f"no topic {', '.join(missing)}; {remedy(settings.kafka)}")

    def safety(topic: str) -> Sequence[str]:
        return SAFETY.get(declared.logical(topic, settings.namespace), ())

    unsafe = [c.text for c in changes if c.kind == "config" and c.setting in safety(c.topic)]
    if unsafe:
        raise Refused(f"{'; '.join(unsafe)}: {remedy(settings.kafka)}")
