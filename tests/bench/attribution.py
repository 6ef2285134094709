"""How long attribution takes over many journeys, beside the plain way of doing each part.

    python tests/bench/attribution.py [--journeys N] [--url clickhouse://user@host:port/database] [--json]

A local ClickHouse, or a database that doesn't exist yet on the server of --url; it is dropped in the end. Journeys of
one to eight touches on eleven marketing channels and thirty campaigns, 1.3 a customer, a tenth converting. Measured:

    part                  ours                                         plain way, in the same run
    read paths            grouped by the server                        every journey's path, grouped here
    markov, order 1 to 3  one inverse, or a sparse sum                 walks through the chain until no mass is left
    shapley               closed form                                  all coalitions, one by one
    shapley_rate          all coalitions at once                       all coalitions, one by one
    compare               2,000 resamples by weights of groups         one drawn customer by customer, times 2,000

Figures of both ways must be the same, or the run fails.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import combinations
from math import factorial
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np

from deploy.local.stack import Stack
from sinks.attribution import Asked, customers, paths
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from sinks.streaming import stream
from streams.attribution.bootstrap import RESAMPLES, intervals
from streams.attribution.models import DATA_DRIVEN, RULES, data_driven, rule
from streams.attribution.paths import Group, Journey, sum_up
from streams.attribution.run import Seen, run

DAY_MS = 86_400_000
PLAIN_RESAMPLES = 3
NULL, CONVERSION = "null", "conversion"
_CREDITS = ", ".join(f"credit_{model}" for model in RULES)
_FILL = f"""
INSERT INTO journeys (
    journey_id, customer_id, ended_at, started_at, converted, conversion_type, value_micros, currency, touches_at,
    touches_channel, touches_marketing_channel, touches_campaign, touches_content, touches_touchpoints,
    {_CREDITS}, version
)
WITH
    ['Direct', 'Organic Search', 'Email', 'Paid Search', 'Mobile Push Notifications', 'Organic Social', 'Referral',
     'Display', 'Paid Social', 'Affiliates', 'Paid Video'] AS names,
    1 + least(cityHash64(number, 'touches') %% 8, cityHash64(number, 'fewer') %% 8) AS touches,
    -- Squared: the first names are seen most.
    arrayMap(i -> toUInt64(floor(11 * pow((cityHash64(number, i) %% 1000) / 1000, 2))), range(touches)) AS drawn,
    toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + toIntervalSecond(cityHash64(number, 0) %% (86400 * 90)) AS ended,
    cityHash64(number, 'converts') %% 100 < 4 + touches * 2 AS converts,
    if(converts, arrayWithConstant(touches, 1 / touches), []) AS credits
SELECT
    reinterpretAsUUID(sipHash128(number)),
    reinterpretAsUUID(sipHash128(cityHash64(number, 'customer') %% toUInt64(%(journeys)s / 1.3))),
    ended, ended - toIntervalHour(touches * 20), converts, if(converts, 'purchase', ''),
    if(converts, 1000000 * (10 + cityHash64(number, 'value') %% 200), 0), if(converts, 'EUR', ''),
    arrayMap(i -> ended - toIntervalHour((touches - i - 1) * 20), range(touches)),
    arrayMap(d -> ['web', 'email', 'mobile'][1 + d %% 3], drawn),
    arrayMap(d -> names[1 + d], drawn),
    arrayMap((d, i) -> if(d %% 3 = 0, '', concat('campaign ', toString(d * 4 + cityHash64(number, i, 'c') %% 4))),
        drawn, range(touches)),
    arrayWithConstant(touches, ''), arrayWithConstant(touches, 1), {", ".join(["credits"] * len(RULES))}, 1
