"""Attribution in ClickHouse: views add up, runs are kept, spend is set beside credits, drift tells what changed.

All figures are worked out by hand, or by another way than the view's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sinks.clickhouse import ClickHouse
from streams.attribution.models import DATA_DRIVEN, RULES
from streams.cli import main
from streams.config import PREFIX
from streams.domain.ids import uuid5
from tests.integration.filled import database
from tests.integration.rows import CREDITS, DAY_MS, HOUR_MS, insert, journey, rows
from tests.unit.sinks.plain_records import bare

pytestmark = pytest.mark.stack

FAILED, WRONG_USE = 1, 2
DIMENSIONS = ("channel", "marketing_channel", "campaign", "content")
#: 2026-03-01 08:00 UTC.
MARCH_MS = 1_772_352_000_000
MARCH = ["--since", "2026-03-01", "--until", "2026-03-31"]
EXPECTED_DAY = "expected a day from 1970-01-01 to 2149-06-05"
DIRECT, MAIL, SEARCH, DISPLAY = ("web", "Direct"), ("email", "Email"), ("web", "Paid Search"), ("web", "Display")


@pytest.fixture
def url(stack: Any) -> Iterator[str]:
    with database(stack, "attribution") as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[ClickHouse]:
    with ClickHouse(url) as client:
        yield client


def omnijourney(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={f"{PREFIX}CLICKHOUSE_URL": url})


def named(name: str, day: int, *touches: tuple[str, str], **fields: Any) -> dict[str, Any]:
    """A journey that begins on the ``day``-th day of March; its touches have different campaigns and contents."""
    start = MARCH_MS + (day - 1) * DAY_MS
    row = journey(name, *touches, started_at=start, **fields)
    for at, touch in enumerate(row["touches"]):
        touch |= {"campaign": f"c{at}" if at else "", "content": f"v{at % 2}"}
    return row


def sample(client: ClickHouse) -> None:
    """Seven conversions (five in EUR, one in USD, one without money), three journeys without."""
    insert(
        client,
        "journey",
        named("a", 1, MAIL, DIRECT),
        named("b", 2, SEARCH, DIRECT, MAIL, DIRECT, value_micros=10_000_004),
        named("c", 2, DIRECT),
        named("d", 3, DISPLAY, MAIL, value_micros=8),
        named("e", 4, SEARCH),
        named("f", 4, SEARCH, SEARCH, DIRECT, currency="USD"),
        named("g", 5, DISPLAY, DIRECT, currency="", value_micros=0, conversion_type="sign_up"),
        named("h", 6, DISPLAY, MAIL, converted=False),
        named("i", 7, DIRECT, converted=False),
        named("j", 8, DISPLAY, converted=False),
        named("gone", 9, DISPLAY, deleted=True),
        named("april", 35, DISPLAY),
    )


def test_each_model_adds_up_to_the_conversions_and_their_value_by_every_dimension(client: ClickHouse) -> None:
    sample(client)
    expected = {"EUR": (6, Decimal("50.000012")), "USD": (1, Decimal(10)), "": (1, Decimal(0))}
    for dimension in DIMENSIONS:
        found = client.query(
            "SELECT model, currency, sum(conversions), sum(value), count() FROM attribution_by_dimension"
            " WHERE dimension = %(dimension)s GROUP BY model, currency",
            {"dimension": dimension},
        )
        assert {(model, currency) for model, currency, *_ in found} == {(m, c) for m in CREDITS for c in expected}
        for model, currency, conversions, value, parts in found:
            assert conversions == pytest.approx(expected[currency][0]), (model, dimension)
            assert abs(value - expected[currency][1]) <= Decimal("0.0000005") * parts, (model, dimension)
        touches = client.query(
            "SELECT model, currency, sum(credit), sum(value), count() FROM attributions"  # noqa: S608 - composed of what stands here
            f" GROUP BY model, currency, {dimension}"
        )
        for model, currency in {(model, currency) for model, currency, *_ in touches}:
            of_it = [row for row in touches if row[:2] == (model, currency)]
            assert sum(row[2] for row in of_it) == pytest.approx(expected[currency][0])
            off = sum(row[3] for row in of_it) - expected[currency][1]
            assert abs(off) <= Decimal("0.0000005") * sum(row[4] for row in of_it)


def test_a_dimension_has_a_row_a_day_type_and_name(client: ClickHouse) -> None:
    sample(client)
    found = client.query(
        "SELECT day, name, currency, conversion_type, conversions, value FROM attribution_by_dimension"
        " WHERE model = 'linear' AND dimension = 'marketing_channel' AND day <= '2026-03-02' ORDER BY day, name"
    )
    assert found == [
        (date(2026, 3, 1), "Direct", "EUR", "purchase", 0.5, Decimal(5)),
        (date(2026, 3, 1), "Email", "EUR", "purchase", 0.5, Decimal(5)),
        (date(2026, 3, 2), "Direct", "EUR", "purchase", 1.5, Decimal("15.000002")),
        (date(2026, 3, 2), "Email", "EUR", "purchase", 0.25, Decimal("2.500001")),
        (date(2026, 3, 2), "Paid Search", "EUR", "purchase", 0.25, Decimal("2.500001")),
    ]


@pytest.mark.parametrize("model", DATA_DRIVEN)
@pytest.mark.parametrize("dimension", ["marketing_channel", "channel", "campaign"])
def test_a_run_is_kept_with_its_parameters_counts_and_credits(
    url: str, client: ClickHouse, model: str, dimension: str
) -> None:
    sample(client)
    shown = omnijourney(url, "attribute", "--by", dimension, *MARCH, "--model", model, "--seed", "7")
    assert shown.exit_code == 0, shown.output
    [run] = rows(client, "attribution_runs")
    assert f"kept as run {run['run_id']}" in shown.output
    assert (run["model"], run["dimension"], run["conversion_type"], run["seed"]) == (model, dimension, "", 7)
    assert (run["since"], run["until"], run["lookback_ms"]) == (date(2026, 3, 1), date(2026, 3, 31), 30 * DAY_MS)
    assert run["markov_order"] == (1 if model == "markov" else 0)
    assert (run["journeys"], run["conversions"], run["sampled_orders"]) == (10, 7, 0)
    # By campaign: the first touch has none, and c and e have no other.
    assert run["coverage"] == pytest.approx(5 / 7 if dimension == "campaign" else 1)
    found = rows(client, "attribution_results_now")
    for currency, conversions, value in (("EUR", 5, "40.000012"), ("USD", 1, "10"), ("", 1, "0")):
        of_it = [row for row in found if row["currency"] == currency]
        assert sum(row["conversions"] for row in of_it) == pytest.approx(conversions)
        assert sum(row["value"] for row in of_it) == Decimal(value)
    assert {row["removal_effect"] is None for row in found} == {model != "markov"}
    assert {row["share_error"] for row in found} == {None}


def test_markov_of_the_sample_is_what_paper_and_pencil_give(url: str, client: ClickHouse) -> None:
    """By channel, repeats being one: email > web, web > email > web, web > email and four times web convert; web >
    email and twice web don't. Solved by elimination."""
    sample(client)
    assert omnijourney(url, "attribute", "--by", "channel", *MARCH, "--model", "markov").exit_code == 0
    # Leaving web: to conversion a, b, c, e, f, g = 6, to null i, j = 2, to email b, d, h = 3; of 11.
    # Leaving email: to web a, b = 2, to conversion d = 1, to null h = 1; of 4. Starts: web 9, email 1.
    web = (6 / 11 + 3 / 11 * 1 / 4) / (1 - 3 / 11 * 2 / 4)
    mail = 1 / 4 + 2 / 4 * web
    whole = 9 / 10 * web + 1 / 10 * mail
    without_mail, without_web = 9 / 10 * 6 / 11, 1 / 10 * 1 / 4
    found = client.query("SELECT DISTINCT name, removal_effect FROM attribution_results_now ORDER BY name")
    assert dict(found) == pytest.approx({"email": 1 - without_mail / whole, "web": 1 - without_web / whole})


