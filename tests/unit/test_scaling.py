"""The model behind docs/scaling.md: it multiplies right, and the document has its figures."""

from pathlib import Path

import pytest

from tests.bench.scaling import STAGES, Assumed, limits, load, plan
from tests.bench.scaling_document import filled, number, size, span

DOCUMENT = Path(__file__).parents[2] / "docs" / "scaling.md"
#: Costs that are easy to multiply.
UNIT = {
    "cpu_us": dict.fromkeys((*STAGES, "kafka", "clickhouse"), 100.0),
    "topic_bytes": {"touchpoints.web": 100.0, "customers.activity": 200.0, "customers-state-changelog": 50.0},
    "topic_records": {"identity.links": 0.1, "customers-state-changelog": 1.0},
    "state_bytes": {"intake": 10.0, "identity": 1.0, "customers": 100.0},
    "tables": {"touchpoints": {"rows": 1.0, "bytes": 50.0}, "identities": {"rows": 0.1, "bytes": 5.0}},
    "recovery": {"records_per_second": 1_000.0},
}
PLAIN = Assumed(peak=1, busy=1, history_days=10, state_days=10, replication=1, replicas=1, query_share=0)


def test_the_document_has_the_models_figures() -> None:
    text = DOCUMENT.read_text("utf-8")
    assert filled(text, load()) == text


def test_a_document_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="expected the marks <!-- measured"):
        filled("# Scaling", load())


def test_cores_are_the_peaks_cpu_over_what_may_be_used_of_a_core() -> None:
    assert plan(UNIT, 10_000, PLAIN).cores["intake"] == pytest.approx(1.0)
    assert plan(UNIT, 10_000, PLAIN._replace(peak=3, busy=0.5)).cores["intake"] == pytest.approx(6.0)
    assert plan(UNIT, 10_000, PLAIN._replace(peak=3, busy=0.5)).workers["intake"] == 6


def test_kafka_keeps_sources_for_their_days_and_changelogs_as_long_as_state() -> None:
    a_second = 7 * 300 + 10 * 50
    assert plan(UNIT, 1, PLAIN).kafka_disk == pytest.approx(a_second * 86_400)
    assert plan(UNIT, 1, PLAIN._replace(replication=3)).kafka_disk == pytest.approx(3 * a_second * 86_400)


def test_sharded_rows_are_stored_once_a_replica_and_the_others_on_every_node() -> None:
    one = plan(UNIT, 1_000, PLAIN)
    assert one.clickhouse_disk == pytest.approx(55 * 1_000 * 86_400 * 10)
    many = plan(UNIT, 1_000, PLAIN._replace(replicas=2, node_disk=2.5e10))
    assert many.shards == 3
    assert many.clickhouse_disk == pytest.approx((50 * 2 + 5 * 6) * 1_000 * 86_400 * 10)


def test_a_worker_with_half_the_state_is_back_in_half_the_time() -> None:
    few, more = (plan(UNIT, 10_000, PLAIN._replace(worker_state=state)) for state in (1e11, 0.5e11))
    assert more.workers["customers"] == 2 * few.workers["customers"]
    assert more.recovery_s == pytest.approx(few.recovery_s / 2)
    # A record of the changelog for each touchpoint, whatever their bytes are.
    assert few.recovery_s == pytest.approx(10_000 * 864_000 / few.workers["customers"] / 1_000)
    bytes_twice = {**UNIT, "topic_bytes": {**UNIT["topic_bytes"], "customers-state-changelog": 100.0}}
    assert plan(bytes_twice, 10_000, PLAIN._replace(worker_state=1e11)).recovery_s == few.recovery_s


def test_what_goes_past_a_limit_is_marked() -> None:
    assert plan(UNIT, 1_000, PLAIN).beyond == frozenset()
    for what, tight in {
        "IDENTITY, one state": PLAIN._replace(worker_state=8e8),
        "parts": PLAIN._replace(parts=0.01),
        "who is who": PLAIN._replace(node_disk=8e9),
    }.items():
        assert plan(UNIT, 1_000, tight).beyond == {what}
    assert "IDENTITY, one core" in plan(UNIT, 10_001, PLAIN).beyond


def test_money_adds_up_and_grows_with_prices() -> None:
    plain, dear = (plan(UNIT, 10_000, PLAIN._replace(core_hour=price)).money for price in (0.04, 0.08))
    assert plain["all"] == pytest.approx(sum(plain[part] for part in ("cores", "memory", "disks", "traffic")))
    assert dear["cores"] == pytest.approx(2 * plain["cores"])


def test_partitions_are_enough_for_each_worker_and_each_keys_share() -> None:
    for rate in (10, 10_000, 1_000_000):
        one = plan(UNIT, rate)
        assert one.partitions >= max(one.workers.values())
        assert one.partitions * Assumed().partition_rate >= rate * Assumed().peak


def test_limits_come_lowest_first_and_identity_is_one_core() -> None:
    found = limits(UNIT, PLAIN)
    assert [one.rate for one in found] == sorted(one.rate for one in found)
    assert next(one.rate for one in found if one.part == "IDENTITY, one core") == pytest.approx(10_000)


def test_figures_show_what_counts_of_them() -> None:
    assert [number(value) for value in (0, 0.01234, 1.26, 12.6, 1_234.0, 1_234_567.0)] == [
        "0",
        "0.012",
        "1.3",
        "13",
        "1,230",
        "1,230,000",
    ]
    assert [size(value) for value in (12.0, 2.5e9, 3e12)] == ["12 bytes", "2.5 GB", "3 TB"]
    assert [span(value) for value in (90.0, 600.0, 36_000.0)] == ["90 s", "10 min", "10 h"]