FROM numbers(%(journeys)s)
"""  # noqa: S608 - composed of what stands here
_EVERY = """
SELECT arrayMap(name -> toString(name), touches_marketing_channel), converted, toString(customer_id) FROM journeys FINAL
"""


class Spent(NamedTuple):
    """Seconds that passed, and seconds of CPU of this process: the server's aren't among them."""

    wall_s: float
    cpu_s: float

    @property
    def text(self) -> str:
        return f"{self.wall_s:10,.2f}{self.cpu_s:10,.2f}"


class Part(NamedTuple):
    """Seconds of a part and of this process's CPU, ours and the plain way (None where it isn't done)."""

    name: str
    ours: Spent
    plain: Spent | None
    note: str = ""


def timed(call: Callable[[], Any]) -> tuple[Spent, Any]:
    started, cpu = time.perf_counter(), time.process_time()
    found = call()
    return Spent(time.perf_counter() - started, time.process_time() - cpu), found


def every_path(url: str) -> tuple[Counter[tuple[tuple[str, ...], bool]], dict[str, list[tuple[tuple[str, ...], bool]]]]:
    """Every journey read and grouped here: by path, and by customer."""
    by_path: Counter[tuple[tuple[str, ...], bool]] = Counter()
    by_customer = defaultdict(list)
    for names, converts, customer in stream(url, _EVERY):
        path = tuple(name for at, name in enumerate(names) if not at or names[at - 1] != name)
        by_path[path, bool(converts)] += 1
        by_customer[customer].append((path, bool(converts)))
    return by_path, by_customer


def walked(by_path: Counter[tuple[tuple[str, ...], bool]], order: int) -> dict[str, float]:
    """Markov's shares: for each channel mass is moved along the chain without it until none is left."""
    seen: dict[Any, Counter[Any]] = defaultdict(Counter)
    for (path, converts), times in by_path.items():
        states = [path[max(0, at - order) : at] for at in range(len(path) + 1)]
        for here, there in zip(states, [*states[1:], CONVERSION if converts else NULL], strict=True):
            seen[here][there] += times
    totals = {state: counts.total() for state, counts in seen.items()}

    def converting(without: str | None) -> float:
        mass, converted = {(): 1.0}, 0.0
        while sum(mass.values()) > 1e-12:
            moved: dict[Any, float] = defaultdict(float)
            for state, amount in mass.items():
                for there, times in seen[state].items():
                    if there == CONVERSION:
                        converted += amount * times / totals[state]
                    elif there != NULL and without not in there:
                        moved[there] += amount * times / totals[state]
            mass = moved
        return converted

    whole = converting(None)
    effects = {channel: 1 - converting(channel) / whole for channel in {name for path, _ in by_path for name in path}}
    return {channel: effect / sum(effects.values()) for channel, effect in effects.items()}


def enumerated(by_path: Counter[tuple[tuple[str, ...], bool]], by_rate: bool) -> dict[str, float]:
    """Shapley's shares: the worth of each coalition from the sets within it, one by one."""
    converting: Counter[frozenset[str]] = Counter()
    journeys: Counter[frozenset[str]] = Counter()
    for (path, converts), times in by_path.items():
        journeys[frozenset(path)] += times
        converting[frozenset(path)] += times if converts else 0
    channels = sorted(set().union(*journeys))
    worth = {}
    for size in range(len(channels) + 1):
        for coalition in combinations(channels, size):
            inside = [its for its in journeys if its <= set(coalition)]
            conversions, number = sum(converting[its] for its in inside), sum(journeys[its] for its in inside)
            worth[frozenset(coalition)] = (conversions / number if number else 0.0) if by_rate else float(conversions)
    n = len(channels)
    values = dict.fromkeys(channels, 0.0)
    for coalition, value in worth.items():
        for channel in channels:
            size = len(coalition - {channel})
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            values[channel] += weight * value if channel in coalition else -weight * value
    return {channel: value / sum(values.values()) for channel, value in values.items()}


def resampled(by_customer: dict[str, list[tuple[tuple[str, ...], bool]]], seed: int) -> dict[str, float]:
    """One resample drawn customer by customer, and Markov of it."""
    histories = [*by_customer.values()]
    by_path: Counter[tuple[tuple[str, ...], bool]] = Counter()
    for history in random.Random(seed).choices(histories, k=len(histories)):
        by_path.update(history)
    return walked(by_path, 1)


def check(name: str, found: dict[str, float], plain: dict[str, float]) -> None:
    off = max(abs(found[channel] - plain[channel]) for channel in plain)
    if off > 1e-8 or found.keys() != plain.keys():
        raise SystemExit(f"{name}: the two ways differ by {off}")


