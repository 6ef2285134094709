"""How attribution is shown: a run's credits and models side by side as tables, and the latter as a chart.

It decides how figures are set, not what they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from sinks.figures import ABSENT, amount, count, credited, percent
from sinks.plain import printable
from streams.attribution.bootstrap import LEVEL, Interval
from streams.attribution.models import DATA_DRIVEN, RULES, SHAPLEY_RATE
from streams.attribution.run import Counts, Run

WIDTH = 130
"""Columns that the comparison needs; a run's credits need fewer."""
CHART_FORMATS = (".svg", ".png")
#: More panels than these can't be read; the table has all channels.
PANELS = 12
PANELS_A_ROW = 3
#: Of a panel.
LONGEST_NAME = 36
_RULE_COLOUR, _DATA_DRIVEN_COLOUR, _INTERVAL_COLOUR = "#7a9cc6", "#d97b29", "#333333"
_NONE = "(none)"


def counts_line(counts: Counts) -> str:
    """What figures rest on."""
    coverage = counts.covered / counts.conversions if counts.conversions else None
    return (
        f"{count(counts.journeys)} journeys ({count(counts.open_journeys)} may still go on: taken as not converting),"
        f" {count(counts.conversions)} conversions, {count(counts.paths)} paths, coverage {percent(coverage)}"
    )


def run_table(run: Run) -> RenderableType:
    """A run's credits by channel, most first: share, removal effect or standard error, conversions, values."""
    currencies = sorted({credit.currency for credit in run.credits if credit.currency})
    has_effect = any(credit.removal_effect is not None for credit in run.credits)
    has_error = any(credit.share_error is not None for credit in run.credits)
    extra = (["removal effect"] if has_effect else []) + (["standard error"] if has_error else [])
    table = _table(["", "share", *extra, "conversions", *(f"value {currency}" for currency in currencies)])
    for name in dict.fromkeys(credit.name for credit in run.credits):
        credits_ = {credit.currency: credit for credit in run.credits if credit.name == name}
        one = next(iter(credits_.values()))
        figures = [percent(one.share)]
        figures += [percent(one.removal_effect)] if has_effect else []
        figures += [f"± {percent(one.share_error)}"] if has_error else []
        figures.append(credited(sum(credit.conversions for credit in credits_.values())))
        for currency in currencies:
            credit = credits_.get(currency)
            figures.append(ABSENT if credit is None else amount(Decimal(credit.value_micros) / 10**6))
        table.add_row(*map(Text, [_name(name), *figures]))
    return table


def comparison_table(channels: Sequence[str], compared: Mapping[str, Interval]) -> RenderableType:
    """Conversions by channel under each model, below them the limits of the interval; most under Markov first."""
    table = _table(["", *(model.replace("_", "\n", 1).replace("_", " ") for model in compared)])
    for at in _ranked(compared):
        cells = [f"{interval.credits[at]:,.1f}\n{_limits(interval, at)}" for interval in compared.values()]
        table.add_row(Text(_name(channels[at])), *map(Text, cells))
    return table


def comparison_note(resamples: int, seed: int, sampled: bool) -> str:
    """How the figures came about."""
    note = (
        f"Conversions credited; below where {LEVEL:.0%} of {count(resamples)} resamples of customers lie (seed {seed})."
        " Where intervals overlap widely, a difference may be noise."
    )
    return f"{note} shapley_rate is sampled: too many values to count all sets." if sampled else note


def draw_comparison(channels: Sequence[str], compared: Mapping[str, Interval], title: str, path: Path) -> None:
    """The comparison as a chart in ``path``, by its suffix of CHART_FORMATS: a panel a channel, a bar a model."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    drawn = {model: interval for model, interval in compared.items() if model != SHAPLEY_RATE}
    shown = _ranked(compared)[:PANELS]
    columns = min(PANELS_A_ROW, len(shown))
    rows = -(-len(shown) // columns)
    # Without a salt and a date the same figures would give another SVG each time.
    with mpl.rc_context({"svg.hashsalt": "omnijourney", "svg.fonttype": "none", "font.size": 9}):
        figure, panels = pyplot.subplots(
            rows, columns, figsize=(4 * columns + 1.2, 2.5 * rows + 1.1), squeeze=False, layout="constrained"
        )
        for panel, at in zip(panels.flat, shown, strict=False):
            _panel(panel, channels[at], at, drawn)
        for panel in panels.flat[len(shown) :]:
            panel.set_visible(False)
        for panel in panels[:, 1:].flat:
            panel.set_yticks(range(len(drawn)), [])
        more = f"; {len(channels) - len(shown)} smaller ones are not drawn" if len(channels) > len(shown) else ""
        figure.suptitle(
            f"{title}\nConversions credited, with {LEVEL:.0%} intervals; orange: data-driven models. "
            f"Each panel has its own scale{more}.\n"
            "shapley_rate is in the table alone: its intervals would dwarf the others.",
            fontsize=10,
            parse_math=False,
        )
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=110)
        pyplot.close(figure)


def _panel(axes: Any, channel: str, at: int, compared: Mapping[str, Interval]) -> None:
    credits_ = np.array([interval.credits[at] for interval in compared.values()])
    low = np.array([interval.low[at] for interval in compared.values()])
    high = np.array([interval.high[at] for interval in compared.values()])
    places = np.arange(len(compared))
    colours = [_DATA_DRIVEN_COLOUR if model in DATA_DRIVEN else _RULE_COLOUR for model in compared]
    axes.barh(places, credits_, color=colours)
    axes.hlines(places, low, high, color=_INTERVAL_COLOUR, linewidth=1.3)
    # A name may hold dollars, which would be read as a formula.
    axes.set_title(_shortened(_name(channel)), fontsize=10, fontweight="bold", parse_math=False)
    axes.set_yticks(places, [*compared])
    axes.invert_yaxis()
    axes.axvline(0, color=_INTERVAL_COLOUR, linewidth=0.8)
    axes.grid(axis="x", linewidth=0.4, alpha=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _ranked(compared: Mapping[str, Interval]) -> list[int]:
    """Places of channels, those with most credit under the first data-driven model first."""
    by = next((model for model in compared if model in DATA_DRIVEN), RULES[0])
    return [int(at) for at in np.argsort(-compared[by].credits, kind="stable")]


def _limits(interval: Interval, at: int) -> str:
    """``9-14``; where one is below 0, ``-1 to 2``."""
    low, high = interval.low[at], interval.high[at]
    digits = 0 if max(abs(low), abs(high)) >= 10 else 1
    between = " to " if round(low, digits) < 0 else "-"
    return f"{low:,.{digits}f}{between}{high:,.{digits}f}"


def _name(name: str) -> str:
    return printable(name) or _NONE


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 2]}.."


def _table(headings: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="")
    for at, heading in enumerate(headings):
        table.add_column(heading, justify="right" if at else "left", overflow="fold")
    return table


def problem_lines(texts: Sequence[str], shown: int) -> Iterator[str]:
    """The first ``shown`` of ``texts`` and how many more there are."""
    yield from map(printable, texts[:shown])
    if len(texts) > shown:
        yield f"... {count(len(texts) - shown)} more"
