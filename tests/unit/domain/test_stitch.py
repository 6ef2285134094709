"""The batch definition against a plain reading of the definitions, for any touchpoints in any order."""

from collections.abc import Callable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.domain.journeys import Journey
from streams.domain.rules import Rules
from streams.domain.stitch import Stitched, stitch
from streams.domain.touchpoint import Touchpoint, order_of
from tests.unit.builders import CUSTOMER, DAY
from tests.unit.histories import histories, rule_sets

Runs = list[list[Touchpoint]]


def cut_where(touchpoints: list[Touchpoint], begins: Callable[[Touchpoint, Touchpoint], bool]) -> Runs:
    """Runs of ``touchpoints``; a touchpoint starts one where ``begins`` holds for it and the one before."""
    runs: Runs = []
    for t in touchpoints:
        if runs and not begins(runs[-1][-1], t):
            runs[-1].append(t)
        else:
            runs.append([t])
    return runs


def cut_at_midnights(runs: Runs, is_long: Callable[[list[Touchpoint]], bool]) -> Runs:
    pieces: Runs = []
    for run in runs:
        pieces += cut_where(run, lambda a, b: a.occurred_at // DAY != b.occurred_at // DAY) if is_long(run) else [run]
    return pieces


def near_runs(touchpoints: list[Touchpoint], rules: Rules) -> Runs:
    """Sessions of a channel, visits of all channels."""
    runs = cut_where(touchpoints, lambda a, b: b.occurred_at - a.occurred_at > rules.session_gap_ms)
    return cut_at_midnights(runs, lambda run: run[-1].occurred_at - run[0].occurred_at > rules.long_run_ms)


def converting(touchpoints: list[Touchpoint]) -> list[Touchpoint]:
    """The conversions that count, each order's first, found by asking each for an earlier one."""
    found = []
    for t in touchpoints:
        c = t.conversion
        if c and not any(
            c.order_id and o.conversion and o.conversion[::3] == c[::3] and order_of(o) < order_of(t)
            for o in touchpoints
        ):
            found.append(t)
    return found


def journey_runs(touchpoints: list[Touchpoint], rules: Rules) -> Runs:
    counts = converting(touchpoints)

    def begins(a: Touchpoint, b: Touchpoint) -> bool:
        closed = a in counts and a.conversion is not None and a.conversion.type in rules.closing_conversions
        return closed or b.occurred_at - a.occurred_at > rules.journey_gap_ms

    return cut_at_midnights(cut_where(touchpoints, begins), lambda run: len(run) > rules.long_journey)


def touches_of(run: list[Touchpoint], visits: Runs) -> list[tuple[int, str, str, str, str, int]]:
    """(at, channel, marketing channel, campaign, content, touchpoints) of what each visit has in ``run``."""
    touches = []
    for visit in visits:
        part = [t for t in visit if t in run]
        if part:
            origin = [*[t for t in visit if t.has_acquisition], visit[0]][0]
            came = (origin.marketing_channel, origin.campaign, origin.content)
            touches.append((part[0].occurred_at, part[0].channel, *came, len(part)))
    return touches


def shuffled(history: list[Touchpoint], random: Random) -> list[Touchpoint]:
    """``history`` in any order, some of it more than once."""
    arrivals = [*history, *random.choices(history, k=random.randrange(4))] if history else []
    random.shuffle(arrivals)
    return arrivals


@given(histories(), rule_sets, st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_any_order_and_duplication_gives_the_journeys_of_a_plain_reading_of_the_definitions(
    history: list[Touchpoint], rules: Rules, random: Random
) -> None:
    ordered = sorted(history, key=order_of)
    journeys = stitch(CUSTOMER, shuffled(history, random), rules).journeys
    assert [list(j.touchpoints) for j in journeys] == journey_runs(ordered, rules)
    visits, counts = near_runs(ordered, rules), converting(ordered)
    for journey in journeys:
        assert list(journey.touches) == touches_of(list(journey.touchpoints), visits)
        last = journey.touchpoints[-1]
        closes = last in counts and last.conversion is not None and last.conversion.type in rules.closing_conversions
        assert journey.conversion == (last.conversion if closes else None)
        assert journey.goals == sum(t in counts for t in journey.touchpoints) - closes


@given(histories(), rule_sets, st.randoms(use_true_random=False))
@settings(max_examples=150)
def test_any_order_and_duplication_gives_the_sessions_of_a_plain_reading_of_the_definitions(
    history: list[Touchpoint], rules: Rules, random: Random
) -> None:
    ordered, counts = sorted(history, key=order_of), converting(sorted(history, key=order_of))
    expected = []
    for channel in sorted({t.channel for t in history}):
        for run in near_runs([t for t in ordered if t.channel == channel], rules):
            expected.append((channel, run[0].occurred_at, run[-1].occurred_at, len(run), sum(t in counts for t in run)))
    sessions = stitch(CUSTOMER, shuffled(history, random), rules).sessions
    assert [(s.channel, s.started_at, s.ended_at, s.touchpoints, s.conversions) for s in sessions] == expected
    assert len({s.session_id for s in sessions}) == len(sessions)


@given(histories(), rule_sets)
@settings(max_examples=100)
def test_credits_of_a_conversion_sum_to_one_and_only_conversions_have_them(
    history: list[Touchpoint], rules: Rules
) -> None:
    for journey in stitch(CUSTOMER, history, rules).journeys:
        assert credit_sums(journey) == ([1.0] * 8 if journey.conversion else [0.0] * 8)


def credit_sums(journey: Journey) -> list[float]:
    """The sum of each model's credits, to nine digits; each has one credit a touch, or none at all."""
    assert all(len(shares) in (0, len(journey.touches)) for shares in journey.credits)
    return [round(sum(shares), 9) for shares in journey.credits]


def test_nobody_has_neither_sessions_nor_journeys() -> None:
    assert stitch(CUSTOMER, [], Rules()) == Stitched((), ())
