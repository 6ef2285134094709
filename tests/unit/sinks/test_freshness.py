"""Freshness: each touchpoint once, when it is seen first; history and what is sent again are none of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sinks.freshness import Freshness
from sinks.metrics import REGISTRY
from sinks.tables import TOUCHPOINTS
from streams.domain.vocabulary import CHANNELS

NOW = 1_772_409_600_000
Row = dict[str, Any]


def row(version: int, age_ms: int = 2_000, **more: Any) -> Row:
    """A touchpoint that happened ``age_ms`` ago, on partition 0 of everything unless ``more`` says otherwise."""
    fields = {"channel": "web", "intake_partition": 0, "version": version, "occurred_at": NOW - age_ms}
    return {"activity": 0, "backfill": False} | fields | more


def seen(*batches: Iterable[Row]) -> dict[str, tuple[float, float]]:
    """By channel how many were counted, and their seconds added up."""
    before, freshness = counted(), Freshness()
    for rows in map(list, batches):
        data = [[row.get(column) for row in rows] for column in TOUCHPOINTS.columns]
        freshness.inserted(data, [row["activity"] for row in rows], NOW)
    after = counted()
    return {c: (after[c][0] - before[c][0], after[c][1] - before[c][1]) for c in CHANNELS if after[c] != before[c]}


def counted() -> dict[str, tuple[float, float]]:
    def value(channel: str, what: str) -> float:
        return REGISTRY.get_sample_value(f"journey_freshness_seconds_{what}", {"channel": channel}) or 0.0

    return {channel: (value(channel, "count"), value(channel, "sum")) for channel in CHANNELS}


def test_each_new_touchpoint_counts_with_its_age_by_channel() -> None:
    assert seen([row(1), row(2, 500), row(1, 1_000, channel="email")]) == {"web": (2, 2.5), "email": (1, 1.0)}


def test_what_a_later_one_raises_is_sent_with_its_version_and_counts_no_second_time() -> None:
    opened, clicked = row(1, 60_000, channel="email"), row(2, 1_000, channel="email")
    raised = row(2, 60_000, channel="email")
    assert seen([opened], [clicked, raised]) == {"email": (2, 61.0)}
    assert seen([opened], [clicked], [raised]) == {"email": (2, 61.0)}


def test_what_intake_sends_again_after_a_crash_counts_no_second_time() -> None:
    first = [row(1), row(2), row(3)]
    assert seen(first, first, [row(4)]) == {"web": (4, 8.0)}


def test_partitions_have_versions_of_their_own() -> None:
    rows = [row(9), row(5, intake_partition=1), row(3, activity=1), row(2, channel="email")]
    assert seen(rows) == {"web": (3, 6.0), "email": (1, 2.0)}


def test_history_is_none() -> None:
    assert seen([row(1, 10**10, backfill=True), row(2)]) == {"web": (1, 2.0)}


def test_a_channel_that_is_none_of_ours_makes_no_series() -> None:
    assert seen([row(1, channel="fax")]) == {}
    assert counted().keys() == set(CHANNELS)


def test_what_happens_ahead_of_our_clock_is_seen_at_once() -> None:
    assert seen([row(1, -5_000)]) == {"web": (1, 0.0)}
