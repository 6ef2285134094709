"""Figures that stand on the page beside statements on the tables, written another way; periods with nothing in them."""

# ruff: noqa: S608  (statements are composed of what stands here)

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page

from sinks.clickhouse import ClickHouse
from streams.cli import main
from tests.browser.conftest import Making
from tests.browser.opening import NARROW, WIDE, opened
from tests.integration.filled import database

pytestmark = pytest.mark.stack

SINCE, UNTIL = "2026-03-16", "2026-03-29"
NOW = f"toDate({{at}}) BETWEEN '{SINCE}' AND '{UNTIL}'"
BEFORE = "toDate({at}) BETWEEN '2026-03-02' AND '2026-03-15'"
# Whose a touchpoint is, without the view: its via's customer, or the one that the via was assigned to.
WHO = """
    if(via IN (SELECT concat(namespace, ':', value) FROM identities FINAL), (
        SELECT groupArray((concat(namespace, ':', value), customer_id)) FROM identities FINAL
    )[indexOf((SELECT groupArray(concat(namespace, ':', value)) FROM identities FINAL), via)].2, via_customer)
"""
HUMAN = "direction = 'inbound' AND actor = 'human'"
SPOKE = "direction = 'inbound' AND actor IN ('human', 'suspect')"


@pytest.fixture
def page(browser: Browser, compared_file: Path) -> Any:
    with opened(browser, compared_file) as found:
        yield found.page


@pytest.fixture
def tables(company: str) -> Any:
    with ClickHouse(company) as client:
        yield client


def card(page: Page, figure: str) -> list[str]:
    """The lines of a headline figure."""
    return page.locator(f"[data-figure={figure}] dd").all_inner_texts()


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_active_customers_and_their_change(page: Page, tables: ClickHouse) -> None:
    def active(period: str) -> int:
        when = period.format(at="occurred_at")
        sql = f"SELECT count(DISTINCT {WHO}) FROM touchpoints FINAL WHERE {SPOKE} AND {when}"
        return int(tables.query(sql)[0][0])

    now, before = active(NOW), active(BEFORE)
    [(new,)] = tables.query(
        f"SELECT count() FROM (SELECT {WHO} AS who, min(toDate(occurred_at)) AS first FROM touchpoints FINAL"
        f" WHERE {SPOKE} GROUP BY who) WHERE {NOW.format(at='first')}"
    )
    value, change, also = card(page, "active_customers")
    assert (value, also) == (f"{now:,}", f"{new:,} new")
    assert plain(change) == percent_change(now, before)


def figure(value: float, digits: int = 0) -> str:
    """As the page sets it: halves away from zero."""
    return f"{Decimal(value).quantize(Decimal(10) ** -digits, ROUND_HALF_UP):,}"


def percent_change(now: float, before: float) -> str:
    by = (now / before - 1) * 100
    if now == before:
        return "unchanged"
    sign = "+" if by > 0 else "\u2212"
    return f"{sign}{figure(abs(by), 1)} %"


def test_conversions_and_revenue_by_currency(page: Page, tables: ClickHouse) -> None:
    found = {}
    for name, period in (("now", NOW), ("before", BEFORE)):
        rows = tables.query(
            "SELECT currency, count(), sum(value_micros) FROM journeys FINAL"
            f" WHERE conversion_type != '' AND {period.format(at='ended_at')} GROUP BY currency"
        )
        found[name] = {currency: (count, micros / 1e6) for currency, count, micros in rows}
    conversions = [sum(count for count, _ in found[name].values()) for name in ("now", "before")]
    value, change, _ = card(page, "conversions")
    assert (value, plain(change)) == (f"{conversions[0]:,}", percent_change(*conversions))
    shown, change, *_ = card(page, "revenue")
    euros = found["now"]["EUR"][1]
    assert shown == f"{figure(euros)} EUR"
    assert plain(change) == percent_change(euros, found["before"]["EUR"][1])


def test_channels(page: Page, tables: ClickHouse) -> None:
    rows = tables.query(
        f"SELECT channel, countIf(actor = 'human' AND direction = 'inbound'), uniqExactIf({WHO}, {SPOKE}),"
        " sumIf(engaged_ms, actor = 'human') / 3.6e6, countIf(actor = 'human' AND conversion_type != ''),"
        " countIf(direction = 'outbound'),"
        " countIf(actor = 'machine' AND direction = 'inbound') / countIf(direction = 'inbound')"
        f" FROM touchpoints FINAL WHERE {NOW.format(at='occurred_at')} GROUP BY channel"
    )
    names = {"E-mail": "email", "Web": "web", "Mobile": "mobile", "Social": "social", "Service": "service"}
    shown = {
        names[row.locator("th").inner_text()]: [
            plain(cell.split("\n")[0]) for cell in row.locator("td").all_inner_texts()
        ]
        for row in page.locator("#channels tbody tr").all()
    }
    assert shown == {
        channel: [
            f"{count:,}",
            f"{who:,}",
            figure(hours or 0, 1),
            f"{bought:,}",
            f"{out:,}",
            f"{figure(machine * 100, 1)} %",
        ]
        for channel, count, who, hours, bought, out, machine in rows
    }


