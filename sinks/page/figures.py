"""The page's figures: what the queries find, arranged for the page's script, as plain values for JSON.

It decides which period is shown where none is asked for, what stands beside what, and what is compared with the period
before. Amounts are floats in units of their currency, shares are from 0 to 1, days are ISO dates, times ISO in UTC.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sinks.clickhouse import ClickHouse, Row
from sinks.page import queries
from sinks.page.definitions import RATES, definitions
from sinks.page.period import Period, Unit, first_day, next_first_day
from streams.domain.vocabulary import CHANNELS

Figures = dict[str, Any]
MODELS = ("first", "last", "last_non_direct", "linear", "position", "j_shaped", "inverse_j", "time_decay")
MEASURES = ("touchpoints", "engaged_hours", "conversions")
_NO_CAMPAIGN, _NAMED, _OTHERS = range(3)
_REST = {_NO_CAMPAIGN: "No campaign", _OTHERS: "Other campaigns"}


class Extent(NamedTuple):
    """The touchpoints that there are: how many (at least one), first and last event time, last receipt, UTC."""

    touchpoints: int
    first_at: datetime
    last_at: datetime
    received_at: datetime


class WrongPeriod(ValueError):
    """The days asked for are no period; the message is one line that names them."""


def read_extent(client: ClickHouse) -> Extent | None:
    """What there is; None where there is no touchpoint."""
    extent = Extent(*client.query(queries.EXTENT)[0])
    return extent if extent.touchpoints else None


def choose_period(since: date | None, until: date | None, extent: Extent | None, today: date) -> Period:
    """The days asked for; where an end is open, from the first day to the last complete one.

    Raises WrongPeriod where it ends before it begins.
    """
    first, newest = (extent.first_at.date(), extent.last_at.date()) if extent else (today, today)
    begin = since or min(first, until or first)
    # The newest touchpoint's day goes on; a figure of half a day would look like a fall.
    end = until or max(newest - timedelta(days=1), begin)
    if end < begin:
        raise WrongPeriod(f"since {begin} is after until {end}; expected a first and a last day, in this order")
    return Period(begin, end)


def read_figures(client: ClickHouse, period: Period, extent: Extent | None, made_at: datetime) -> Figures:
    """Everything that stands on the page; ``empty`` where no touchpoint lies in the period.

    Raises Unreachable or Misconfigured (`sinks.clickhouse`).
    """
    ask = _Asking(client, period)
    compared = extent is not None and extent.first_at.date() <= period.before.since
    before = _Asking(client, period.before) if compared else None
    return {
        "empty": not ask.rows(queries.TOUCHPOINTS)[0][0],
        "period": _period(period, compared),
        "headline": _beside(_headline(ask), _headline(before) if before else None),
        "engagement": _engagement(ask, period),
        "channels": _beside(_channels(ask), _channels(before) if before else None),
        "rates": _beside(_rates(ask), _rates(before) if before else None),
        **_journeys(ask),
        "attribution": _attribution(ask),
        "cohorts": _cohorts(ask, period),
        "funnel": _funnel(ask),
        "notes": _notes(ask, extent, made_at),
        "definitions": definitions(client),
    }


class _Asking:
    """The queries, asked of one period."""

    def __init__(self, client: ClickHouse, period: Period) -> None:
        self._client, self._parameters = client, period.parameters

    def rows(self, sql: str, unit: Unit | None = None) -> list[Row]:
        text = sql.format(unit=unit.name, bucket=unit.bucket) if unit else sql
        return self._client.query(text, self._parameters)


def _beside(now: Figures, before: Figures | None) -> Figures:
    return {"now": now, "before": before}


def _period(period: Period, compared: bool) -> Figures:
    return {
        "since": period.since.isoformat(),
        "until": period.until.isoformat(),
        "days": period.days,
        "unit": period.unit.name,
        "before": [day.isoformat() for day in period.before] if compared else None,
    }


def _headline(ask: _Asking) -> Figures:
    conversions = ask.rows(queries.CONVERSIONS)
    [(human, suspect, machine)] = ask.rows(queries.HUMAN_SHARE)
    inbound = human + suspect + machine
    return {
        "active_customers": ask.rows(queries.ACTIVE_CUSTOMERS)[0][0],
        "new_customers": ask.rows(queries.NEW_CUSTOMERS)[0][0],
        "conversions": sum(count for _, count, _ in conversions),
        "revenue": {currency: value for currency, _, value in conversions if currency},
        "human_share": human / inbound if inbound else None,
        "inbound": inbound,
        "machine": machine,
        "suspect": suspect,
    }


def _engagement(ask: _Asking, period: Period) -> Figures:
    buckets = period.buckets()
    at = {bucket: index for index, bucket in enumerate(buckets)}
    series: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0] * len(buckets)))
    for channel, bucket, touchpoints, engaged_seconds, conversions in ask.rows(queries.ENGAGEMENT, period.unit):
        for measure, value in zip(MEASURES, (touchpoints, engaged_seconds / 3600, conversions), strict=True):
            series[measure][channel][at[bucket]] = value
    for channel, bucket, customers in ask.rows(queries.ACTIVE_BY_CHANNEL, period.unit):
        series["active_customers"][channel][at[bucket]] = customers
    return {"buckets": [bucket.isoformat() for bucket in buckets], "measures": series}


def _channels(ask: _Asking) -> Figures:
    customers: dict[str, int] = dict(ask.rows(queries.ACTIVE_OF_CHANNEL))
    return {
        channel: {
            "touchpoints": touchpoints,
            "active_customers": customers.get(channel, 0),
            "engaged_hours": engaged_seconds / 3600,
            "conversions": conversions,
            "outbound": outbound,
            "machine_share": machine_share,
        }
        for channel, touchpoints, outbound, engaged_seconds, conversions, machine_share in sorted(
            ask.rows(queries.CHANNEL_TOTALS), key=lambda row: CHANNELS.index(row[0])
        )
    }


def _rates(ask: _Asking) -> Figures:
    found = (*ask.rows(queries.RATES)[0], *ask.rows(queries.ANSWERS)[0])
    return dict(zip(RATES, found, strict=True))


def _journeys(ask: _Asking) -> Figures:
    [(journeys, converted, median_days, touches, several)] = ask.rows(queries.JOURNEYS)
    names = ("path", "journeys", "conversions", "value", "median_days")
    return {
        "journeys": {
            "journeys": journeys,
            "conversions": converted,
            "median_days": median_days if converted else None,
            "touches": touches,
            "several_channels": several,
        },
        "transitions": ask.rows(queries.TRANSITIONS),
        "paths": [dict(zip(names, row, strict=True)) for row in ask.rows(queries.PATHS)],
    }


def _attribution(ask: _Asking) -> Figures:
    channels = ask.rows(queries.ATTRIBUTION)
    data_driven = ask.rows(queries.DATA_DRIVEN)
    campaigns = ask.rows(queries.CAMPAIGNS)
    rest = [_credits((kind, *row[2:]) for row in campaigns if row[0] == kind) for kind in (_OTHERS, _NO_CAMPAIGN)]
    worth: dict[str, float] = defaultdict(float)
    for _, model, currency, _, value in channels:
        if currency and model == "linear":
            worth[currency] += value
    return {
        "models": (*MODELS, *sorted({model for _, model, *_ in data_driven})),
        "currencies": sorted(worth, key=lambda currency: (-worth[currency], currency)),
        "by": {
            "marketing_channel": _credits([*channels, *data_driven]),
            "campaign": _credits(row[1:] for row in campaigns if row[0] == _NAMED),
        },
        # What is no campaign of its own, for totals: too much of all to be drawn beside them.
        "rest": [{**earned, "name": _REST[earned["name"]]} for found in rest for earned in found],
    }


def _credits(rows: Iterable[Sequence[Any]]) -> list[Figures]:
    """What each earned under each model: conversions, and value by currency; most conversions (linear) first."""
    found: dict[Any, Figures] = {}
    for name, model, currency, credit, value in rows:
        earned = found.setdefault(name, {"name": name, "conversions": defaultdict(float), "value": {}})
        earned["conversions"][model] += credit
        if currency:
            earned["value"].setdefault(currency, {})[model] = value
    return sorted(found.values(), key=lambda earned: (-earned["conversions"].get("linear", 0), earned["name"]))


def _cohorts(ask: _Asking, period: Period) -> Figures:
    unit = period.cohort_unit
    found: dict[date, dict[int, int]] = defaultdict(dict)
    for first, later, customers in ask.rows(queries.COHORTS, unit):
        found[first][later] = customers
    last = first_day(period.until, unit)
    firsts = sorted(found)[-queries.COHORTS_SHOWN :]
    return {
        "unit": unit.name,
        # The last one is not over where the page ends before it does.
        "incomplete": next_first_day(last, unit) - timedelta(days=1) != period.until,
        "rows": [
            {
                "first": first.isoformat(),
                "customers": [found[first].get(later, 0) for later in range(_units_between(first, last, unit) + 1)],
            }
            for first in firsts
        ],
    }


def _units_between(first: date, last: date, unit: Unit) -> int:
    count = 0
    while first < last:
        first, count = next_first_day(first, unit), count + 1
    return count


def _funnel(ask: _Asking) -> Figures:
    found = ask.rows(queries.FUNNEL_FOUND)[0]
    steps = [step for step, is_there in zip(queries.FUNNEL_STEPS, found, strict=True) if is_there]
    taken: Mapping[int, int] = dict(ask.rows(queries.funnel(steps))) if steps else {}
    customers = [sum(taken.get(so_many, 0) for so_many in range(at, len(steps) + 1)) for at in range(1, len(steps) + 1)]
    return {
        "window_days": queries.FUNNEL_WINDOW_DAYS,
        "steps": [{"step": step, "customers": many} for step, many in zip(steps, customers, strict=True)],
        "missing": [step for step in queries.FUNNEL_STEPS if step not in steps],
    }


def _notes(ask: _Asking, extent: Extent | None, made_at: datetime) -> Figures:
    outcomes: dict[str, dict[str, int]] = defaultdict(dict)
    for outcome, reason, records in ask.rows(queries.OUTCOMES):
        outcomes[outcome][reason] = records
    return {
        "made_at": made_at.isoformat(timespec="seconds"),
        "newest_event": extent.last_at.isoformat(timespec="seconds") if extent else None,
        "newest_receipt": extent.received_at.isoformat(timespec="seconds") if extent else None,
        "touchpoints": extent.touchpoints if extent else 0,
        "outcomes": outcomes,
    }
