"""Tables and charts of attribution: what stands where, and that a chart shows what the table says."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from streams.attribution.bootstrap import Interval
from streams.attribution.models import DATA_DRIVEN, RULES
from streams.attribution.run import Counts, Credit, Run
from streams.commands.attribution_report import (
    WIDTH,
    comparison_note,
    comparison_table,
    counts_line,
    draw_comparison,
    problem_lines,
    run_table,
)


def printed(table: Any) -> list[list[str]]:
    """The cells of each line, split where two blanks stand."""
    file = io.StringIO()
    Console(file=file, width=WIDTH).print(table)
    assert max(map(len, file.getvalue().splitlines())) <= WIDTH
    return [re.split(r" {2,}", line.strip()) for line in file.getvalue().splitlines() if line.strip()]


def interval(*credits_: float, error: float | None = None) -> Interval:
    found = np.array(credits_)
    return Interval(found, found * 0.5 - 1, found * 2, None if error is None else np.full(len(found), error))


def compared(channels: int) -> dict[str, Interval]:
    return {model: interval(*(float(10 * (at + 1)) for at in range(channels))) for model in (*RULES, *DATA_DRIVEN)}


def test_a_run_has_a_line_a_channel_and_a_column_a_currency() -> None:
    credits_ = [
        Credit("Email", "EUR", 3.0, 12_500_000, 0.75, None, 0.9),
        Credit("Email", "", 1.0, 0, 0.75, None, 0.9),
        Credit("", "EUR", 1.25, 1_000_000_000, 0.25, None, 0.3),
    ]
    lines = printed(run_table(Run(Counts(9, 0, 4, 3, 4), credits_, 0)))
    assert lines[0] == ["share", "removal effect", "conversions", "value EUR"]
    assert lines[2:] == [
        ["Email", "75.0 %", "90.0 %", "4.0", "12.50"],
        ["(none)", "25.0 %", "30.0 %", "1.2", "1,000.00"],
    ]


def test_a_sampled_run_shows_its_standard_error() -> None:
    credits_ = [Credit("Email", "", 4.0, 0, 1.0, 0.012, None)]
    lines = printed(run_table(Run(Counts(9, 0, 4, 3, 4), credits_, 1000)))
    assert lines[0] == ["share", "standard error", "conversions"]
    assert lines[2] == ["Email", "100.0 %", "± 1.2 %", "4.0"]


def test_the_comparison_ranks_channels_by_markov_and_has_limits_below_credits() -> None:
    found = compared(2) | {"markov": interval(8.0, 3.0)}
    lines = printed(comparison_table(["Email", "Direct\x1b"], found))
    email = next(at for at, line in enumerate(lines) if line[0] == "Email")
    assert lines[email][1:] == ["10.0"] * 8 + ["8.0"] + ["10.0"] * 2
    assert lines[email + 1] == ["4-20"] * 8 + ["3-16"] + ["4-20"] * 2
    assert lines[email + 2][0] == "Direct?"
    assert lines[email + 3][8] == "0.5-6.0"


def test_limits_below_zero_read_as_such() -> None:
    lines = printed(comparison_table(["Email"], {"markov": interval(1.0)}))
    assert lines[-1] == ["-0.5 to 2.0"]


def test_lines_say_what_figures_rest_on() -> None:
    assert counts_line(Counts(2026, 3, 186, 571, 93)) == (
        "2,026 journeys (3 may still go on: taken as not converting), 186 conversions, 571 paths, coverage 50.0 %"
    )
    assert "95% of 2,000 resamples of customers lie (seed 7)" in comparison_note(2000, 7, sampled=False)
    assert "shapley_rate is sampled" in comparison_note(2000, 7, sampled=True)
    assert list(problem_lines(["a", "b", "c"], 2)) == ["a", "b", "... 1 more"]


def test_a_chart_draws_each_bar_and_interval_the_same_each_time(tmp_path: Path) -> None:
    found = compared(3)
    for name in ("a.svg", "b.svg"):
        draw_comparison(["Direct", "Email", ""], found, "Models compared", tmp_path / name)
    drawn = (tmp_path / "a.svg").read_text("utf-8")
    assert drawn == (tmp_path / "b.svg").read_text("utf-8")
    for text in ("Models compared", "Direct", "Email", "(none)", *RULES, "markov", "shapley"):
        assert f">{text}<" in drawn, text
    assert "shapley_rate is in the table alone" in drawn
    # A bar a model but shapley_rate, in each of three panels, two of them orange.
    assert drawn.count("fill: #7a9cc6") == 3 * len(RULES)
    assert drawn.count("fill: #d97b29") == 3 * 2


def test_a_chart_of_many_channels_says_how_many_are_not_drawn(tmp_path: Path) -> None:
    path = tmp_path / "many.svg"
    draw_comparison([f"c{at}" for at in range(40)], compared(40), "Models compared", path)
    drawn = path.read_text("utf-8")
    assert "28 smaller ones are not drawn" in drawn
    assert ">c39<" in drawn
    assert ">c0<" not in drawn


def test_a_name_with_dollars_is_no_formula_and_a_long_one_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "names.svg"
    draw_comparison(["$5 off_{} $", "n" * 50], compared(2), "Models of type $x_{$", path)
    drawn = path.read_text("utf-8")
    assert ">$5 off_{} $<" in drawn
    assert f">{'n' * 34}..<" in drawn


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_a_chart_of_few_channels_is_a_png_when_asked(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "few.png"
    draw_comparison([f"c{at}" for at in range(channels)], compared(channels), "Models compared", path)
    assert path.read_bytes().startswith(b"\x89PNG")