def test_rates_are_the_formulas_of_metric_definitions_over_sums(page: Page, tables: ClickHouse) -> None:
    metrics = {
        (channel, name): (formula, views)
        for channel, name, formula, views in tables.query(
            "SELECT channel, name, formula, views FROM metric_definitions WHERE unit = 'share'"
        )
    }
    defined = json.loads(page.locator("script#figures").text_content() or "")["definitions"]
    ids = {said["name"]: id_ for id_, said in defined.items()}
    shown = {
        ids[row.locator("th").inner_text()]: row.locator("td").first.inner_text()
        for row in page.locator("#rates tbody tr").all()
    }
    assert len(shown) == 10
    channels = {"bounce_rate": "web", "push_click_rate": "mobile", "social_engagement_rate": "social"}
    for name, value in shown.items():
        channel = channels.get(name, "service" if name.startswith("answered") else "email")
        formula, views = metrics[channel, name]
        [view] = [view for view in views if view.endswith("_daily")]
        over_sums = re.sub(r"[a-z_]{2,}", r"sum(\g<0>)", formula)
        [(rate,)] = tables.query(
            f"SELECT {over_sums} FROM {view} WHERE channel = '{channel}' AND {NOW.format(at='day')}"
        )
        assert plain(value) == f"{figure(rate * 100, 1)} %", name


MODELS = ("first", "last", "last_non_direct", "linear", "position", "j_shaped", "inverse_j", "time_decay")


def credited(tables: ClickHouse, by: str, share: str = "1") -> dict[str, list[float]]:
    """Credits by name and model of the conversions in the period, each times ``share``."""
    sums = ", ".join(f"sum(credit_{model} * {share})" for model in MODELS)
    rows = tables.query(
        f"SELECT {by}, {sums} FROM journey_touches AS touch INNER JOIN journeys AS row FINAL USING journey_id"
        f" WHERE row.converted AND {NOW.format(at='row.ended_at')} GROUP BY {by}"
    )
    return {name: credits_ for name, *credits_ in rows if any(credits_)}


def table_of(page: Page) -> dict[str, list[str]]:
    rows = page.locator("#models tbody tr").all()
    return {row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in rows}


def test_credit_by_model(page: Page, tables: ClickHouse) -> None:
    shown = table_of(page)
    total = shown.pop("All")
    expected = credited(tables, "marketing_channel")
    assert shown == {name: [figure(credit, 1) for credit in credits_] for name, credits_ in expected.items()}
    assert set(total) == {card(page, "conversions")[0] + ".0"}


def test_value_by_campaign(page: Page, tables: ClickHouse) -> None:
    page.locator("#attribution select").first.select_option("campaign")
    page.locator("#attribution select").last.select_option("EUR")
    shown = table_of(page)
    total = shown.pop("All")
    conversions = credited(tables, "campaign")
    most = sorted((name for name in conversions if name), key=lambda name: (-conversions[name][3], name))[:12]
    found = credited(tables, "campaign", "row.value_micros / 1e6 * (row.currency = 'EUR')")
    expected = {name: found[name] for name in most if name in found}
    rest = [values for name, values in found.items() if name and name not in most]
    expected |= {"No campaign": found[""], "Other campaigns": [sum(column) for column in zip(*rest, strict=True)]}
    digits = 2 if max(max(values) for values in expected.values()) < 1000 else 0
    assert shown == {name: [figure(value, digits) for value in values] for name, values in expected.items()}
    assert len({*total}) == 1


