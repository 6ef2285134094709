"""A customer's journeys drawn with bars: journey, visit, session, and in it what happened.

    Journey 2  2026-03-01 09:12 to 2026-03-09 10:20 (8 d 1 h), 14 touchpoints: purchase 89.90 EUR
    | Email > Direct
    | Visit 2026-03-01 09:12  Email, spring, 50.0 % of the conversion
    | | email session, 2 touchpoints, 40 s            email_sha256:ab12cd34ef56..
    | | | 09:12:03  opened
    | | | 09:12:43  clicked
    | . 2026-03-02 06:00  email sent, delivered (outbound)

What forms no journey stands apart behind a dot, in its place in time. Of long lists the middle is left out and counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from rich.text import Text

from sinks.customer.found import Customer, Journey, Session, Step, Touch
from sinks.figures import count, duration, percent

T = TypeVar("T")
APART = "dim"
BAR = "| "
VISITS_SHOWN = 12
STEPS_SHOWN = 9
APART_SHOWN = 4
VALUE_SHOWN = 12
PATH_SHOWN = 96
VIA_AT = 66


def timeline(customer: Customer) -> Iterator[Text]:
    """The lines of the timeline."""
    earlier = customer.journeys.total - len(customer.journeys.shown)
    if earlier:
        yield Text(f"... {counted(earlier, 'earlier journey')}")
    sessions = _by_channel(customer.sessions)
    apart = deque(customer.apart)
    for number, journey in enumerate(customer.journeys.shown, earlier + 1):
        yield from _apart(_until(apart, journey.started_at), "")
        yield from _journey(number, journey, sessions, apart)
    yield from _apart(apart, "")
    if not (customer.journeys.shown or customer.apart):
        yield Text("  nothing yet")


def _journey(
    number: int, journey: Journey, sessions: Mapping[str, Sequence[Session]], apart: deque[Step]
) -> Iterator[Text]:
    lasted = duration((journey.ended_at - journey.started_at).total_seconds())
    end = f": {journey.conversion}" if journey.conversion else ", not converted"
    yield Text(
        f"Journey {number:,}  {minute(journey.started_at)} to {minute(journey.ended_at)} ({lasted}),"
        f" {counted(journey.touchpoints, 'touchpoint')}{end}",
        style="bold",
    )
    yield Text(BAR + _path([name for name, _ in groupby(touch.marketing_channel for touch in journey.touches)]))
    visits = [*_visits(journey)]
    first, left_out, last = shortened(visits, VISITS_SHOWN)
    for touch, steps in first:
        yield from _apart(_until(apart, touch.at), BAR)
        yield from _visit(touch, steps, sessions)
    if left_out:
        touchpoints = sum(touch.touchpoints for touch, _ in left_out)
        yield Text(f"{BAR}... {counted(len(left_out), 'more visit')}, {counted(touchpoints, 'touchpoint')}")
    for touch, steps in last:
        yield from _apart(_until(apart, touch.at), BAR)
        yield from _visit(touch, steps, sessions)
    yield from _apart(_until(apart, journey.ended_at, inclusive=True), BAR)


def _path(channels: Sequence[str]) -> str:
    """Marketing channels in order; without as much of the middle as there is no room for."""
    for shown in range(len(channels), 2, -1):
        first, left_out, last = shortened(channels, shown)
        path = " > ".join([*first, *(["..."] if left_out else []), *last])
        if len(path) <= PATH_SHOWN:
            return path
    return " > ".join(channels[:2])


def _visits(journey: Journey) -> Iterator[tuple[Touch, Sequence[Step]]]:
    """Each touch of a journey with the steps that the row has of it."""
    start = 0
    for touch in journey.touches:
        yield touch, journey.steps[start : start + touch.touchpoints]
        start += touch.touchpoints


def _visit(touch: Touch, steps: Sequence[Step], sessions: Mapping[str, Sequence[Session]]) -> Iterator[Text]:
    came = ", ".join(filter(None, (touch.marketing_channel, touch.campaign)))
    earned = f", {percent(touch.credit)} of the conversion" if touch.credit else ""
    yield Text(f"{BAR}Visit {minute(touch.at)}  {came}{earned}")
    by_session: dict[tuple[str, Session | None], list[Step]] = {}
    for step in steps:
        by_session.setdefault((step.channel, _session_of(step, sessions)), []).append(step)
    for (channel, session), inside in by_session.items():
        yield _with_via(f"{BAR * 2}{channel}{_said_of(session)}", inside[0].via)
        yield from _steps(inside)
    if touch.touchpoints > len(steps):
        yield Text(f"{BAR * 2}... {counted(touch.touchpoints - len(steps), 'more touchpoint')}")


def _session_of(step: Step, sessions: Mapping[str, Sequence[Session]]) -> Session | None:
    """The session that holds ``step``; None where its row isn't there yet, or too many are."""
    return next((s for s in sessions.get(step.channel, ()) if s.started_at <= step.at <= s.ended_at), None)


