"""A bounded part of the suite: one pipeline, some faults one after the other, judged once in the end.

calm | kill SINK | kill Kafka | ClickHouse frozen | hostile records | a schema of the future | a folder shared | end
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from schemas.codec import encode
from streams.offsets import Place, Position
from tests.reliability.faults import Inject, freeze, kill
from tests.reliability.groups import share_folder
from tests.reliability.hostile import poison
from tests.reliability.judging import Found, Read, Verdict, compare, expect
from tests.reliability.report import BEGIN, END, seconds, write
from tests.reliability.running import Result
from tests.reliability.scene import WHOLE_S, Needs, Scene, scene
from tests.reliability.sending import FUTURE, Future, poison_partition
from tests.reliability.watch import Lags

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


def test_the_table_takes_its_place_and_a_fault_that_failed_is_a_row(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nearlier\n{END}\nafter\n")
    whole = Result("one", "told", "whole", [3.0, 1.0, 2.0], read=10, verify="5 customers: all equal")
    write(page, [whole, Result("two", "told", why="it|broke")])
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n| fault |")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "| one | told | 1.0 / 2.0 / 3.0 | 0 of 10 | 0 | 5 customers: all equal |" in text
    assert "| two | told | not in time |" in text
    assert "**failed**: it/broke" in text
    assert "earlier" not in text
    assert seconds([4.0]) == "4.0"