def test_data_driven_models_stand_beside_the_rules_where_they_ran_over_the_same_days(
    browser: Browser, company: str, make_page: Making, tables: ClickHouse
) -> None:
    days = ("--since", "2026-03-09", "--until", "2026-03-22")
    for model in (("markov", "--order", "2"), ("shapley",)):
        done = CliRunner().invoke(
            main,
            ["attribute", "--by", "marketing_channel", *days, "--model", *model],
            env={"OMNIJOURNEY_CLICKHOUSE_URL": company},
        )
        assert done.exit_code == 0, done.output
    rows = tables.query("SELECT name, model, sum(conversions) FROM attribution_results GROUP BY name, model")
    expected = {(name, model): figure(credit, 1) for name, model, credit in rows if credit}
    path, _ = make_page(company, *days)
    with opened(browser, path) as (page, said, _):
        shown = table_of(page)
        heads = page.locator("#models thead th").all_inner_texts()
        assert heads[-2:] == ["Markov 2", "Shapley"]
        both = {
            (name, model): cells[at] for name, cells in shown.items() for at, model in ((-2, "markov"), (-1, "shapley"))
        }
        assert both.pop(("All", "markov")) == both.pop(("All", "shapley")) == shown["All"][0]
        assert {key: value for key, value in both.items() if value != "0.0"} == expected
        page.locator("#attribution label", has_text="Shapley").click()
        page.locator("#attribution select").first.select_option("campaign")
        assert len(page.locator("#models thead th").all()) == 9
        assert said == []


def test_commonest_path_and_steps(page: Page, tables: ClickHouse) -> None:
    [(path, journeys, conversions)] = tables.query(
        "SELECT arrayStringConcat(arrayCompact(touches_marketing_channel), ' \u203a ') AS path, count() AS n,"
        f" countIf(converted) AS c FROM journeys FINAL WHERE {NOW.format(at='ended_at')}"
        " GROUP BY path ORDER BY c DESC, n, path LIMIT 1"
    )
    row = page.locator("#commonest tbody tr").first
    assert [row.locator("th").inner_text(), *row.locator("td").all_inner_texts()[:2]] == [
        path,
        f"{journeys:,}",
        f"{conversions:,}",
    ]
    page.locator("#paths summary").click()
    steps = [row.locator("th, td").all_inner_texts() for row in page.locator("#paths details tbody tr").all()]
    [(all_journeys, converted)] = tables.query(
        f"SELECT count(), countIf(converted) FROM journeys FINAL WHERE {NOW.format(at='ended_at')}"
    )
    begun = sum(int(journeys.replace(",", "")) for _, step, _, journeys, _ in steps if step == "1")
    ended = {
        end: sum(int(many.replace(",", "")) for _, _, to, many, _ in steps if to == end)
        for end in ("Conversion", "No conversion")
    }
    assert begun == all_journeys
    assert ended == {"Conversion": converted, "No conversion": all_journeys - converted}


@pytest.mark.parametrize("width", [NARROW, 768, WIDE])
def test_no_journey_is_lost_where_fewer_steps_are_drawn(
    browser: Browser, compared_file: Path, tables: ClickHouse, width: int
) -> None:
    [(journeys, converted)] = tables.query(
        f"SELECT count(), countIf(converted) FROM journeys FINAL WHERE {NOW.format(at='ended_at')}"
    )
    with opened(browser, compared_file, width) as (page, *_):
        page.locator("#paths .chart").focus()
        heard: list[str] = []
        while len(heard) < 2 or heard[-1] != heard[-2]:
            page.keyboard.press("ArrowRight")
            heard.append(page.locator("#spoken").inner_text())
    heard.pop()
    begun = sum(number(said) for said in heard if said.startswith("Step 1, "))
    assert begun == journeys
    assert heard[-2:] == [
        f"Conversion: {converted} journeys, {converted} of them converted",
        f"No conversion: {journeys - converted} journeys, 0 of them converted",
    ]
    assert max(int(said[5]) for said in heard[:-2]) == {NARROW: 3, 768: 4, WIDE: 5}[width]


def number(said: str) -> int:
    return int(said.split(": ")[1].split(" ")[0].replace(",", ""))


def test_cohorts(page: Page, tables: ClickHouse) -> None:
    rows = tables.query(
        f"SELECT {WHO} AS who, groupUniqArray(toMonday(occurred_at)) AS weeks FROM touchpoints FINAL"
        f" WHERE {SPOKE} AND toDate(occurred_at) <= '{UNTIL}' GROUP BY who"
    )
    expected = []
    for week in (date(2026, 3, 16), date(2026, 3, 23)):
        cohort = [weeks for _, weeks in rows if min(weeks) == week]
        later = [week + timedelta(days=7)] if week < date(2026, 3, 23) else []
        back = [f"{figure(sum(at in weeks for weeks in cohort) / len(cohort) * 100)} %" for at in later]
        expected.append([f"{week.day} Mar", str(len(cohort)), *back, *([""] if not later else [])])
    shown = [row.locator("th, td").all_inner_texts() for row in page.locator("#cohorts tbody tr").all()]
    assert [[plain(cell) for cell in row] for row in shown] == expected


