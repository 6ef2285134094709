"""What the sample company spends: so much a day on each marketing channel, as `omnijourney spend` takes it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from streams.sample.draws import SECOND, make_rng
from streams.sample.simulation import MONDAY_2026_03_02

HEADER = "day,marketing_channel,amount,currency"
#: Marketing channel -> cents a day for each customer of the simulation.
_BUDGETS = {"Paid Search": 22, "Paid Social": 7, "Affiliates": 5, "Display": 6, "Email": 2}
#: Working days see more of it: weekday (Monday 0) -> per cent of the budget.
_WEEK = (110, 110, 105, 105, 100, 85, 85)


def spending(customers: int, days: int, seed: int, start_ms: int = MONDAY_2026_03_02) -> Iterator[str]:
    """Lines of CSV, the header first; amounts in euros. Equal arguments give equal lines."""
    yield HEADER
    first = datetime.fromtimestamp(start_ms // SECOND, UTC).date()
    for number in range(days):
        day = first + timedelta(days=number)
        for channel, budget in _BUDGETS.items():
            spread = make_rng(seed, "spend", day, channel).randrange(80, 121)
            cents = customers * budget * _WEEK[day.weekday()] * spread // 10_000
            yield f"{day},{channel},{cents // 100}.{cents % 100:02d},EUR"
