"""metric_definitions, the views that it names and docs/definitions.md say the same."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from tests.integration.rows import DAY_MS, NOON_MS, engaged, insert, insert_touchpoints, session, touchpoint

pytestmark = pytest.mark.stack

DOCS = Path(__file__).parents[2] / "docs" / "definitions.md"
HEAD = "| channel | metric | formula | unit | source | views |"
INTERVAL = {"low", "high"}


class Metric(NamedTuple):
    """A row of metric_definitions."""

    channel: str
    name: str
    formula: str
    unit: str
    source: str
    views: list[str]


@pytest.fixture(scope="module")
def client(stack: Any) -> Iterator[ClickHouse]:
    """A client of a migrated database in which every metric has something to say."""
    url = f"{stack.clickhouse_url.rpartition('/')[0]}/metrics_{uuid4().hex[:12]}"
    migrate(url)
    with ClickHouse(url) as client:
        fill(client)
        yield client
        client.query(f"DROP DATABASE `{client.database}`")


@pytest.fixture(scope="module")
def metrics(client: ClickHouse) -> list[Metric]:
    return [Metric(*row) for row in client.query("SELECT * FROM metric_definitions")]


def fill(client: ClickHouse) -> None:
    """A little of every channel, and rows over nothing."""
    sent = {"sent": 11, "delivered": 9, "bounced": 2, "push_delivered": 7, "impression_shown": 30}
    done = {"complained": 1, "unsubscribed": 2, "push_opened": 3, "reacted": 4, "commented": 5, "shared": 6}
    for n, channel in enumerate(("email", "web", "mobile", "social", "service")):
        insert(
            client,
            "engagement",
            engaged(channel=channel, outbound=8, actions=sent),
            engaged(
                channel=channel, source_partition=1, inbound=5 + n, unique_openers=4, unique_clickers=3, actions=done
            ),
            engaged(channel=channel, actor="machine", campaign="machines", inbound=1),
            engaged(channel=channel, campaign="nothing", outbound=1),
        )
    insert(client, "session", *[session(f"{n}", engaged=n > 0) for n in range(3)])
    insert(client, "session", session("app", channel="mobile"))
    for n in range(3):
        thread: dict[str, Any] = {"channel": "service", "thread_id": f"thread {n}", "occurred_at": NOON_MS + n * DAY_MS}
        insert_touchpoints(client, touchpoint(f"ask {n}", **thread))
        if n:
            thread["occurred_at"] += 30_000 * n
            insert_touchpoints(client, touchpoint(f"answer {n}", direction="outbound", **thread))
    asked = {"channel": "service", "satisfaction": {"metric": "nps", "score": 9}}
    insert_touchpoints(client, touchpoint("survey", **asked))


def columns(client: ClickHouse) -> dict[str, dict[str, str]]:
    """View or table -> column -> type."""
    found: dict[str, dict[str, str]] = {}
    query = "SELECT table, name, type FROM system.columns WHERE database = %(database)s"
    for table, name, type_ in client.query(query, {"database": client.database}):
        found.setdefault(table, {})[name] = type_
    return found


def test_every_metric_is_a_column_of_each_of_its_views(client: ClickHouse, metrics: list[Metric]) -> None:
    known = columns(client)
    assert len(metrics) > 30
    assert [m for m in metrics if not m.views] == []
    assert [(m.name, view) for m in metrics for view in m.views if m.name not in known.get(view, {})] == []


def test_every_rate_of_those_views_is_a_metric(client: ClickHouse, metrics: list[Metric]) -> None:
    known = columns(client)
    views = {view for m in metrics for view in m.views}
    rates = {(view, name) for view in views for name, type_ in known[view].items() if type_ == "Nullable(Float64)"}
    assert {(view, name) for view, name in rates if name not in INTERVAL} <= {
        (v, m.name) for m in metrics for v in m.views
    }


def test_every_source_is_a_column_of_a_table(client: ClickHouse, metrics: list[Metric]) -> None:
    known = columns(client)
    tables = {
        name
        for (name,) in client.query(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine != 'View'"
        )
    }
    for metric in metrics:
        for source in metric.source.split(", "):
            table, _, column = source.partition(".")
            assert table in tables, metric
            assert column in known[table], metric


def test_every_share_is_its_formula_and_null_over_nothing(client: ClickHouse, metrics: list[Metric]) -> None:
    shares = [m for m in metrics if m.unit == "share"]
    assert len(shares) > 20
    for metric in shares:
        of_channel = "" if metric.channel == "any" else f"WHERE channel = '{metric.channel}'"
        for view in metric.views:
            query = f"SELECT {metric.name}, {metric.formula} FROM {view} {of_channel}"  # noqa: S608 - composed of what stands here
            found = client.query(query)
            assert [row for row in found if row[0] is not None], (view, query)
            for value, formula in found:
                # ClickHouse divides by nothing to nan or infinity, which is what the view must not show.
                assert (value if value is not None else "NULL") == (
                    pytest.approx(formula) if abs(formula) < float("inf") else "NULL"
                ), (view, query)


def test_the_documentation_has_the_same_table(metrics: list[Metric]) -> None:
    text = DOCS.read_text("utf-8")
    table = text[text.index(HEAD) :].split("\n\n")[0].splitlines()
    assert table[2:] == [documented(metric) for metric in metrics]


def documented(metric: Metric) -> str:
    """The metric's line in the documentation: what is a column stands as code."""
    formula = f"`{metric.formula}`" if metric.unit == "share" else metric.formula
    source = re.sub(r"[a-z_.]+", r"`\g<0>`", metric.source)
    views = ", ".join(f"`{view}`" for view in metric.views)
    return f"| {metric.channel} | `{metric.name}` | {formula} | {metric.unit} | {source} | {views} |"