def test_the_newest_run_of_each_kind_is_shown_and_all_are_kept(url: str, client: ClickHouse) -> None:
    sample(client)
    for arguments in (["--model", "markov"], ["--model", "markov", "--order", "2"], ["--model", "markov"]):
        assert omnijourney(url, "attribute", "--by", "channel", *MARCH, *arguments).exit_code == 0
    runs = client.query("SELECT run_id, markov_order FROM attribution_runs FINAL ORDER BY ran_at")
    assert [order for _, order in runs] == [1, 2, 1]
    now = client.query("SELECT DISTINCT run_id FROM attribution_results_now")
    assert {run for (run,) in now} == {runs[1][0], runs[2][0]}
    assert len(client.query("SELECT DISTINCT run_id FROM attribution_results")) == 3
    # The same data and parameters give the same figures, to the last bit.
    credits_ = "SELECT name, currency, conversions, share FROM attribution_results WHERE run_id = %(run)s ORDER BY 1, 2"
    first, _, third = (client.query(credits_, {"run": run}) for run, _ in runs)
    assert first == third


def test_a_type_of_conversion_counts_alone_and_an_unknown_one_is_told_what_there_is(
    url: str, client: ClickHouse
) -> None:
    sample(client)
    arguments = ["attribute", "--by", "channel", *MARCH, "--model", "shapley", "--conversion"]
    assert omnijourney(url, *arguments, "sign_up").exit_code == 0
    [run] = rows(client, "attribution_runs")
    assert (run["conversion_type"], run["journeys"], run["conversions"]) == ("sign_up", 10, 1)
    unknown = omnijourney(url, *arguments, "lease")
    assert unknown.exit_code == FAILED
    assert "of type 'lease'; found purchase (6), sign_up (1)" in unknown.output


