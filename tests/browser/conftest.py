"""The browser, and pages made by the command from real tables: the sample company's, hostile ones, empty ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from playwright.sync_api import Browser

from sinks.clickhouse import ClickHouse
from streams.cli import main
from streams.sample import generate
from tests.browser.opening import running
from tests.browser.tables import HOSTILE_RECORDS, fill_all
from tests.integration.filled import database

CUSTOMERS = 300
ACTORS = {"human", "suspect", "machine"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one module only: while the driver runs, no other event loop can in this thread."""
    with running() as found:
        yield found


@pytest.fixture(scope="session")
def company(stack: Any) -> Iterator[str]:
    """The address of tables of some of the sample company's customers."""
    with database(stack, "page") as url:
        with ClickHouse(url) as client:
            fill_all(client, [*generate(CUSTOMERS, 28, 1)], suspects=True)
            assert {actor for (actor,) in client.query("SELECT DISTINCT actor FROM touchpoints FINAL")} == ACTORS
        yield url


Making = Callable[..., tuple[Path, Result]]


@pytest.fixture(scope="session")
def make_page(tmp_path_factory: pytest.TempPathFactory) -> Making:
    """``make_page(url, "--since", "2026-03-16")`` gives the page's file and how the command ended."""

    def make(url: str, *arguments: str) -> tuple[Path, Result]:
        path = tmp_path_factory.mktemp("page") / "report.html"
        done = CliRunner().invoke(
            main, ["report", "-o", str(path), *arguments], env={"OMNIJOURNEY_CLICKHOUSE_URL": url}
        )
        return path, done

    return make


@pytest.fixture(scope="session")
def page_file(company: str, make_page: Making) -> Path:
    """The page of four weeks, which nothing is before."""
    path, done = make_page(company, "--since", "2026-03-02", "--until", "2026-03-29")
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(scope="session")
def compared_file(company: str, make_page: Making) -> Path:
    """The page of two weeks, with two before them."""
    path, done = make_page(company, "--since", "2026-03-16", "--until", "2026-03-29")
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(scope="session")
def hostile_file(stack: Any, make_page: Making) -> Iterator[Path]:
    """A page whose campaigns, orders and reasons would like to be a part of it."""
    with database(stack, "hostile") as url:
        with ClickHouse(url) as client:
            fill_all(client, HOSTILE_RECORDS)
        path, done = make_page(url)
        assert done.exit_code == 0, done.output
        yield path
