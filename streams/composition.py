"""What is made of what: stages with their rules and outputs, topics with their partitions, from the settings."""

from __future__ import annotations

from typing import Any, NoReturn

from sinks.migrate import require_migrated
from sinks.outputs import TableOutputs
from sinks.sink import Sink
from streams import topics as declared
from streams.config import PREFIX, Settings
from streams.domain.rules import Rules
from streams.runtime import logs, worker
from streams.runtime.folding import Folding
from streams.runtime.outputs import KafkaOutputs
from streams.runtime.worker import WorkerSettings
from streams.stages.customers import Customers
from streams.stages.intake import Intake, IntakeRules
from streams.stages.intake.judge import JudgeRules
from streams.topic_admin import Refused, diff

STAGES = ("intake", "customers", "sink")

SINK_INPUTS = (
    declared.ACTIVITY,
    declared.JOURNEYS,
    declared.SESSIONS,
    declared.ENGAGEMENT,
    declared.OUTCOMES,
    declared.DEAD,
    declared.LATE,
)

#: What stages fold their state from, and the settings of these topics that decide whether they can.
FOLDED = (*declared.TOUCHPOINTS, declared.ACTIVITY)
SAFETY = ("message.timestamp.type", "cleanup.policy", "retention.ms")

#: Consumer group -> topics that it reads; all of them drained is the pipeline drained.
GROUPS = {"intake": declared.TOUCHPOINTS, "customers": (declared.ACTIVITY,), "sink": SINK_INPUTS}


def topics(settings: Settings) -> tuple[declared.Topic, ...]:
    """Every topic with the partitions that ``settings`` ask for."""
    return declared.declared(settings.partitions, settings.customer_partitions)


def stitching_rules(settings: Settings) -> Rules:
    """The rules of sessions, journeys and credits."""
    return Rules(
        session_gap_ms=settings.session_gap_ms,
        journey_gap_ms=settings.journey_gap_ms,
        closing_conversions=settings.closing_conversions,
        lookback_ms=settings.lookback_ms,
        half_life_ms=settings.half_life_ms,
    )


def folding(name: str, settings: Settings) -> Folding[Any]:
    """The stage ``name`` with its rules, and where its outputs go."""
    if name == "sink":
        records = {topic.name: topic.records for topic in topics(settings) if topic.name in SINK_INPUTS}
        return Folding(Sink(records), TableOutputs(settings.clickhouse_url, settings.log_epoch))
    outputs = KafkaOutputs(settings.kafka_bootstrap)
    if name == "customers":
        return Folding(Customers(stitching_rules(settings), settings.log_epoch), outputs)
    judge = JudgeRules(settings.partitions, settings.lateness_budget_ms, settings.future_tolerance_ms)
    return Folding(Intake(IntakeRules(judge, settings.own_domains, settings.log_epoch)), outputs)


def run_worker(name: str, settings: Settings) -> NoReturn:
    """Run one worker of stage ``name``.

    What is wrong at the start ends it with a line for people; what goes away later is waited for. Raises
    BrokerUnreachable; Refused where the broker's topics are not as declared; for the sink Unreachable, Misconfigured,
    and MigrationError where tables are missing; CannotListen.
    """
    require_topics(settings)
    if name == "sink":
        require_migrated(settings.clickhouse_url)
    logs.configure(settings.log_level, name)
    worker.run(
        folding(name, settings),
        WorkerSettings(
            bootstrap=settings.kafka_bootstrap,
            batch_records=settings.batch_records,
            batch_wait_s=settings.batch_wait_ms / 1000,
            stop_deadline_s=settings.stop_deadline_s,
            http_host=settings.http_host,
            http_port=settings.http_port,
        ),
    )


def require_topics(settings: Settings) -> None:
    """Refused where a topic is missing, has other partitions (keys would be looked for on the wrong ones), or is set
    so that state folded from it would be wrong."""
    wanted = topics(settings)
    keyed = {topic.name for topic in wanted if topic.keyed}
    changes = diff(settings.kafka_bootstrap, wanted)
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
        raise Refused(f"no topic {', '.join(missing)}; run `omnijourney topics apply` first")
    # Receipt times must be the broker's, and what state is folded from must be whole.
    unsafe = [c.text for c in changes if c.kind == "config" and c.topic in FOLDED and c.setting in SAFETY]
    if unsafe:
        raise Refused(f"{'; '.join(unsafe)}: run `omnijourney topics apply` first")
