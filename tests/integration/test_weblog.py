"""Real web traffic through the whole pipeline; each figure is derived here a second time, from the lines of the file.

Nothing of the product's rules is imported: bots are the patterns of the published list, tried one by one; a referrer is
looked up in the few hosts that occur in this file; sessions are gaps between sorted times. The figures themselves stand
at the asserts as well, so that both ways of counting cannot go wrong together unnoticed.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sinks.clickhouse import ClickHouse
from streams.local import LocalPipeline
from streams.producing.produce import produce_files

pytestmark = pytest.mark.stack

FILE = Path(__file__).parent.parent / "data" / "weblog" / "weblog.ndjson.gz"
SITE = "semicomplete.com"
HALF_AN_HOUR_MS = 1_800_000
THIRTY_DAYS_MS = 2_592_000_000
DRAIN_S = 45

SEARCH = re.compile(
    r"//((www\.|images\.|encrypted\.)?google\.|(r\.)?duckduckgo\.com|www\.(bing|baidu)\.com|yandex\.ru|search\.daum\.net)"
)
SOCIAL = re.compile(
    r"//(t\.co|stackoverflow\.com|[a-z]+\.stackexchange\.com|superuser\.com|serverfault\.com|askubuntu\.com)/"
)


class View(NamedTuple):
    """A page view as the file has it, in the order that decides ties."""

    at: int
    line: str
    visitor: str
    is_machine: bool
    origin: str


Run = list[View]


@cache
def bots() -> list[re.Pattern[str]]:
    listed = json.loads((files("crawleruseragents") / "crawler-user-agents.json").read_text(encoding="utf-8"))
    return [re.compile(bot["pattern"]) for bot in listed]


@cache
def is_machine(user_agent: str) -> bool:
    return user_agent in ("", "-") or any(bot.search(user_agent) for bot in bots())


def origin_of(referrer: str) -> str:
    if not referrer or re.match(rf"https?://(www\.)?{re.escape(SITE)}(/|$)", referrer):
        return "Direct"
    if SEARCH.search(referrer):
        return "Organic Search"
    return "Organic Social" if SOCIAL.search(referrer) else "Referral"


def view_of(line: str) -> View:
    sent = json.loads(line)
    (visitor,) = (identifier["value"] for identifier in sent["identifiers"])
    referrer = (sent["acquisition"] or {}).get("referrer") or ""
    return View(
        sent["occurred_at"], sent["event_id"], visitor, is_machine(sent["user_agent"] or ""), origin_of(referrer)
    )


def runs(views: Iterable[View], gap_ms: int) -> list[Run]:
    """Each visitor's views, cut where the next one comes later than ``gap_ms``."""
    found: list[Run] = []
    last: dict[str, Run] = {}
    for view in sorted(views):
        run = last.get(view.visitor)
        if run is None or view.at - run[-1].at > gap_ms:
            run = last[view.visitor] = []
            found.append(run)
        run.append(view)
    return found


def origin_of_session(session: Run) -> str:
    return next((view.origin for view in session if view.origin != "Direct"), "Direct")


class Traffic(NamedTuple):
    """All views, those of humans, and the humans' sessions."""

    views: list[View]
    human: list[View]
    sessions: list[Run]


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    """The file, counted by plain means."""
    views = [view_of(line) for line in gzip.decompress(FILE.read_bytes()).decode().splitlines()]
    human = [view for view in views if not view.is_machine]
    return Traffic(views, human, runs(human, HALF_AN_HOUR_MS))


@pytest.fixture(scope="module")
def pipeline(local_pipeline: Any) -> Iterator[LocalPipeline]:
    """A pipeline that has taken the whole file."""
    with local_pipeline("weblog", OMNIJOURNEY_OWN_DOMAINS=SITE) as started:
        result = produce_files([str(FILE)], started.settings.kafka_bootstrap)
        assert result.complete
        started.drain(DRAIN_S)
        yield started


@pytest.fixture
def clickhouse(pipeline: LocalPipeline) -> Iterator[ClickHouse]:
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        yield client


def test_every_line_is_accepted(clickhouse: ClickHouse, traffic: Traffic) -> None:
    rows = clickhouse.query("SELECT channel, outcome, reason, sum(records) FROM outcomes FINAL GROUP BY ALL")
    assert rows == [("web", "accepted", "", len(traffic.views))] == [("web", "accepted", "", 4_112)]
    assert clickhouse.query("SELECT count() FROM dead_letters") == [(0,)]
    assert clickhouse.query("SELECT count() FROM late_touchpoints") == [(0,)]


def test_touchpoints_are_the_lines_of_the_file(clickhouse: ClickHouse, traffic: Traffic) -> None:
    rows = clickhouse.query("SELECT event_id, toUnixTimestamp64Milli(occurred_at), via FROM touchpoints FINAL")
    assert sorted(rows) == sorted((view.line, view.at, f"cookie_id:{view.visitor}") for view in traffic.views)
    assert len({view.visitor for view in traffic.views}) == 1_284


