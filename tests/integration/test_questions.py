"""Every documented question runs on the tables of a small sample company, and says something that a person can read."""

import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sinks.clickhouse import ClickHouse
from sinks.describe import BEGIN, ask, describe, described, without_answers
from sinks.plain_table import plain_table
from sinks.questions import QUESTIONS, read_questions
from streams.cli import main
from streams.sample import generate
from streams.sample.spending import spending
from tests.integration import rows
from tests.integration.filled import database, fill

pytestmark = pytest.mark.stack

DOCS = Path(__file__).parents[2] / "docs" / "tables.md"
CUSTOMERS, DAYS, SEED = 150, 28, 1
ROWS_READ_AT_A_GLANCE = 12
WIDEST = 160


@pytest.fixture(scope="module")
def company(stack: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    """A client of a database that holds a small sample company with its spend and runs, and a little of its logs."""
    with database(stack, "questions") as url, ClickHouse(url) as client:
        fill(client, [*generate(CUSTOMERS, DAYS, SEED)])
        rows.fill(client)
        spent = tmp_path_factory.mktemp("questions") / "spend.csv"
        spent.write_text("\n".join(spending(CUSTOMERS, DAYS, SEED)), "utf-8")
        run(url, "spend", str(spent))
        for model in ("markov", "shapley"):
            month = ("--since", "2026-03-01", "--until", "2026-03-31")
            run(url, "attribute", "--by", "marketing_channel", *month, "--model", model)
        yield client


def run(url: str, *arguments: str) -> None:
    """A command of omnijourney on the database, which must succeed."""
    result = CliRunner().invoke(main, arguments, env={"OMNIJOURNEY_CLICKHOUSE_URL": url})
    assert result.exit_code == 0, result.output


def written_queries() -> list[str]:
    """Queries of docs/tables.md that stand by no view."""
    return re.findall(r"```sql\n(.*?)```", DOCS.read_text("utf-8").partition(BEGIN)[0], re.DOTALL)


def test_every_view_has_exactly_one_question_and_no_other_file_asks_one(company: ClickHouse) -> None:
    views = [one.name for one in described(company) if one.is_view]
    assert sorted(path.name for path in QUESTIONS.glob("*.sql")) == sorted(f"{view}.sql" for view in views)


@pytest.mark.parametrize("view", read_questions())
def test_a_question_gets_a_readable_answer(company: ClickHouse, view: str) -> None:
    names, found = ask(company, read_questions()[view])
    assert 1 <= len(found) <= ROWS_READ_AT_A_GLANCE
    assert max(map(len, plain_table(names, found).splitlines())) <= WIDEST


@pytest.mark.parametrize("view", read_questions())
def test_a_question_gets_the_same_answer_each_time(company: ClickHouse, view: str) -> None:
    question = read_questions()[view]
    answers = [company.query(f"{question.query}\nSETTINGS max_threads = {threads}") for threads in (1, 4)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("query", written_queries())
def test_every_other_documented_query_runs_and_finds_something(company: ClickHouse, query: str) -> None:
    assert company.query(query)


def test_the_reference_shows_question_query_and_answer_of_a_view(company: ClickHouse) -> None:
    question = read_questions()["journeys_now"]
    section = describe(company).partition("\n### journeys_now\n")[2].partition("\n### ")[0]
    answer = plain_table(*ask(company, question))
    assert f"\n*{question.text}*\n\n```sql\n{question.query}\n```\n\n```text\n{answer}\n```\n\n| column |" in section
    assert answer not in without_answers(section)
    assert f"```sql\n{question.query}\n```\n\n| column |" in without_answers(section)


def test_columns_of_a_parameterized_view_are_what_its_answers_have(company: ClickHouse) -> None:
    views = [one for one in described(company) if one.parameters]
    assert {"funnel", "customer_timeline"} <= {view.name for view in views}
    for view in views:
        call = call_of(view.name, read_questions()[view.name].query)
        found = [(name, type_) for name, type_, *_ in company.query(f"DESCRIBE TABLE (SELECT * FROM {call})")]  # noqa: S608 - composed of what stands here
        assert [(name, type_) for name, type_, _ in view.columns] == found


def call_of(view: str, query: str) -> str:
    """The view with its arguments as ``query`` calls it."""
    start = query.index(f"{view}(")
    depths = accumulate((sign == "(") - (sign == ")") for sign in query[start + len(view) :])
    return query[start : start + len(view) + next(i for i, depth in enumerate(depths, 1) if depth == 0)]
