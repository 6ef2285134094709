"""The dashboard of who runs it: is it fine, and where not, which stage is it?"""

from __future__ import annotations

from deploy.grafana.layout import ORANGE, PROMETHEUS, RED, Dashboard, Metric, Panel, Row, choice

_STAGE = 'stage=~"$stage"'
_RATE = "[$__rate_interval]"


def _quantile(q: float, metric: str, by: str, where: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({q}, sum by ({labels}) (rate({metric}_bucket{where}{_RATE})))"


def _stat(
    title: str, description: str, unit: str, expression: str, *steps: tuple[float, str], decimals: int | None = None
) -> Panel:
    asks = (Metric(expression, title),)
    return Panel(title, description, "stat", unit, asks, width=3, height=4, steps=steps, decimals=decimals)


FINE = Row(
    "Is it fine?",
    (
        _stat(
            "Alerts",
            "Alerts that fire now, without the heartbeat. The runbook has a section for each.",
            "none",
            'count(ALERTS{alertstate="firing", severity=~"page|ticket"}) or vector(0)',
            (1, RED),
        ),
        _stat(
            "Freshness, median",
            "From when a touchpoint happened to when ClickHouse shows it; half are quicker. Without backfill.",
            "s",
            _quantile(0.5, "journey_freshness_seconds", ""),
            (30, ORANGE),
            (120, RED),
        ),
        _stat(
            "Freshness, p99",
            "The same; 99 of 100 are quicker. Promised are 2 minutes for what arrives within one.",
            "s",
            _quantile(0.99, "journey_freshness_seconds", ""),
            (60, ORANGE),
            (120, RED),
        ),
        _stat(
            "Not accounted for",
            "Records that INTAKE has read and not judged, of all time. Always 0.",
            "short",
            "sum(abs(journey_completeness_difference_records))",
            (1, RED),
        ),
        _stat(
            "Waiting",
            "Records that wait for all stages together, as the broker has it.",
            "short",
            "sum(stage:journey_group_lag_records:sum)",
        ),
        _stat(
            "Work waiting",
            "How long the stage that is furthest behind has work, at the pace of the last minutes.",
            "s",
            "max(stage:journey_group_lag_records:drain_seconds >= 0) or vector(0)",
            (60, ORANGE),
            (600, RED),
        ),
        _stat(
            "Touchpoints",
            "Records that INTAKE reads, all channels and outcomes.",
            "cps",
            f"sum(rate(journey_touchpoints_total{_RATE}))",
        ),
        _stat(
            "Verified",
            "How long ago `omnijourney verify` compared all tables with what the touchpoints give.",
            "s",
            "time() - max(journey_verify_last_run_timestamp_seconds)",
            (100_000, RED),
        ),
    ),
)

ALERTS = Row(
    "Alerts and workers",
    (
        Panel(
            "Alerts over time",
            "When which alert fired; the heartbeat always does.",
            "state-timeline",
            "none",
            (
                Metric(
                    'max by (alertname, stage, channel) (ALERTS{alertstate="firing"})',
                    "{{alertname}} {{stage}} {{channel}}",
                ),
            ),
            width=16,
            steps=((1, RED),),
        ),
        Panel(
            "Workers in their groups",
            "Members of each consumer group, as the broker has it. 0: nobody reads.",
            "timeseries",
            "none",
            (Metric("sum by (group) (journey_group_members)", "{{group}}"),),
        ),
    ),
)

FRESHNESS = Row(
    "Freshness",
    (
        Panel(
            "Freshness by channel, p99",
            "From when a touchpoint happened to when ClickHouse shows it.",
            "timeseries",
            "s",
            (Metric(_quantile(0.99, "journey_freshness_seconds", "channel"), "{{channel}}"),),
            steps=((120, RED),),
        ),
        Panel(
            "On the way to us, p99",
            "From when a touchpoint happened to when Kafka received it: what sources take, which is not ours.",
            "timeseries",
            "s",
            (Metric(_quantile(0.99, "journey_event_time_lag_seconds", "channel"), "{{channel}}"),),
        ),
        Panel(
            "In time",
            "Of what a channel sent: the share received within a minute, and the share visible within two. The"
            " alert looks at the difference.",
            "timeseries",
            "percentunit",
            (
                Metric("channel:journey_event_time_lag_seconds:within_60s_10m", "{{channel}} received"),
                Metric("channel:journey_freshness_seconds:within_120s_10m", "{{channel}} visible"),
            ),
        ),
    ),
)

LAG = Row(
    "Flow by stage",
    (
        Panel(
            "Waiting by stage",
            "Records that wait for each stage, as the broker has it, also where no worker runs.",
            "timeseries",
            "short",
            (Metric("stage:journey_group_lag_records:sum", "{{stage}}"),),
        ),
        Panel(
            "Folded by stage",
            "Records that each stage folds.",
            "timeseries",
            "cps",
            (Metric(f"sum by (stage) (rate(journey_stage_records_total{{{_STAGE}}}{_RATE}))", "{{stage}}"),),
        ),
        Panel(
            "Latency of batches, p99",
            "From a record's receipt by the broker to the end of its batch, by stage.",
            "timeseries",
            "s",
            (Metric(_quantile(0.99, "journey_stage_latency_seconds", "stage", f"{{{_STAGE}}}"), "{{stage}}"),),
        ),
        Panel(
            "Where most waits",
            "The ten partitions with most records that wait.",
            "bargauge",
            "short",
            (Metric("topk(10, journey_group_lag_records)", "{{group}} {{topic}}-{{partition}}", now=True),),
        ),
        Panel(
            "Where time goes",
            "Seconds a second that each stage spends in each phase. Near the number of its partitions it is at its"
            " limit.",
            "timeseries",
            "percentunit",
            (
                Metric(
                    "sum by (stage, phase)"
                    f' (rate(journey_stage_phase_seconds_total{{{_STAGE}, phase!="wait"}}{_RATE}))',
                    "{{stage}} {{phase}}",
                ),
            ),
            stacked=True,
        ),
        Panel(
            "Assignments and dropped batches",
            "How often partitions moved, and batches that were dropped because of it, in 15 minutes.",
            "timeseries",
            "short",
            (
                Metric(
                    f"max by (stage) (increase(journey_stage_rebalances_total{{{_STAGE}}}[15m]))", "{{stage}} assigned"
                ),
                Metric(
                    f"sum by (stage) (increase(journey_stage_superseded_total{{{_STAGE}}}[15m]))", "{{stage}} dropped"
                ),
            ),
        ),
    ),
)

INTAKE = Row(
    "Intake",
    (
        Panel(
            "Touchpoints by channel",
            "Records that INTAKE reads.",
            "timeseries",
            "cps",
            (Metric(f"sum by (channel) (rate(journey_touchpoints_total{_RATE}))", "{{channel}}"),),
            stacked=True,
        ),
        Panel(
            "What becomes of them",
            "Records by outcome.",
            "timeseries",
            "cps",
            (Metric(f"sum by (outcome) (rate(journey_touchpoints_total{_RATE}))", "{{outcome}}"),),
            stacked=True,
        ),
        Panel(
            "Dead letters by reason",
            "Records that cannot be taken, in 30 minutes.",
            "timeseries",
            "short",
            (Metric('sum by (reason) (increase(journey_touchpoints_total{outcome="dead"}[30m]))', "{{reason}}"),),
        ),
    ),
)

STATE = Row(
    "State and memory",
    (
        Panel(
            "State",
            "Bytes of state on disk and in write buffers, by stage.",
            "timeseries",
            "bytes",
            (Metric(f"sum by (stage) (journey_stage_state_bytes{{{_STAGE}}})", "{{stage}}"),),
        ),
        Panel(
            "Found in the cache",
            "Share of reads of state that found it decoded in memory.",
            "timeseries",
            "percentunit",
            (
                Metric(
                    f'sum by (stage) (rate(journey_stage_cache_reads_total{{{_STAGE}, found="yes"}}{_RATE}))'
                    f" / sum by (stage) (rate(journey_stage_cache_reads_total{{{_STAGE}}}{_RATE}))",
                    "{{stage}}",
                ),
            ),
        ),
        Panel(
            "Memory",
            "Resident memory of each worker.",
            "timeseries",
            "bytes",
            (Metric(f'process_resident_memory_bytes{{job="omnijourney", {_STAGE}}}', "{{stage}} {{instance}}"),),
        ),
        Panel(
            "Recovery",
            "Records of the changelog that workers still have to read before they begin.",
            "timeseries",
            "short",
            (Metric(f"sum by (stage) (journey_stage_recovery_remaining_records{{{_STAGE}}})", "{{stage}}"),),
        ),
        Panel(
            "Identifiers that moved",
            "Identifiers that went from a customer to another one, in 30 minutes.",
            "timeseries",
            "short",
            (Metric("sum by (kind) (increase(journey_identity_moved_total[30m]))", "{{kind}}"),),
        ),
        Panel(
            "Links that count for nothing",
            "Identifiers that many bear, islands in which a limit refuses links, links that their island cannot take.",
            "timeseries",
            "short",
            (
                Metric("max(journey_identity_shared_identifiers)", "shared identifiers"),
                Metric("max(journey_identity_overfull_islands)", "overfull islands"),
                Metric("max(journey_identity_overflowing_links)", "overflowing links"),
            ),
        ),
    ),
)

SINK = Row(
    "Sink and ClickHouse",
    (
        Panel(
            "Rows by table",
            "Rows inserted.",
            "timeseries",
            "cps",
            (Metric(f"sum by (table) (rate(journey_sink_rows_total{_RATE})) > 0", "{{table}}"),),
        ),
        Panel(
            "Rows an insert",
            "Rows of an insert on average of half an hour. 1,000 and more where much happens.",
            "timeseries",
            "short",
            (Metric("table:journey_sink_insert_rows:mean30m", "{{table}}"),),
        ),
        Panel(
            "Inserts, p99",
            "How long inserts take.",
            "timeseries",
            "s",
            (Metric(_quantile(0.99, "journey_sink_insert_seconds", "table"), "{{table}}"),),
        ),
        Panel(
            "Repeated inserts, refused rows",
            "Inserts that ClickHouse did not take at once, and rows that it refuses, in 15 minutes.",
            "timeseries",
            "short",
            (
                Metric("sum(increase(journey_sink_retries_total[15m]))", "repeated"),
                Metric("sum(increase(journey_sink_rejected_total[15m]))", "refused"),
                Metric("sum(increase(journey_clickhouse_delayed_inserts_total[15m]))", "delayed by ClickHouse"),
                Metric("sum(increase(journey_clickhouse_rejected_inserts_total[15m]))", "rejected by ClickHouse"),
            ),
        ),
        Panel(
            "Parts",
            "Active parts in a table's fullest partition. ClickHouse delays inserts from 1,000.",
            "timeseries",
            "short",
            (Metric("max by (table) (journey_clickhouse_parts)", "{{table}}"),),
            steps=((500, RED),),
        ),
        Panel(
            "Servers",
            "Whether Kafka and ClickHouse answer, and partitions that lack a replica.",
            "timeseries",
            "none",
            (
                Metric("min(journey_kafka_reachable)", "Kafka answers"),
                Metric("min(journey_clickhouse_reachable)", "ClickHouse answers"),
                Metric("sum(journey_kafka_under_replicated_partitions)", "under-replicated partitions"),
            ),
        ),
    ),
)

PROOF = Row(
    "Proof",
    (
        Panel(
            "Last verification",
            "What the last `omnijourney verify` compared, and found to differ.",
            "table",
            "short",
            (
                Metric("sum by (table) (journey_verify_rows)", "equal", now=True),
                Metric("sum by (table) (journey_verify_differences)", "differ", now=True),
            ),
            width=12,
        ),
        Panel(
            "Broken invariants",
            "What must never happen, in an hour.",
            "timeseries",
            "short",
            (Metric("sum by (invariant) (increase(journey_invariant_violations_total[1h]))", "{{invariant}}"),),
            width=12,
            steps=((1, RED),),
        ),
    ),
)

DASHBOARD = Dashboard(
    uid="journey-stream-health",
    title="Stream health",
    description="Is it fine, and where not, which stage is it?",
    rows=(FINE, ALERTS, FRESHNESS, LAG, INTAKE, STATE, SINK, PROOF),
    variables=(choice("stage", "stage", 'label_values(journey_build_info{job="omnijourney"}, stage)', PROMETHEUS),),
)
