"""`omnijourney verify` as an operator types it: what it is asked, and what is refused before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from streams.cli import main
from streams.commands.verify import sample
from streams.verification.part import Asked

WRONG_USE, UNREACHABLE = 2, 3
NOWHERE = {"OMNIJOURNEY_CLICKHOUSE_URL": "clickhouse://default@127.0.0.1:1/journeys"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["verify", *arguments], env=NOWHERE)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("all", Asked()),
        ("500", Asked(customers=500)),
        ("1%", Asked(share=0.01)),
        ("0.5%", Asked(share=0.005)),
        ("100%", Asked()),
    ],
)
def test_a_sample_is_a_number_or_a_share(said: str, asked: Asked) -> None:
    context: Any = None
    assert sample(context, context, said) == asked


@pytest.mark.parametrize("said", ["", "0", "0%", "101%", "1.5", "-1", "some", "1 %", "٣", "%"])
def test_anything_else_is_none(said: str) -> None:
    context: Any = None
    with pytest.raises(click.BadParameter, match="expected all, a number of customers"):
        sample(context, context, said)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--customers", "few"), "found 'few', expected all, a number of customers (500), or a share of them (1%)"),
        (("--since", "yesterday"), "'yesterday' does not match the format '%Y-%m-%d'"),
        (("--metrics", "/no/such/folder/verify.prom"), "expected a file in a folder that can be written"),
        (("--limit", "-1"), "-1 is not in the range x>=0"),
    ],
)
def test_wrong_use_is_one_clear_error(arguments: tuple[str, ...], complaint: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (WRONG_USE, "")
    assert complaint in result.stderr


def test_metrics_of_a_run_that_reached_nobody_stay_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "verify.prom"
    file.write_text("of yesterday")
    assert run("--customers", "1%", "--since", "2026-03-01", "--metrics", str(file)).exit_code == UNREACHABLE
    assert file.read_text() == "of yesterday"