def test_touches_before_the_lookback_are_left_out_and_open_journeys_are_counted(url: str, client: ClickHouse) -> None:
    now_ms = client.query("SELECT toUnixTimestamp64Milli(now64(3))")[0][0] // DAY_MS * DAY_MS
    long_ago = journey("long", MAIL, DISPLAY, DIRECT)
    long_ago["touches"][0]["at"] = now_ms - 32 * DAY_MS
    long_ago["touches"][1]["at"] = now_ms - 31 * DAY_MS
    insert(
        client,
        "journey",
        long_ago | {"ended_at": now_ms - DAY_MS},
        journey("open", DIRECT, DISPLAY, started_at=now_ms - 2 * DAY_MS, converted=False),
    )
    since = datetime.fromtimestamp(now_ms / 1000 - 3 * 86_400, UTC).date()
    until = datetime.fromtimestamp(now_ms / 1000, UTC).date()
    days = ["--since", str(since), "--until", str(until)]
    shown = omnijourney(url, "attribute", "--by", "marketing_channel", *days, "--model", "shapley")
    assert "2 journeys (1 may still go on" in shown.output
    found = client.query("SELECT name, conversions FROM attribution_results_now ORDER BY name")
    # Display began 30 days before the end, to the millisecond: it is in the lookback.
    assert found == [("Direct", 0.5), ("Display", 0.5)]


