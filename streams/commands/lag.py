"""`omnijourney lag`: how far each group is behind, how fast it reads, and when it will have caught up."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import click
from kafka.errors import RetriableError

from streams import composition, config
from streams.broker import TopicMissing
from streams.offsets import POLL_S, Lag, Place, Position
from streams.standing import Standing, look

WIDE = 200
#: A terminal with fewer columns has room for what matters most.
NARROW = 120
PATIENCE_S = 5.0


class Behind(NamedTuple):
    """One group on one topic, all partitions together. ``drain_s``: seconds until it has caught up if both rates
    stay, None where it never will."""

    group: str
    members: int
    topic: str
    partitions: int
    committed: int
    end: int
    lag: int
    read_per_s: float
    written_per_s: float
    drain_s: float | None


def compare(before: Lag, now: Standing, seconds: float) -> Iterator[Behind]:
    """A row for each group and topic of two looks, ``seconds`` apart."""
    places: dict[tuple[str, str], list[Place]] = {}
    for place in now.lag:
        places.setdefault((place.group, place.topic), []).append(place)
    for (group, topic), own in places.items():
        then, here = _sum(before, own), _sum(now.lag, own)
        read, written = (here.committed - then.committed) / seconds, (here.end - then.end) / seconds
        left = max(0, here.behind)
        drain_s = 0.0 if not left else left / (read - written) if read > written else None
        rates = (max(0.0, read), max(0.0, written))
        yield Behind(group, now.members[group], topic, len(own), *here, left, *rates, drain_s)


def _sum(lag: Lag, places: list[Place]) -> Position:
    positions = [lag[place] for place in places if place in lag]
    return Position(sum(p.committed for p in positions), sum(p.end for p in positions))


def _look(settings: config.Settings) -> Standing:
    """A broker that makes its topic of groups on first use, or whose leaders move, is asked again for some seconds.

    Raises TopicMissing: what is not there would look as if it were read.
    """
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            standing = look(settings.kafka, composition.groups(settings))
            if standing.missing:
                raise TopicMissing(settings.kafka, standing.missing)
            return standing
        except RetriableError:
            if time.monotonic() >= until:
                raise
            time.sleep(POLL_S)


@click.command()
@click.option(
    "--over",
    "over_s",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600),
    metavar="SECONDS",
    help="How long to look for the rates.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array; drain_s null: never at these rates.")
def lag(over_s: float, as_json: bool) -> None:
    """Show how far each group is behind on each of its topics, its rates, and the time until it has caught up.

    Asked of the broker, so also for groups whose workers are down.
    """
    import orjson

    settings = config.read()
    before, looked_at = _look(settings), time.monotonic()
    time.sleep(over_s)
    now = _look(settings)
    rows = list(compare(before.lag, now, time.monotonic() - looked_at))
    if as_json:
        click.echo(orjson.dumps([row._asdict() for row in rows], option=orjson.OPT_INDENT_2))
    else:
        _draw(rows)


def _draw(rows: list[Behind]) -> None:
    from rich.console import Console
    from rich.table import Table

    # Beside a terminal nothing is cut or wrapped.
    console = Console(width=None if sys.stdout.isatty() else WIDE)
    table = Table(box=None, pad_edge=False)
    for name in ("group", "topic"):
        table.add_column(name, no_wrap=True)
    counts = () if console.width < NARROW else ("members", "partitions", "committed", "end")
    for name in (*counts, "lag", "read/s", "written/s", "drained in"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        numbers = (*(getattr(row, name) for name in counts), row.lag)
        rates = (f"{row.read_per_s:,.1f}", f"{row.written_per_s:,.1f}")
        table.add_row(row.group, row.topic, *(f"{number:,}" for number in numbers), *rates, _drained_in(row))
    console.print(table)


def _drained_in(row: Behind) -> str:
    if row.drain_s is None:
        return "growing" if row.written_per_s > row.read_per_s else "standing still"
    seconds = round(row.drain_s)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return (
        f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds % 60:02} s" if minutes else f"{seconds} s"
    )