def test_funnel(page: Page, tables: ClickHouse) -> None:
    """By walking each customer's touchpoints: the furthest step within 30 days of any first one."""
    rows = tables.query(
        f"SELECT {WHO} AS who, groupArray((occurred_at, channel, action)) FROM"
        f" (SELECT * FROM touchpoints FINAL WHERE {SPOKE} AND {NOW.format(at='occurred_at')}"
        " ORDER BY occurred_at) GROUP BY who"
    )
    steps = ("visit", "product_viewed", "cart_added", "checkout_started", "purchased")
    taken = [furthest(history, steps) for _, history in rows]
    page.locator("#funnel summary").click()
    shown = [row.locator("td").first.inner_text() for row in page.locator("#steps tbody tr").all()]
    assert shown == [f"{sum(many > at for many in taken):,}" for at in range(len(steps))]


def furthest(history: list[Any], steps: tuple[str, ...]) -> int:
    """A period of 14 days is shorter than the window, so the earliest way on is the best."""
    reached = 0
    for _, channel, action in sorted(history):
        visit = channel in ("web", "mobile") and not action.startswith("push_")
        while reached < len(steps) and (visit if reached == 0 else action == steps[reached]):
            reached += 1
    return reached


def test_what_the_data_are_is_told(page: Page, tables: ClickHouse) -> None:
    counts = dict(tables.query("SELECT outcome, sum(records) FROM outcomes FINAL GROUP BY outcome"))
    for id_, outcome in (("accepted", "accepted"), ("duplicates", "duplicate"), ("late", "late")):
        assert page.locator(f"dd#{id_}").inner_text() == f"{counts.get(outcome, 0):,}"
    assert page.locator("dd#dead").inner_text().startswith(f"{counts['dead']:,}: ")
    [(newest,)] = tables.query("SELECT max(occurred_at) FROM touchpoints FINAL")
    assert f"Newest event {newest.day} Mar 2026, {newest:%H:%M} UTC" in page.locator("#freshness").inner_text()


@pytest.mark.parametrize(
    ("since", "until", "unit", "first"),
    [
        ("2026-01-01", "2026-06-30", "Week", "Week of 29 Dec 2025"),
        ("2020-01-15", "2026-12-31", "Month", "Jan 2020"),
    ],
)
def test_long_periods_go_by_week_and_month(
    browser: Browser, company: str, make_page: Making, tables: ClickHouse, since: str, until: str, unit: str, first: str
) -> None:
    path, done = make_page(company, "--since", since, "--until", until)
    assert done.exit_code == 0
    with opened(browser, path, NARROW) as (page, said, _):
        page.locator("#engagement summary").click()
        shown = [row.locator("th, td").all_inner_texts() for row in page.locator("#engagement details tr").all()]
        assert (shown[0][0], shown[1][0]) == (unit, first)
        total = sum(int(cell.replace(",", "")) for row in shown[1:] for cell in row[1:])
        assert total == tables.query(f"SELECT count() FROM touchpoints FINAL WHERE {HUMAN}")[0][0]
        assert page.locator("#cohorts th").first.inner_text() == f"{unit} of"
        assert said == []


def test_an_empty_period_says_so(browser: Browser, company: str, make_page: Making) -> None:
    path, done = make_page(company, "--since", "2020-01-01", "--until", "2020-01-31")
    assert (done.exit_code, done.stderr) == (1, "no touchpoint from 2020-01-01 to 2020-01-31: the page says so\n")
    with opened(browser, path) as (page, said, asked):
        assert page.locator("#empty").inner_text() == "There is no touchpoint from 1 Jan 2020 to 31 Jan 2020."
        assert page.locator(".chart").count() == 0
        assert page.locator("dd#accepted").inner_text() != "0"
        assert (said, asked) == ([], [])


def test_empty_tables_make_a_page(browser: Browser, stack: Any, make_page: Making) -> None:
    with database(stack, "nothing") as url:
        path, done = make_page(url)
    assert done.exit_code == 1
    with opened(browser, path) as (page, said, _):
        assert page.locator("#empty").is_visible()
        assert page.locator("dd#accepted").inner_text() == "0"
        assert said == []


def test_a_period_without_conversions_says_so_where_they_would_stand(
    browser: Browser, company: str, make_page: Making
) -> None:
    with ClickHouse(company) as client:
        [(day,)] = client.query("SELECT min(toDate(occurred_at)) FROM touchpoints FINAL")
        [(converted,)] = client.query(
            f"SELECT count() FROM journeys FINAL WHERE converted AND toDate(ended_at) = '{day}'"
        )
    path, done = make_page(company, "--since", str(day), "--until", str(day))
    assert done.exit_code == 0
    with opened(browser, path) as (page, said, _):
        assert card(page, "conversions")[0] == str(converted)
        assert ("No conversion in this period" in page.locator("#attribution").inner_text()) == (converted == 0)
        assert said == []
