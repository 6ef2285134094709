"""A bounded part of the suite: one pipeline, some faults one after the other, judged once in the end.

calm | kill SINK | kill Kafka | ClickHouse frozen | hostile records | a schema of the future | a folder shared | end
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from prometheus_client.samples import Sample

from deploy.local.ports import free_ports
from schemas.codec import encode
from streams.domain.vocabulary import CHANNELS
from streams.local import PARTITIONS
from streams.offsets import Place, Position
from tests.reliability import running
from tests.reliability.faults import Fault, Inject, freeze, hours_ahead, kill
from tests.reliability.groups import share_folder
from tests.reliability.hostile import poison
from tests.reliability.judging import Found, Read, Verdict, compare, expect
from tests.reliability.report import BEGIN, END, row, seconds, write
from tests.reliability.running import OTHER_PARAMETERS, Result
from tests.reliability.scene import WHOLE_S, Needs, Scene, scene
from tests.reliability.sending import FUTURE, Future, poison_partition
from tests.reliability.watch import DIFFERENCE, NEVER, STARTED, Lags, Metrics

POISON = 600
FUTURE_FAULT = Future()
FAULTS: dict[str, Inject] = {
    "kill -9 of SINK": partial(kill, "sink"),
    "kill -9 of Kafka": partial(kill, "kafka"),
    "ClickHouse frozen": partial(freeze, "clickhouse", seconds=3.0),
    "hostile records": partial(poison_partition, count=POISON),
    "a schema of the future": FUTURE_FAULT.inject,
    "a shared folder": share_folder,
}


@pytest.fixture(scope="module")
def disturbed() -> Iterator[Scene]:
    with scene("ci", Needs()) as made:
        yield made


@pytest.fixture(scope="module")
def verdict(disturbed: Scene) -> Verdict:
    for inject in FAULTS.values():
        disturbed.watch.wait_whole(inject(disturbed), disturbed.limit_s, WHOLE_S)
    return disturbed.finish()


@pytest.mark.stack
@pytest.mark.timeout(600)
def test_after_kills_a_freeze_and_hostile_records_nothing_is_lost_or_counted_twice(verdict: Verdict) -> None:
    assert verdict.lost == verdict.twice == 0
    assert verdict.wrong == ()
    assert verdict.verified, verdict.verify


@pytest.mark.stack
def test_each_record_that_intake_read_has_an_outcome_by_its_own_account(verdict: Verdict, disturbed: Scene) -> None:
    assert disturbed.watch.metrics.settled(running.ANSWERED_S) == []


@pytest.mark.stack
def test_hostile_and_future_records_are_dead_letters_and_can_be_replayed(verdict: Verdict, disturbed: Scene) -> None:
    assert verdict.outcomes["dead"] >= POISON + FUTURE
    assert FUTURE_FAULT.unreplayable(disturbed) == []


def reads(*values: bytes) -> list[Read]:
    return [Read("touchpoints.web", 0, offset, value) for offset, value in enumerate(values)]


def touchpoint(event_id: str, occurred_at: int = 0) -> bytes:
    record = {"event_id": event_id, "channel": "web", "occurred_at": occurred_at, "action": "page_viewed"}
    return encode("touchpoint", record | {"identifiers": [{"namespace": "cookie_id", "value": "someone"}]})


def test_each_record_of_a_topic_has_one_outcome() -> None:
    day = 86_400_000
    values = (touchpoint("a", 9 * day), touchpoint("a", 9 * day), touchpoint("b"), b"?", *poison(12, seed=3))
    expected = expect(reads(*values), budget_ms=3 * day)
    assert expected.outcomes == Counter(
        {
            ("web", "accepted", ""): 1,
            ("web", "duplicate", ""): 1,
            ("web", "late", ""): 1,
            ("web", "dead", "undecodable"): 13,
        }
    )
    assert expected.accepted == {("web", "cookie_id:someone", "a")}


def test_what_is_missing_is_lost_and_what_is_too_much_is_counted_twice() -> None:
    values = [touchpoint(name) for name in "abc"] + [b"?"]
    expected = expect(reads(*values), budget_ms=0)
    whole = Found(Counter(expected.outcomes), set(expected.accepted), Counter(expected.dead), late=0)
    confirmed = Counter(values)

    def figures(confirmed: Counter[bytes], found: Found) -> tuple[int, int, int]:
        verdict = compare(confirmed, expected, found)
        return verdict.lost, verdict.twice, len(verdict.wrong)

    accepted, dead = ("web", "accepted", ""), ("web", "dead", "undecodable")
    assert figures(confirmed, whole) == (0, 0, 0)
    assert figures(confirmed + Counter([touchpoint("d")]), whole) == (1, 0, 0)
    assert figures(confirmed, whole._replace(touchpoints=expected.accepted - {("web", "cookie_id:someone", "a")})) == (
        (1, 0, 0)
    )
    assert figures(confirmed, whole._replace(outcomes=whole.outcomes + Counter([accepted]))) == (0, 1, 1)
    assert figures(confirmed, whole._replace(outcomes=whole.outcomes - Counter([dead]))) == (1, 0, 1)
    assert figures(confirmed, whole._replace(dead=Counter({("web", b"!"): 1}))) == (0, 0, 1)
    assert figures(confirmed, whole._replace(late=1)) == (0, 0, 1)


def test_caught_up_is_when_all_is_read_that_was_there_a_limit_before() -> None:
    """The topic's end rises by ten a look; the group reads nothing for three looks, and then everything.

    at         0    1    2    3    4
    end       10   20   30   40   50
    committed 10   10   10   10   50
    """
    lags = Lags("nowhere:1")
    for at, (committed, end) in enumerate(((10, 10), (10, 20), (10, 30), (10, 40), (50, 50))):
        lags.take(at, {Place("sink", "journeys", 0): Position(committed, end)})
    assert [look.covered_at for look in lags.looks] == [0, 0, 0, 0, 4]
    assert lags.behind_s(0) == [0, 1, 2, 3, 0]
    assert lags.caught_up_at(0, limit_s=1.0) == 0
    assert lags.caught_up_at(1, limit_s=1.0) == 4
    assert lags.most(1) == {"intake": 0, "identity": 0, "customers": 0, "sink": 30}


DIFFERENCES = {(channel, str(partition)): 0.0 for channel in CHANNELS for partition in range(PARTITIONS)}


def samples(differences: dict[tuple[str, str], float], **counters: float) -> list[Sample]:
    told = [Sample(DIFFERENCE, {"channel": of, "partition": at}, value) for (of, at), value in differences.items()]
    return [Sample(STARTED, {}, 1.0), *told, *(Sample(name, {}, value) for name, value in counters.items())]


def test_workers_that_tell_nothing_or_not_of_all_partitions_are_no_clean_account(disturbed_not: Metrics) -> None:
    assert "web 3" in "".join(disturbed_not.wrong())
    disturbed_not.take("intake", samples({at: 0.0 for at in DIFFERENCES if at != ("web", "3")}))
    assert disturbed_not.wrong() == [f"nobody tells {DIFFERENCE} of web 3"]
    disturbed_not.take("intake-2", samples({("web", "3"): 0.0}))
    assert disturbed_not.wrong() == []
    disturbed_not.look()  # Nobody answers any more.
    assert len(disturbed_not.wrong()) == 1


def test_a_difference_of_either_sign_is_wrong(disturbed_not: Metrics) -> None:
    disturbed_not.take("intake", samples(DIFFERENCES | {("web", "3"): 2.0, ("email", "0"): -2.0}))
    assert disturbed_not.wrong() == [f"{DIFFERENCE} of email 0 is -2", f"{DIFFERENCE} of web 3 is 2"]


@pytest.mark.parametrize("name", NEVER)
def test_what_no_fault_may_raise_is_wrong_when_it_rose(disturbed_not: Metrics, name: str) -> None:
    disturbed_not.take("intake", samples(DIFFERENCES, **{name: 1.0}))
    disturbed_not.begin()
    assert disturbed_not.wrong() == []
    disturbed_not.take("intake", samples(DIFFERENCES, **{name: 3.0}))
    assert disturbed_not.wrong() == [f"{name} rose by 2"]


@pytest.fixture
def disturbed_not() -> Metrics:
    """Of workers that answer nobody."""
    return Metrics({"intake": f"http://127.0.0.1:{free_ports(1)[0]}/metrics"})


def test_a_worker_with_a_wrong_clock_is_known_by_its_log(tmp_path: Path) -> None:
    log, wrong = tmp_path / "worker.log", datetime.now(UTC) - timedelta(hours=6)
    log.write_text(f'Traceback\n{{"event": "starting", "timestamp": "{wrong.isoformat()}"}}\n{{"event": "ready"}}\n')
    assert hours_ahead(log) == pytest.approx(-6, abs=0.1)


def test_a_result_is_kept_with_where_it_is_from_and_told_when_it_is_of_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "root", lambda: tmp_path)
    fault = Fault("one", "told", lambda _: 0.0)
    assert running.kept(fault).status == "not run"
    Result("one", "told", "whole", commit="abc", began="2026-01-31 12:00", parameters=fault.parameters).save()
    assert "| abc, 2026-01-31 12:00, load 0 |" in row(running.kept(fault))
    assert OTHER_PARAMETERS not in row(running.kept(fault))
    assert OTHER_PARAMETERS in row(running.kept(replace(fault, times=3)))
    assert OTHER_PARAMETERS in row(running.kept(replace(fault, told="told otherwise")))


def test_a_result_that_was_kept_without_its_commit_is_of_an_unknown_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "root", lambda: tmp_path)
    (tmp_path / "one.json").write_text('{"name": "one", "told": "told", "status": "whole", "load": 3.5}')
    assert "| unknown, load 3.5 |" in row(running.kept(Fault("one", "told", lambda _: 0.0)))


def test_the_table_takes_its_place_and_a_fault_that_failed_is_a_row(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nearlier\n{END}\nafter\n")
    whole = Result("one", "told", "whole", [3.0, 1.0, 2.0], read=10, verify="5 customers: all equal")
    write(page, [whole, Result("two", "told", why="it|broke"), Result("three", "told", "not run")])
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n| fault |")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "| one | told | 1.0 / 2.0 / 3.0 | 0 of 10 | 0 | 5 customers: all equal |" in text
    assert "| two | told | not in time |" in text
    assert "**failed**: it/broke" in text
    assert "| three | told | not run |" in text
    assert "earlier" not in text
    assert seconds([4.0]) == "4.0"