def test_compared_models_are_those_of_runs_and_views_and_the_chart_is_drawn(
    url: str, client: ClickHouse, tmp_path: Path
) -> None:
    sample(client)
    chart = tmp_path / "models.svg"
    shown = omnijourney(url, "attribute", "--by", "marketing_channel", *MARCH, "--compare", "-o", str(chart))
    assert shown.exit_code == 0, shown.output
    assert client.query("SELECT count() FROM attribution_runs") == [(0,)]
    lines = shown.output.splitlines()
    figures = {line.split("  ")[0].strip(): line.split()[-11:] for line in map(str.strip, lines) if "  " in line}
    expected: dict[str, dict[str, float]] = {}
    for model in DATA_DRIVEN:
        assert omnijourney(url, "attribute", "--by", "marketing_channel", *MARCH, "--model", model).exit_code == 0
    for name, model, credit in client.query(
        "SELECT name, toString(model), sum(conversions) FROM attribution_results_now GROUP BY name, model UNION ALL"
        " SELECT name, toString(model), sum(conversions) FROM attribution_by_dimension"
        " WHERE dimension = 'marketing_channel' AND day <= '2026-03-31' GROUP BY name, model"
    ):
        expected.setdefault(name, {})[model] = credit
    assert set(expected) == {"Direct", "Email", "Paid Search", "Display"}
    for name, credits_ in expected.items():
        assert figures[name] == [f"{credits_.get(model, 0):,.1f}" for model in (*RULES, *DATA_DRIVEN)], name
    drawn = chart.read_text("utf-8")
    assert drawn.startswith("<?xml")
    for text in ("Paid Search", "last_non_direct", "markov", "95% intervals"):
        assert text in drawn


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--since", "2026-04-01", "--until", "2026-03-01", "--model", "markov"],
            "--since 2026-04-01 is after --until",
        ),
        ([*MARCH], "expected either --model MODEL, to keep a run, or --compare"),
        ([*MARCH, "--model", "markov", "--compare"], "expected either --model"),
        ([*MARCH, "--model", "shapley", "--order", "2"], "--order is markov's"),
        ([*MARCH, "--model", "markov", "--order", "4"], "4 is not in the range 1<=x<=3"),
        ([*MARCH, "--model", "markov", "-o", "x.svg"], "-o draws the comparison"),
        ([*MARCH, "--compare", "-o", "x.jpg"], "found 'x.jpg', expected a name that ends with .svg or .png"),
        ([*MARCH, "--compare", "-o", "no/where/x.svg"], "expected a file in a folder that exists"),
        (["--since", "1.3.2026", "--until", "2026-03-01", "--model", "markov"], "found '1.3.2026', expected a day as"),
        ([*MARCH[:3], "2999-12-31", "--model", "markov"], f"found '2999-12-31', {EXPECTED_DAY}"),
        ([*MARCH[:3], "2149-06-06", "--model", "markov"], f"found '2149-06-06', {EXPECTED_DAY}"),
        ([*MARCH[:3], "9999-12-31", "--compare"], f"found '9999-12-31', {EXPECTED_DAY}"),
        (["--since", "1969-12-31", *MARCH[2:], "--model", "markov"], f"found '1969-12-31', {EXPECTED_DAY}"),
        ([*MARCH, "--model", "magic"], "'magic' is not one of"),
    ],
)
def test_wrong_use_of_attribute_is_one_clear_error(url: str, arguments: list[str], said: str) -> None:
    shown = omnijourney(url, "attribute", "--by", "channel", *arguments)
    assert shown.exit_code == WRONG_USE
    assert said in shown.output


def test_a_range_without_conversions_says_so(url: str) -> None:
    shown = omnijourney(url, "attribute", "--by", "channel", *MARCH, "--model", "markov")
    assert shown.exit_code == FAILED
    assert "no journey that ended from 2026-03-01 to 2026-03-31 was closed by a conversion; found none" in shown.output


def write(path: Path, *lines: str) -> str:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


def test_spend_is_taken_once_and_replaced_by_day_name_and_currency(
    url: str, client: ClickHouse, tmp_path: Path
) -> None:
    header = "day,marketing_channel,amount,currency"
    first = write(tmp_path / "a.csv", header, "2026-03-01,Display,10.5,EUR", "2026-03-01,Display,3,CHF")
    for _ in range(2):
        shown = omnijourney(url, "spend", first)
        assert "2 rows by marketing channel, 2026-03-01 to 2026-03-01: 3.00 CHF, 10.50 EUR" in shown.output
    assert omnijourney(url, "spend", write(tmp_path / "b.csv", header, "2026-03-01,Display,8,EUR")).exit_code == 0
    client.query("OPTIMIZE TABLE spend FINAL")
    assert client.query("SELECT day, dimension, name, currency, amount_micros FROM spend ORDER BY currency") == [
        (date(2026, 3, 1), "marketing_channel", "Display", "CHF", 3_000_000),
        (date(2026, 3, 1), "marketing_channel", "Display", "EUR", 8_000_000),
    ]


