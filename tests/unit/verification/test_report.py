"""What `omnijourney verify` says, to people and to Prometheus."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from streams.verification.differences import Cell, Comparison, Difference
from streams.verification.metrics import write
from streams.verification.part import EVERYTHING, Asked
from streams.verification.report import lines
from streams.verification.verify import Verified


def verified(comparison: Comparison, **other: int) -> Verified:
    return Verified(1_000, 60_000, [comparison], **{"two_vias": 0, "overflow": 0, **other}, seconds=2.0)


def wrong(keys: int, limit: int = 10) -> Comparison:
    comparison = Comparison("journeys", limit, equal=7, seconds=1.25)
    for i in range(keys):
        cells = (Cell("goals", 1, 2),)
        comparison.add(Difference("different", f"j{i}", cells), lambda key: [f"touchpoints of {key}", "  one"])
    return comparison


def test_differences_stand_below_their_table_with_their_traces() -> None:
    assert [*lines(verified(wrong(3, limit=2)))] == [
        "journeys             7 equal, 3 different                          1.2 s",
        "  different j0",
        "      goals: expected 1, found 2",
        "      touchpoints of j0",
        "        one",
        "  different j1",
        "      goals: expected 1, found 2",
        "      touchpoints of j1",
        "        one",
        "  ... 1 more",
        "60,000 touchpoints in 2.0 s, 30,000 a second",
        "1,000 customers: the tables differ from the definition",
    ]


def test_what_is_no_difference_is_said_all_the_same() -> None:
    assert [*lines(verified(Comparison("journeys", 10, equal=12_345), two_vias=3, overflow=4))] == [
        "journeys             12,345 equal                                  0.0 s",
        "3 event_ids stand under several vias: so many touchpoints each, and rightly so",
        "4 links are beyond the breaker (overflow); they were taken as told",
        "60,000 touchpoints in 2.0 s, 30,000 a second",
        "1,000 customers: all equal",
    ]


def test_what_a_terminal_would_take_as_a_command_is_not_passed_on() -> None:
    comparison = Comparison("journeys", 10)
    comparison.add(Difference("missing", "\x1b[2J", trace=("web \x1b[2J",)))
    assert [*lines(verified(comparison))][1:3] == ["  missing   ?[2J", "      web ?[2J"]


def test_a_file_for_prometheus_has_every_table_and_what_an_alert_asks(tmp_path: Path) -> None:
    file = tmp_path / "journey_verify.prom"
    file.write_text("of yesterday")
    write(verified(wrong(3)), file, ended_at=1_795_342_034.5)
    families = [*text_string_to_metric_families(file.read_text())]
    samples = {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}
    assert samples == {
        ("journey_verify_rows", "journeys"): 7,
        ("journey_verify_differences", "journeys"): 3,
        ("journey_verify_customers",): 1_000,
        ("journey_verify_touchpoints",): 60_000,
        ("journey_verify_duration_seconds",): 2,
        ("journey_verify_success",): 0,
        ("journey_verify_last_run_timestamp_seconds",): 1_795_342_034.5,
    }
    assert all(family.documentation.endswith(".") for family in families)
    assert [*tmp_path.iterdir()] == [file]
    write(verified(Comparison("journeys", 10)), file, ended_at=0)
    assert "journey_verify_success 1.0\n" in file.read_text()


def test_a_part_in_which_there_was_no_customer_is_no_success(tmp_path: Path) -> None:
    nobody = Verified(0, 0, [Comparison("engagement", 10)], 0, 0, 2.0, Asked(since=1_795_305_600_000))
    assert [*lines(nobody)][-2:] == [
        "no customer has touchpoints since 2026-11-22 00:00:00.000 UTC",
        "0 customers: nothing is proven",
    ]
    assert [*lines(nobody._replace(asked=Asked(customers=3)))][-2] == "no customer has touchpoints"
    assert [*lines(nobody._replace(comparisons=[wrong(1)]))][-1] == "0 customers: the tables differ from the definition"
    write(nobody, tmp_path / "verify.prom", ended_at=0)
    assert "journey_verify_success 0.0\n" in (tmp_path / "verify.prom").read_text()
    assert nobody._replace(asked=EVERYTHING).succeeded
