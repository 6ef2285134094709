"""Customers' histories for property tests: dense enough that gaps, midnights, closings and equal orders all occur."""

from __future__ import annotations

from hypothesis import strategies as st

from streams.domain.rules import Rules
from streams.domain.touchpoint import Conversion, Touchpoint
from tests.unit.builders import DAY, HOUR, MIDNIGHT, MINUTE, touch

#: The defaults, and rules so small that the cuts of very long runs and journeys happen too.
rule_sets = st.sampled_from(
    [Rules(), Rules(long_journey=3, long_run_ms=HOUR), Rules(journey_gap_ms=40 * MINUTE, lookback_ms=HOUR)]
)

# Steps of ten minutes around a midnight, and a millisecond more: gaps of exactly 30 minutes and days, and just over.
_times = st.builds(
    lambda month, step, more: MIDNIGHT - 2 * HOUR + month * 30 * DAY + step * 10 * MINUTE + more,
    st.sampled_from([0, 0, 1, 2]),
    st.integers(0, 30),
    st.sampled_from([0, 0, 1]),
)
_conversions = st.none() | st.builds(
    Conversion,
    st.sampled_from(["purchase", "registration"]),
    st.just(5_000_000),
    st.just("EUR"),
    st.sampled_from(["", "o1", "o2"]),
)
_origins = st.sampled_from(
    [
        ("Direct", False, "", ""),
        ("Email", True, "spring", "top"),
        ("Paid Search", True, "brand", ""),
        ("Email", False, "", ""),
    ]
)


def _touchpoint(
    number: int,
    at: int,
    channel: str,
    conversion: Conversion | None,
    origin: tuple[str, bool, str, str],
    engaged_ms: int,
) -> Touchpoint:
    marketing_channel, has_acquisition, campaign, content = origin
    return touch(
        f"e{number}",
        at,
        channel,
        marketing_channel=marketing_channel,
        has_acquisition=has_acquisition,
        campaign=campaign,
        content=content,
        engaged_ms=engaged_ms,
        conversion=conversion,
    )


def histories() -> st.SearchStrategy[list[Touchpoint]]:
    """One customer's touchpoints in any order; no two share (channel, via, event_id), some share all but one."""
    touchpoints = st.builds(
        _touchpoint,
        st.integers(0, 20),
        _times,
        st.sampled_from(["web", "email"]),
        _conversions,
        _origins,
        st.sampled_from([0, 6_000]),
    )

    def lists(least: int, most: int) -> st.SearchStrategy[list[Touchpoint]]:
        return st.lists(touchpoints, min_size=least, max_size=most, unique_by=lambda t: (t.channel, t.via, t.event_id))

    # Long ones apart, or most would be too short for two journeys.
    return lists(0, 5) | lists(6, 16) | lists(10, 16)