def test_nothing_of_a_file_with_a_wrong_line_is_taken(url: str, client: ClickHouse, tmp_path: Path) -> None:
    lines = ["day,campaign,amount,currency", "2026-03-01,spring,1,EUR", *(["2026-03-01,spring,x,EUR"] * 25)]
    shown = omnijourney(url, "spend", write(tmp_path / "a.csv", *lines))
    assert shown.exit_code == FAILED
    assert "a.csv: nothing was taken:\n  line 3: amount: found 'x', expected a number from 0" in shown.output
    assert shown.output.endswith("  ... 5 more\n")
    assert client.query("SELECT count() FROM spend") == [(0,)]
    binary = tmp_path / "b.csv"
    binary.write_bytes(b"day,campaign,amount,currency\n2026-03-01,\xff\xfe,1,EUR\n")
    shown = omnijourney(url, "spend", str(binary))
    assert shown.exit_code == FAILED
    assert "expected text in UTF-8" in shown.output
    assert omnijourney(url, "spend", str(tmp_path / "none.csv")).exit_code == WRONG_USE


def test_cost_and_return_by_model_with_spend_alone_and_conversions_alone_both_shown(
    url: str, client: ClickHouse, tmp_path: Path
) -> None:
    sample(client)
    lines = [
        "day,marketing_channel,amount,currency",
        "2026-03-02,Paid Search,4,EUR",
        "2026-03-02,Paid Search,9,USD",
        "2026-03-03,Affiliates,5,EUR",
        "2026-03-04,Affiliates,1,EUR",
    ]
    assert omnijourney(url, "spend", write(tmp_path / "a.csv", *lines)).exit_code == 0
    columns = "name, currency, spend, conversions, value, cost_per_conversion, roas"
    daily = client.query(
        f"SELECT day, {columns} FROM return_on_spend_daily"  # noqa: S608 - composed of what stands here
        " WHERE model = 'linear' AND dimension = 'marketing_channel' AND day BETWEEN '2026-03-02' AND '2026-03-04'"
        " ORDER BY day, name, currency"
    )
    second, third, fourth = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4)
    one_third = pytest.approx(1 / 3)
    assert daily == [
        (second, "Direct", "EUR", None, 1.5, Decimal("15.000002"), None, None),
        (second, "Email", "EUR", None, 0.25, Decimal("2.500001"), None, None),
        (second, "Paid Search", "EUR", Decimal(4), 0.25, Decimal("2.500001"), 16.0, one(0.62500025)),
        (second, "Paid Search", "USD", Decimal(9), 0.0, Decimal(0), None, 0.0),
        (third, "Affiliates", "EUR", Decimal(5), 0.0, Decimal(0), None, 0.0),
        (third, "Display", "EUR", None, 0.5, Decimal("0.000004"), None, None),
        (third, "Email", "EUR", None, 0.5, Decimal("0.000004"), None, None),
        (fourth, "Affiliates", "EUR", Decimal(1), 0.0, Decimal(0), None, 0.0),
        (fourth, "Direct", "USD", None, one_third, Decimal("3.333333"), None, None),
        (fourth, "Paid Search", "EUR", None, 1.0, Decimal(10), None, None),
        (fourth, "Paid Search", "USD", None, pytest.approx(2 / 3), Decimal("6.666667"), None, None),
    ]
    whole = client.query(
        f"SELECT {columns}, since, until FROM return_on_spend"  # noqa: S608 - composed of what stands here
        " WHERE model = 'linear' AND dimension = 'marketing_channel' AND name = 'Paid Search' ORDER BY currency"
    )
    days = (second, fourth)
    assert whole == [
        ("Paid Search", "EUR", Decimal(4), 1.25, Decimal("12.500001"), one(3.2), one(3.12500025), *days),
        (
            "Paid Search",
            "USD",
            Decimal(9),
            pytest.approx(2 / 3),
            Decimal("6.666667"),
            pytest.approx(13.5),
            one(6.666667 / 9),
            *days,
        ),
    ]