def _by_channel(sessions: Iterable[Session]) -> dict[str, list[Session]]:
    found: dict[str, list[Session]] = {}
    for session in sessions:
        found.setdefault(session.channel, []).append(session)
    return found


def _said_of(session: Session | None) -> str:
    if session is None:
        return ""
    seconds = (session.ended_at - session.started_at).total_seconds()
    lasted = f", {duration(seconds)}" if seconds else ""
    return f" session, {counted(session.touchpoints, 'touchpoint')}{lasted}{', engaged' if session.engaged else ''}"


def _steps(steps: Sequence[Step]) -> Iterator[Text]:
    """A line for each run of equal actions; the via where it is another than before."""
    runs = [[*run] for _, run in groupby(steps, key=lambda step: (step.action, step.via))]
    before = [steps[0].via, *(run[0].via for run in runs)]
    lines = [
        _with_via(
            f"{BAR * 3}{run[0].at:%H:%M:%S}  {_said(run[0].action, len(run))}", "" if run[0].via == via else run[0].via
        )
        for run, via in zip(runs, before, strict=False)
    ]
    first, left_out, last = shortened(lines, STEPS_SHOWN)
    yield from first
    if left_out:
        touchpoints = sum(len(run) for run in runs[len(first) : len(first) + len(left_out)])
        yield Text(f"{BAR * 3}... {counted(touchpoints, 'more touchpoint')}")
    yield from last


def _with_via(line: str, via: str) -> Text:
    return Text.assemble(f"{line:<{VIA_AT}}" if via else line, (short(via), APART))


def _apart(steps: Iterable[Step], bar: str) -> Iterator[Text]:
    """What stands apart: a line a day, channel and kind."""
    runs = [[*run] for _, run in groupby(steps, key=lambda step: (step.at.date(), step.channel, step.apart))]
    first, left_out, last = shortened(runs, APART_SHOWN)
    for run in first:
        yield _apart_line(run, bar)
    if left_out:
        yield Text(f"{bar}. ... {count(sum(map(len, left_out)))} more that stand apart", style=APART)
    for run in last:
        yield _apart_line(run, bar)


def _apart_line(run: Sequence[Step], bar: str) -> Text:
    actions = [_said(action, len([*same])) for action, same in groupby(step.action for step in run)]
    first, left_out, last = shortened(actions, APART_SHOWN)
    said = ", ".join([*first, *(["..."] if left_out else []), *last])
    return Text.assemble(bar, (f". {minute(run[0].at)}  {run[0].channel} {said} ({run[0].apart})", APART))


def _until(apart: deque[Step], end: datetime, *, inclusive: bool = False) -> list[Step]:
    """Those of ``apart`` before ``end``, taken from it."""
    taken = []
    while apart and (apart[0].at < end or (inclusive and apart[0].at == end)):
        taken.append(apart.popleft())
    return taken


def shortened(items: Sequence[T], shown: int) -> tuple[Sequence[T], Sequence[T], Sequence[T]]:
    """The first ones, those that are left out, and the last ones: together ``items``, of which ``shown`` are kept."""
    if len(items) <= shown + 1:
        return items, (), ()
    last = len(items) - shown // 3
    return items[: shown - shown // 3], items[shown - shown // 3 : last], items[last:]


def minute(at: datetime) -> str:
    """A time as people read it; UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def counted(number: int, name: str) -> str:
    """``1 visit``, ``1,234 visits``."""
    return f"{count(number)} {name}{'' if number == 1 else 's'}"


def short(identifier: str) -> str:
    """``namespace:value`` of which a long value is cut."""
    namespace, colon, value = identifier.partition(":")
    return f"{namespace}{colon}{value if len(value) <= VALUE_SHOWN + 2 else value[:VALUE_SHOWN] + '..'}"


def _said(action: str, times: int) -> str:
    return action.replace("_", " ") + (f" x{count(times)}" if times > 1 else "")
