"""How figures read in the report: counts, shares, money, durations, and a journey on one line, all in plain ASCII."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby

ABSENT = "-"
ACTIONS_SHOWN = 3
NAMES_SHOWN = 3
LONGEST_NAME = 16
_PLURALS = {"page_viewed": "pages", "screen_viewed": "screens"}


def count(number: int) -> str:
    """``12345`` as ``12,345``."""
    return f"{number:,}"


def counted(number: int, what: str) -> str:
    """``1 journey``, ``2 journeys``."""
    return f"{count(number)} {what}{'' if number == 1 else 's'}"


def shortened(names: Sequence[str]) -> str:
    """The first few ``names``, long ones cut, and how many more there are."""
    plain = [name.encode("unicode_escape").decode() for name in names[:NAMES_SHOWN]]
    shown = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 2]}.." for name in plain]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {count(more)} more" if more else "")


def credited(conversions: float) -> str:
    """Conversions that are sums of credits, to a tenth."""
    return f"{conversions:,.1f}"


def percent(share: float | None) -> str:
    """``0.4217`` as ``42.2 %``; a dash over no denominator."""
    return ABSENT if share is None else f"{share * 100:.1f} %"


def amount(value: Decimal) -> str:
    """A sum of money without its currency, to the hundredth."""
    return f"{value:,.2f}"


def money(value_by_currency: Mapping[str, Decimal]) -> str:
    """``89.90 EUR``, one line a currency; a dash where there is no money."""
    lines = [f"{amount(value)} {currency}" for currency, value in sorted(value_by_currency.items()) if currency]
    return "\n".join(lines) or ABSENT


def duration(seconds: float) -> str:
    """The two largest units: ``3 d 4 h``, ``4 h 12 min``, ``12 min``, ``40 s``."""
    whole = int(seconds)
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days:,} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{whole} s"


def journey_line(started_at: datetime, steps: Iterable[tuple[str, str]], end: str, seconds: float, width: int) -> str:
    """A journey as ``2026-10-03 09:12  email opened, clicked > web 5 pages > ... > web purchased 89.90 EUR (3 d 4 h)``.

    ``steps`` are (channel, action) in order, ``end`` stands behind the last. What does not fit into ``width``: of each
    run all but its last action, then what runs in the middle were (``web x5`` is left of them), then those runs: the
    beginning and the conversion say most.
    """
    head, tail = f"{started_at:%Y-%m-%d %H:%M}  ", f" {end} ({duration(seconds)})".replace("  ", " ")
    runs = [(channel, [action for _, action in run]) for channel, run in groupby(steps, key=lambda step: step[0])]
    room = width - len(head) - len(tail)
    for shown in (ACTIONS_SHOWN, 1):
        parts = [f"{channel} {_actions(actions, shown)}" for channel, actions in runs]
        if len(" > ".join(parts)) <= room:
            break
    else:
        parts[1:-1] = [f"{channel} x{len(actions)}" for channel, actions in runs[1:-1]]
    return head + _without_middle(parts, room) + tail


def _without_middle(parts: list[str], room: int) -> str:
    line, kept = " > ".join(parts), parts
    while len(line) > room and len(kept) > 2:
        middle = len(kept) // 2
        kept = kept[:middle] + kept[middle + 1 :]
        first = (len(kept) + 1) // 2
        line = " > ".join([*kept[:first], "...", *kept[first:]])
    return line


def _actions(actions: Sequence[str], shown: int) -> str:
    """One channel's run of actions: repeats counted, the last one kept, as ``5 pages, cart added``."""
    said = [_said(action, len(list(run))) for action, run in groupby(actions)]
    if len(said) <= shown:
        return ", ".join(said)
    return ", ".join([*said[: shown - 1], "...", said[-1]] if shown > 1 else said[-1:])


def _said(action: str, times: int) -> str:
    if times > 1 and action in _PLURALS:
        return f"{times} {_PLURALS[action]}"
    return action.replace("_", " ") + (f" x{times}" if times > 1 else "")