def test_spend_that_is_taken_back_is_as_if_never_told(url: str, client: ClickHouse, tmp_path: Path) -> None:
    sample(client)

    def told() -> list[Any]:
        return client.query(
            "SELECT day, spend, since, until FROM return_on_spend_daily AS daily LEFT JOIN"
            " (SELECT DISTINCT since, until FROM return_on_spend WHERE model = 'last') AS days ON true"
            " WHERE model = 'last' AND dimension = 'marketing_channel' AND name = 'Paid Search' AND currency = 'EUR'"
            " ORDER BY day"
        )

    header, second, fourth = "day,marketing_channel,amount,currency", date(2026, 3, 2), date(2026, 3, 4)
    rows = [header, "2026-03-02,Paid Search,4,EUR", "2026-03-04,Paid Search,7,EUR"]
    assert omnijourney(url, "spend", write(tmp_path / "a.csv", *rows)).exit_code == 0
    both = [(second, Decimal(4), second, fourth), (fourth, Decimal(7), second, fourth)]
    assert told() == both
    back = [header, "2026-03-04,Paid Search,0,EUR"]
    assert omnijourney(url, "spend", write(tmp_path / "b.csv", *back)).exit_code == 0
    assert told() == [(second, Decimal(4), second, second), (fourth, None, second, second)]
    assert omnijourney(url, "spend", write(tmp_path / "a.csv", *rows)).exit_code == 0
    assert told() == both


def one(value: float) -> Any:
    return pytest.approx(value)


def test_a_run_is_set_beside_the_spend_of_its_days(url: str, client: ClickHouse, tmp_path: Path) -> None:
    sample(client)
    lines = [
        "day,marketing_channel,amount,currency",
        "2026-03-02,Paid Search,4,EUR",
        "2026-03-03,Affiliates,5,EUR",
        "2026-04-03,Paid Search,100,EUR",
    ]
    assert omnijourney(url, "spend", write(tmp_path / "a.csv", *lines)).exit_code == 0
    assert omnijourney(url, "attribute", "--by", "marketing_channel", *MARCH, "--model", "shapley").exit_code == 0
    found = client.query(
        "SELECT name, currency, spend, conversions, cost_per_conversion, roas, since, until FROM return_on_spend"
        " WHERE model = 'shapley' AND currency = 'EUR' ORDER BY name"
    )
    days = (date(2026, 3, 1), date(2026, 3, 31))
    third = 1 / 3
    assert found == [
        ("Affiliates", "EUR", Decimal(5), 0.0, None, 0.0, *days),
        ("Direct", "EUR", None, one(0.5 + third + 1), None, None, *days),
        ("Display", "EUR", None, 0.5, None, None, *days),
        ("Email", "EUR", None, one(0.5 + third + 0.5), None, None, *days),
        ("Paid Search", "EUR", Decimal(4), one(third + 1), one(4 / (third + 1)), one((10 * third + 10) / 4), *days),
    ]


def credited(*touches: tuple[str, float]) -> dict[str, Any]:
    """Credits of a conversion: the same share to each marketing channel under every model."""
    found = bare("journey_change")["after"] | {f"credit_{model}": [share for _, share in touches] for model in CREDITS}
    touch = {"at": MARCH_MS, "channel": "web", "campaign": "", "content": "", "touchpoints": 1}
    return found | {"touches": [touch | {"marketing_channel": name} for name, _ in touches]}


def changed(
    conversion: str, at: int, cause: str, before: dict[str, Any], after: dict[str, Any], **fields: Any
) -> dict[str, Any]:
    """A change of a conversion of 10 EUR on the first of March, ``at`` hours later."""
    told = {
        "customer_id": uuid5("customer", "a"),
        "journey_before": uuid5("journey", conversion) if before["touches"] else "",
        "journey_after": uuid5("journey", conversion) if after["touches"] else "",
        "cause": cause,
        "changed_at": MARCH_MS + at * HOUR_MS,
        "conversion_channel": "web",
        "conversion_via": "cookie_id:a",
        "conversion_event_id": conversion,
        "converted_at": MARCH_MS,
        "conversion_type": "purchase",
        "value_micros": 10_000_000,
        "currency": "EUR",
        "version": at + 1,
        "before": before,
        "after": after,
    }
    return bare("journey_change", **(told | fields))