def test_machines_are_those_that_the_published_list_names(clickhouse: ClickHouse, traffic: Traffic) -> None:
    rows = clickhouse.query("SELECT event_id FROM touchpoints FINAL WHERE actor = 'machine'")
    assert {line for (line,) in rows} == {view.line for view in traffic.views if view.is_machine}
    ((human, suspect, machine),) = clickhouse.query(
        "SELECT sum(human_inbound), sum(suspect_inbound), sum(machine_inbound) FROM engagement_by_campaign"
    )
    assert (
        (human, suspect, machine)
        == (len(traffic.human), 0, len(traffic.views) - len(traffic.human))
        == (2_309, 0, 1_803)
    )
    assert round(machine / len(traffic.views), 3) == 0.438


def test_hours_hold_the_views_of_humans_and_machines(clickhouse: ClickHouse, traffic: Traffic) -> None:
    rows = clickhouse.query("SELECT hour, human_touchpoints, machine_touchpoints FROM engagement_hourly")
    wanted: dict[datetime, list[int]] = {}
    for view in traffic.views:
        hour = datetime.fromtimestamp(view.at // 3_600_000 * 3600, UTC)
        wanted.setdefault(hour, [0, 0])[view.is_machine] += 1
    assert {hour: [human, machine] for hour, human, machine in rows} == wanted
    assert len(rows) == len(wanted) == 84


def test_sessions_are_gaps_of_half_an_hour_between_human_views(clickhouse: ClickHouse, traffic: Traffic) -> None:
    rows = clickhouse.query(
        "SELECT toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(ended_at), page_views, touchpoints, engaged"
        " FROM sessions FINAL"
    )
    wanted = ((run[0].at, run[-1].at, len(run), len(run), len(run) > 1) for run in traffic.sessions)
    assert Counter((*row[:4], bool(row[4])) for row in rows) == Counter(wanted)
    assert len(rows) == len(traffic.sessions) == 1_289
    # What the file's own description says, by this way of counting: the way is right.
    assert len(runs(traffic.views, HALF_AN_HOUR_MS)) == 2_333


def test_seven_in_ten_sessions_bounce(clickhouse: ClickHouse, traffic: Traffic) -> None:
    ((sessions, engaged, page_views),) = clickhouse.query(
        "SELECT sum(sessions), sum(engaged_sessions), sum(page_views) FROM sessions_daily WHERE channel = 'web'"
    )
    assert (sessions, engaged, page_views) == (
        len(traffic.sessions),
        sum(len(run) > 1 for run in traffic.sessions),
        len(traffic.human),
    )
    assert round(1 - engaged / sessions, 4) == round(900 / 1_289, 4) == 0.6982


def test_each_human_visitor_has_one_journey(clickhouse: ClickHouse, traffic: Traffic) -> None:
    journeys = runs(traffic.human, THIRTY_DAYS_MS)
    rows = clickhouse.query("SELECT steps_event_id, converted, length(touches_at) FROM journeys FINAL")
    assert sorted(list(steps) for steps, _, _ in rows) == sorted([view.line for view in run] for run in journeys)
    assert not any(converted for _, converted, _ in rows)
    assert sum(touches for _, _, touches in rows) == len(traffic.sessions)
    visitors = {view.visitor for view in traffic.human}
    assert len(rows) == len(journeys) == len(visitors) == 1_001
    assert clickhouse.query("SELECT uniqExact(customer_id) FROM sessions FINAL") == [(1_001,)]


def test_sessions_and_page_views_by_marketing_channel(clickhouse: ClickHouse, traffic: Traffic) -> None:
    rows = clickhouse.query(
        "SELECT marketing_channel, sum(sessions), sum(page_views) FROM sessions_daily GROUP BY marketing_channel"
    )
    sessions, page_views = Counter[str](), Counter[str]()
    for run in traffic.sessions:
        sessions[origin_of_session(run)] += 1
        page_views[origin_of_session(run)] += len(run)
    assert {name: (n, views) for name, n, views in rows} == {
        name: (n, page_views[name]) for name, n in sessions.items()
    }
    assert sessions == {"Direct": 687, "Organic Search": 440, "Referral": 114, "Organic Social": 48}
    assert page_views == {"Direct": 1_545, "Organic Search": 517, "Referral": 176, "Organic Social": 71}


def test_each_view_has_the_channel_of_its_own_referrer(clickhouse: ClickHouse, traffic: Traffic) -> None:
    rows = clickhouse.query("SELECT event_id, marketing_channel FROM touchpoints FINAL")
    assert dict(rows) == {view.line: view.origin for view in traffic.views}
    totals = Counter(view.origin for view in traffic.views)
    assert totals == {"Direct": 3_443, "Organic Search": 470, "Referral": 148, "Organic Social": 51}