def measure(url: str) -> Iterator[Part]:
    """The parts, in order."""
    asked = Asked("marketing_channel", date(2026, 1, 1), date(2026, 3, 31), "", 30 * DAY_MS, 0)
    ours, seen = timed(lambda: [Seen(*row) for row in paths(url, asked)])
    plain, (by_path, by_customer) = timed(lambda: every_path(url))
    # What the plain way keeps would be looked through for garbage all the time, at the cost of ours.
    gc.freeze()
    yield Part("read paths", ours, plain, f"{len(seen):,} rows of {sum(row.journeys for row in seen):,} journeys")
    for model, order in (("markov", 1), ("markov", 2), ("markov", 3), ("shapley", 1), ("shapley_rate", 1)):
        ours, found = timed(lambda: run(seen, model, order, np.random.default_rng(1)))  # noqa: B023
        way = (
            (lambda: walked(by_path, order))  # noqa: B023
            if model == "markov"
            else (lambda: enumerated(by_path, model == "shapley_rate"))  # noqa: B023
        )
        plain, expected = timed(way)
        check(model, {credit.name: credit.share for credit in found.credits}, expected)
        yield Part(f"{model}, order {order}" if model == "markov" else model, ours, plain)
    yield from measure_compare(url, asked, by_customer)
    by_campaign = asked._replace(dimension="campaign")
    ours, seen = timed(lambda: [Seen(*row) for row in paths(url, by_campaign)])
    yield Part("read paths by campaign", ours, None, f"{len(seen):,} rows")
    for model, order in (("markov", 1), ("markov", 2), ("markov", 3), ("shapley", 1), ("shapley_rate", 1)):
        ours, found = timed(lambda: run(seen, model, order, np.random.default_rng(1)))  # noqa: B023
        names = len({credit.name for credit in found.credits})
        note = f"{found.sampled_orders:,} orders sampled" if found.sampled_orders else ""
        yield Part(f"{model}, order {order}, {names} campaigns", ours, None, note)


def measure_compare(url: str, asked: Asked, by_customer: dict[str, Any]) -> Iterator[Part]:
    def read() -> Any:
        rows = customers(url, asked)
        groups = (Group(number, [Journey(*journey) for journey in journeys]) for number, journeys in rows)
        return sum_up(groups, 1, len(RULES))

    ours, sums = timed(read)
    yield Part("compare: read customers", ours, None, f"{len(sums.customers):,} groups of {len(by_customer):,}")
    random_ = np.random.default_rng(1)
    models = {name: rule(name, sums) for name in RULES} | {n: data_driven(n, sums, random_) for n in DATA_DRIVEN}
    ours, _ = timed(lambda: intervals(sums, models, random_))
    few, _ = timed(lambda: [resampled(by_customer, seed) for seed in range(PLAIN_RESAMPLES)])
    plain = Spent(*(seconds / PLAIN_RESAMPLES * RESAMPLES for seconds in few))
    yield Part(f"compare: {RESAMPLES:,} resamples, 11 models", ours, plain, "plain: markov alone, extrapolated")


@contextmanager
def server(url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    stack = Stack(f"bench-attribution-{os.getpid()}")
    try:
        yield f"{stack.up(owner=os.getpid()).clickhouse_url.rpartition('/')[0]}/attribution"
    finally:
        stack.down(purge=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--journeys", type=int, default=400_000)
    parser.add_argument("--url", help="a database that doesn't exist yet")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with server(arguments.url) as url:
        migrate(url)
        with ClickHouse(url) as client:
            try:
                client.query(_FILL, {"journeys": arguments.journeys})
                parts = []
                if not arguments.json:
                    print(f"{'seconds':<40}{'ours':>10}{'CPU':>10}{'plain':>10}{'CPU':>10}")
                for part in measure(url):
                    parts.append(part)
                    if not arguments.json:
                        plain = f"{'':20}" if part.plain is None else part.plain.text
                        print(f"{part.name:<40}{part.ours.text}{plain}  {part.note}", flush=True)
            finally:
                client.query(f"DROP DATABASE `{client.database}`")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    if arguments.json:
        print(json.dumps({"parts": [part._asdict() for part in parts], "peak_mb": peak_mb}))
    else:
        print(f"peak memory {peak_mb:,.0f} MB, the plain way's included")


if __name__ == "__main__":
    main()