def test_drift_tells_what_was_first_seen_what_each_cause_added_and_what_is_now(client: ClickHouse) -> None:
    """p: Direct; a late e-mail takes half; its customer turns out to be another, who came by search, so it changes
    hands: the loss is told a millisecond before the gain. q: Display, a machine's. r: of the next day, never changed.
    """
    nothing, direct, half = credited(), credited(("Direct", 1.0)), credited(("Email", 0.5), ("Direct", 0.5))
    quarters = credited(("Paid Search", 0.25), ("Email", 0.25), ("Direct", 0.25), ("Direct", 0.25))
    other = {"customer_id": uuid5("customer", "b"), "journey_after": uuid5("journey", "of b")}
    insert(
        client,
        "journey_change",
        changed("p", 0, "arrival", nothing, direct),
        changed("p", 1, "late", direct, half),
        changed("p", 2, "merge", half, nothing, changed_at=MARCH_MS + 2 * HOUR_MS - 1),
        changed("p", 2, "merge", nothing, quarters, version=1, **other),
        changed("q", 3, "merge", nothing, credited(("Display", 1.0))),
        changed("q", 4, "verdict", credited(("Display", 1.0)), direct),
        changed("q", 5, "split", direct, credited(("Referral", 1.0))),
        changed(
            "r", 6, "late", nothing, direct, converted_at=MARCH_MS + DAY_MS, value_micros=1_000_000, currency="USD"
        ),
        bare("journey_change", customer_id=uuid5("customer", "a"), journey_after=uuid5("journey", "n"), version=99),
    )
    causes = ("arrival", "late", "merge", "split", "verdict", "other")
    columns = ["first_seen", *causes, "now"]
    found = {
        (str(row["day"]), row["marketing_channel"], row["currency"]): (
            [row[f"conversions_{column}"] for column in columns],
            [float(row[f"value_{column}"]) for column in columns],
        )
        for row in rows(client, "attribution_drift", "WHERE model = 'linear'")
    }
    expected = {
        ("2026-03-01", "Direct", "EUR"): [1, 0, -0.5, 0, -1, 1, 0, 0.5],
        ("2026-03-01", "Email", "EUR"): [0, 0, 0.5, -0.25, 0, 0, 0, 0.25],
        ("2026-03-01", "Paid Search", "EUR"): [0, 0, 0, 0.25, 0, 0, 0, 0.25],
        ("2026-03-01", "Display", "EUR"): [1, 0, 0, 0, 0, -1, 0, 0],
        ("2026-03-01", "Referral", "EUR"): [0, 0, 0, 0, 1, 0, 0, 1],
    }
    assert found.pop(("2026-03-02", "Direct", "USD")) == ([1, 0, 0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0, 0, 1])
    assert found == {key: (figures, [10 * figure for figure in figures]) for key, figures in expected.items()}
    assert client.query("SELECT uniqExact(model), count() FROM attribution_drift") == [(8, 8 * 6)]


def test_first_seen_and_all_changes_are_what_is_credited_now(client: ClickHouse) -> None:
    """The same by the log itself, under every model, for one day: nothing of it is lost on the way."""
    nothing, direct = credited(), credited(("Direct", 1.0))
    thirds = credited(("Email", 1 / 3), ("Display", 1 / 3), ("Direct", 1 / 3))
    insert(
        client,
        "journey_change",
        *(changed(f"e{n}", 0, "arrival", nothing, direct, version=n + 1) for n in range(20)),
        *(changed(f"e{n}", 1, "late", direct, thirds, version=100 + n) for n in range(0, 20, 2)),
        *(changed(f"e{n}", 2, "verdict", thirds, direct, version=200 + n) for n in range(0, 20, 4)),
    )
    causes = ("first_seen", "arrival", "late", "merge", "split", "verdict", "other")
    for row in rows(client, "attribution_drift"):
        for figure in ("conversions", "value"):
            parts = sum(float(row[f"{figure}_{cause}"]) for cause in causes)
            assert parts == pytest.approx(float(row[f"{figure}_now"]), abs=1e-5)
        [(by_log,)] = client.query(
            "SELECT sum(credit_after - credit_before) FROM attribution_changes"
            " WHERE model = %(model)s AND marketing_channel = %(marketing_channel)s",
            row,
        )
        assert row["conversions_now"] == pytest.approx(by_log, abs=1e-8)
    now = client.query(
        "SELECT marketing_channel, conversions_now FROM attribution_drift WHERE model = 'last' ORDER BY 1"
    )
    assert now == [("Direct", one(15 + 5 / 3)), ("Display", one(5 / 3)), ("Email", one(5 / 3))]
