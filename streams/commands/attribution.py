"""Commands about attribution: run a data-driven model, compare all models, take in what was spent."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streams import config
from streams.commands.days import DAY
from streams.domain.ids import uuid5

if TYPE_CHECKING:
    from sinks.attribution import Asked
    from streams.attribution.run import Counts, Run, Seen

MODELS = ("markov", "shapley", "shapley_rate")
DIMENSIONS = ("marketing_channel", "channel", "campaign")
PROBLEMS_SHOWN = 20


def _chart(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Path | None:
    from streams.commands.attribution_report import CHART_FORMATS

    if value is None:
        return None
    path = Path(value)
    if path.suffix not in CHART_FORMATS:
        raise click.BadParameter(f"found {value!r}, expected a name that ends with {' or '.join(CHART_FORMATS)}")
    if not path.parent.is_dir():
        raise click.BadParameter(f"found {value!r}, expected a file in a folder that exists")
    return path


@click.command()
@click.option("--by", "dimension", required=True, type=click.Choice(DIMENSIONS), help="What credit goes to.")
@click.option("--since", required=True, metavar="DAY", type=DAY, help="First day of the journeys' ends, UTC.")
@click.option("--until", required=True, metavar="DAY", type=DAY, help="Last day of the journeys' ends, UTC, inclusive.")
@click.option("--model", type=click.Choice(MODELS), help="Run this one and keep the result.")
@click.option("--order", type=click.IntRange(1, 3), default=1, show_default=True, help="How far back markov looks.")
@click.option("--conversion", default="", metavar="TYPE", help="Closing conversions of this type alone, not all.")
@click.option("--compare", is_flag=True, help="Show all models with intervals instead; nothing is kept.")
@click.option("-o", "--output", "chart", callback=_chart, metavar="FILE", help="Chart of --compare, .svg or .png.")
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Same seed, same figures."
)
def attribute(
    dimension: str,
    since: date,
    until: date,
    model: str | None,
    order: int,
    conversion: str,
    compare: bool,
    chart: Path | None,
    seed: int,
) -> None:
    """Credit conversions by a data-driven model, or compare all models.

    markov: what each channel's removal would cost; shapley: each conversion shared among its channels; shapley_rate: by
    the conversion rates of sets of channels. A run with --model is kept in ClickHouse (views attribution_results_now,
    attribution_results). Journeys count by their end; those that may still go on count as not converting.
    """
    _check_use(since, until, model, order, compare, chart)
    asked = _asked(dimension, since, until, conversion, time.time)
    if compare:
        _compare(asked, order, seed, chart)
    elif model is not None:
        _run(asked, model, order, seed, time.time)


def _check_use(since: date, until: date, model: str | None, order: int, compare: bool, chart: Path | None) -> None:
    if since > until:
        raise click.UsageError(f"--since {since} is after --until {until}")
    if compare == (model is not None):
        raise click.UsageError("expected either --model MODEL, to keep a run, or --compare, to see all models")
    if order > 1 and model not in (None, "markov"):
        raise click.UsageError(f"--order is markov's; --model {model} has none")
    if chart is not None and not compare:
        raise click.UsageError("-o draws the comparison; expected --compare with it")


def _asked(dimension: str, since: date, until: date, conversion: str, clock: Callable[[], float]) -> Asked:
    from sinks.attribution import Asked

    settings = config.read()
    open_from = round(clock() * 1000) - settings.journey_gap_ms
    return Asked(dimension, since, until, conversion, settings.lookback_ms, open_from)


def _seen(asked: Asked) -> Iterator[Seen]:
    from sinks.attribution import paths
    from sinks.migrate import require_migrated
    from streams.attribution.run import Seen

    url = config.read().clickhouse_url
    require_migrated(url)
    return (Seen(*row) for row in paths(url, asked))


def _refuse_nothing(asked: Asked, counts: Counts) -> None:
    """An error that says what there is, where no conversion was found."""
    from sinks.attribution import conversion_types
    from sinks.clickhouse import ClickHouse

    if counts.conversions:
        return
    with ClickHouse(config.read().clickhouse_url) as client:
        types = ", ".join(f"{type_} ({number:,})" for type_, number in conversion_types(client, asked)) or "none"
    of_type = f" of type {asked.conversion_type!r}" if asked.conversion_type else ""
    raise click.ClickException(
        f"no journey that ended from {asked.since} to {asked.until} was closed by a conversion{of_type}; found {types}"
    )


def _run(asked: Asked, model: str, order: int, seed: int, clock: Callable[[], float]) -> None:
    import numpy as np

    from sinks.attribution import write_run
    from sinks.clickhouse import ClickHouse
    from streams.attribution.run import run as compute
    from streams.commands.attribution_report import counts_line, run_table

    found = compute(_seen(asked), model, order, np.random.default_rng(seed))
    _refuse_nothing(asked, found.counts)
    row = _run_row(asked, found, model, order if model == "markov" else 0, seed, round(clock() * 1000))
    with ClickHouse(config.read().clickhouse_url) as client:
        write_run(client, row, [{"run_id": row["run_id"], **credit._asdict()} for credit in found.credits])
    name = f"{model} of order {order}" if model == "markov" else model
    _print(_title(name, asked), counts_line(found.counts), run_table(found))
    if found.sampled_orders:
        click.echo(f"approximated: {found.sampled_orders:,} orders of channels sampled (seed {seed})")
    click.echo(f"kept as run {row['run_id']}; see attribution_results_now")


def _run_row(asked: Asked, found: Run, model: str, order: int, seed: int, ran_at_ms: int) -> dict[str, object]:
    """The run by column of attribution_runs."""
    counts: Counts = found.counts
    parameters = {
        "ran_at": ran_at_ms,
        "model": model,
        "markov_order": order,
        "dimension": asked.dimension,
        "conversion_type": asked.conversion_type,
        "since": asked.since,
        "until": asked.until,
        "lookback_ms": asked.lookback_ms,
        "seed": seed,
        "code_version": version("omnijourney"),
    }
    return {
        "run_id": uuid.UUID(uuid5(*map(str, parameters.values()))),
        **parameters,
        "sampled_orders": found.sampled_orders,
        "journeys": counts.journeys,
        "open_journeys": counts.open_journeys,
        "conversions": counts.conversions,
        "paths": counts.paths,
        "coverage": counts.covered / counts.conversions,
    }


def _compare(asked: Asked, order: int, seed: int, chart: Path | None) -> None:
    import numpy as np

    from sinks.attribution import customers
    from streams.attribution.bootstrap import RESAMPLES, intervals
    from streams.attribution.models import DATA_DRIVEN, RULES, data_driven, rule
    from streams.attribution.paths import Group, Journey, sum_up
    from streams.attribution.run import count
    from streams.commands.attribution_report import comparison_note, comparison_table, counts_line, draw_comparison
    from streams.progress import Display

    display = Display()
    display.step("reading customers")
    counts = count(_seen(asked))
    _refuse_nothing(asked, counts)
    rows = customers(config.read().clickhouse_url, asked)
    groups = (Group(number, [Journey(*journey) for journey in journeys]) for number, journeys in rows)
    sums = sum_up(groups, order, len(RULES))
    random = np.random.default_rng(seed)
    models = {
        **{name: rule(name, sums) for name in RULES},
        **{name: data_driven(name, sums, random) for name in DATA_DRIVEN},
    }
    display.step(f"resampling {round(sums.customers.sum()):,} customers {RESAMPLES:,} times")
    compared = intervals(sums, models, random)
    title = _title(f"Models compared (markov of order {order})", asked)
    sampled = any(interval.error is not None for interval in compared.values())
    _print(title, counts_line(counts), comparison_table(sums.channels, compared))
    click.echo(comparison_note(RESAMPLES, seed, sampled))
    if chart is not None:
        try:
            draw_comparison(sums.channels, compared, title, chart)
        except OSError as error:
            raise click.ClickException(f"{chart}: {error.strerror}") from None
        click.echo(f"chart in {chart}")


def _title(what: str, asked: Asked) -> str:
    type_ = f"conversion {asked.conversion_type}, " if asked.conversion_type else ""
    return f"{what} by {asked.dimension.replace('_', ' ')}, {type_}journeys that ended {asked.since} to {asked.until}"


def _print(title: str, counts: str, table: Any) -> None:
    from rich.console import Console

    from streams.commands.attribution_report import WIDTH

    click.echo(f"{title}\n{counts}")
    Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False).print(table)


@click.command()
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def spend(path: Path) -> None:
    """Take in what was spent: CSV with the columns day, marketing_channel or campaign, amount, currency.

    A row replaces what was told before of the same day, name and currency. Nothing is taken where a line is wrong;
    exit code 1. Views return_on_spend and return_on_spend_daily set it beside each model's credits.
    """
    from sinks.attribution import write_spend
    from sinks.clickhouse import ClickHouse
    from sinks.migrate import require_migrated
    from streams.attribution.spend import WrongSpend, read_spend
    from streams.commands.attribution_report import problem_lines

    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = read_spend(lines)
    except WrongSpend as error:
        texts = [problem.text for problem in error.problems]
        said = "\n".join(f"  {line}" for line in problem_lines(texts, PROBLEMS_SHOWN))
        raise click.ClickException(f"{path.name}: nothing was taken:\n{said}") from None
    url = config.read().clickhouse_url
    require_migrated(url)
    with ClickHouse(url) as client:
        write_spend(client, [row._asdict() for row in rows])
    click.echo(_taken(rows))


def _taken(rows: Iterable[Any]) -> str:
    found = list(rows)
    if not found:
        return "0 rows: the file has a header alone"
    totals: dict[str, int] = {}
    for row in found:
        totals[row.currency] = totals.get(row.currency, 0) + row.amount_micros
    sums = ", ".join(f"{micros / 1e6:,.2f} {currency}" for currency, micros in sorted(totals.items()))
    days = [row.day for row in found]
    return f"{len(found):,} rows by {found[0].dimension.replace('_', ' ')}, {min(days)} to {max(days)}: {sums}"


COMMANDS = (attribute, spend)
