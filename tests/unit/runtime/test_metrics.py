"""A histogram that takes batches tells what prometheus_client's own tells of the same values."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from streams.runtime.metrics import AGE_SECONDS, Spread

VALUES = st.one_of(st.sampled_from([0.0, *AGE_SECONDS, 600.001, 1e9]), st.floats(0, 2_000).map(lambda v: round(v, 3)))


def spread(*of: str) -> tuple[Spread, CollectorRegistry]:
    registry = CollectorRegistry()
    return Spread("journey_age_seconds", "Age.", "channel", of, AGE_SECONDS, registry), registry


def samples(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    found = [sample for metric in registry.collect() for sample in metric.samples]
    return {(s.name, *map(":".join, sorted(s.labels.items()))): s.value for s in found}


@given(st.lists(st.tuples(st.sampled_from(["web", "email"]), st.lists(VALUES, min_size=1, max_size=20)), max_size=5))
def test_it_tells_the_same_as_one_that_takes_each_value(batches: list[tuple[str, list[float]]]) -> None:
    ours, registry = spread("web", "email")
    theirs = CollectorRegistry()
    plain = Histogram("journey_age_seconds", "Age.", ["channel"], buckets=AGE_SECONDS, registry=theirs)
    for channel in ("web", "email"):
        plain.labels(channel)
    for channel, values in batches:
        ours.observe(channel, values)
        for value in values:
            plain.labels(channel).observe(value)
    assert samples(registry) == pytest.approx(samples(theirs), rel=1e-12)


def test_its_series_are_there_before_anything_was_counted() -> None:
    _, registry = spread("web")
    assert 'journey_age_seconds_count{channel="web"} 0.0' in generate_latest(registry).decode()


def test_what_happens_after_it_was_seen_is_seen_at_once() -> None:
    ours, registry = spread("web")
    ours.observe("web", [-3.0, 0.05])
    assert registry.get_sample_value("journey_age_seconds_bucket", {"channel": "web", "le": "0.1"}) == 2
    assert registry.get_sample_value("journey_age_seconds_sum", {"channel": "web"}) == 0.05


def test_buckets_rise_from_a_tenth_of_a_second_to_ten_minutes() -> None:
    assert (AGE_SECONDS[0], AGE_SECONDS[-1]) == (0.1, 600)
    assert all(low < high for low, high in pairwise(AGE_SECONDS))
