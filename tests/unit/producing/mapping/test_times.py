"""Times: the formats, the zones, and hours that come twice or not at all."""

from calendar import timegm
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.producing.mapping.times import time_reader
from streams.producing.mapping.values import Unfit

NOON = 1_772_366_400_000  # 2026-03-01T12:00:00Z
MOMENTS = st.integers(0, 7_258_118_400_000 - 1)  # 1970 to 2200


def test_noon_is_noon() -> None:
    assert timegm((2026, 3, 1, 12, 0, 0)) * 1000 == NOON


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-03-01T12:00:00Z", NOON),
        ("2026-03-01 12:00:00+00:00", NOON),
        ("2026-03-01T13:00:00.5+01:00", NOON + 500),
        ("2026-03-01 12:00:00 UTC", NOON),
        ("2026-03-01 12:00:00.123456 UTC", NOON + 123),
        ("2026-03-01T12:00:00.123999Z", NOON + 123),
        ("20260301T120000Z", NOON),
        ("2026-03-01T06:30:00-0530", NOON),
    ],
)
def test_iso_8601_with_a_zone(text: str, ms: int) -> None:
    assert time_reader({})(text) == ms


@pytest.mark.parametrize("text", ["2026-03-01T12:00:00", "2026-03-01", "2026-03-01 12:00"])
def test_times_without_a_zone_are_refused_and_the_setting_is_named(text: str) -> None:
    with pytest.raises(Unfit, match="time_zone in the mapping"):
        time_reader({})(text)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", "1772366400", "", "2026-03-01T25:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Unfit, match="ISO 8601"):
        time_reader({"time_zone": "UTC"})(text)


def test_a_zone_in_the_text_wins_over_the_mappings() -> None:
    assert time_reader({"time_zone": "Asia/Tokyo"})("2026-03-01T12:00:00Z") == NOON
    assert time_reader({"time_zone": "Asia/Tokyo"})("2026-03-01T21:00:00") == NOON
    assert time_reader({"time_zone": "Europe/Berlin"})("2026-03-01") == NOON - 13 * 3_600_000


def test_of_an_hour_that_comes_twice_the_first_is_taken() -> None:
    # Berlin went from +02:00 back to +01:00 on 25 October 2026, 01:00 UTC.
    read = time_reader({"time_zone": "Europe/Berlin"})
    assert read("2026-10-25 02:30:00") == timegm((2026, 10, 25, 0, 30, 0)) * 1000
    assert read("2026-10-25 03:00:00") == timegm((2026, 10, 25, 2, 0, 0)) * 1000


def test_a_time_in_an_hour_that_is_missing_is_refused() -> None:
    read = time_reader({"time_zone": "Europe/Berlin"})
    for text in ("2026-03-29 02:00:00", "2026-03-29 02:59:59.999"):
        with pytest.raises(Unfit, match="Europe/Berlin has; clocks went forward"):
            read(text)
    assert read("2026-03-29 01:59:59") == timegm((2026, 3, 29, 0, 59, 59)) * 1000
    assert read("2026-03-29 03:00:00") == timegm((2026, 3, 29, 1, 0, 0)) * 1000


@pytest.mark.parametrize(
    ("form", "text", "ms"),
    [
        ("epoch_s", "1772366400", NOON),
        ("epoch_s", "1772366400.25", NOON + 250),
        ("epoch_s", "1.7723664e9", NOON),
        ("epoch_ms", "1772366400000", NOON),
        ("epoch_ms", "1772366400000.9", NOON),
        ("epoch_us", "1772366400000999", NOON),
        ("epoch_s", "0", 0),
    ],
)
def test_epochs(form: str, text: str, ms: int) -> None:
    assert time_reader({"format": form})(text) == ms


@pytest.mark.parametrize(
    ("form", "text"), [("epoch_s", "1772366400000"), ("epoch_ms", "-1"), ("epoch_us", "9" * 40), ("epoch_s", "1e99")]
)
def test_times_out_of_range_are_refused(form: str, text: str) -> None:
    with pytest.raises(Unfit, match="1970 to 2262"):
        time_reader({"format": form})(text)


@pytest.mark.parametrize("text", ["nan", "inf", "0x1", "1_000", "١", "2026-03-01", "1e9999"])
def test_what_is_no_epoch_is_refused(text: str) -> None:
    with pytest.raises(Unfit, match="seconds since 1970"):
        time_reader({"format": "epoch_s"})(text)


@pytest.mark.parametrize("form", ["epoch_s", "epoch_ms", "epoch_us"])
def test_more_digits_than_python_reads_are_no_epoch(form: str) -> None:
    with pytest.raises(Unfit, match="seconds since 1970"):
        time_reader({"format": form})("9" * 5_000)


def test_patterns() -> None:
    read = time_reader({"format": "%d.%m.%Y %H:%M", "time_zone": "UTC"})
    assert read("01.03.2026 12:00") == NOON
    with pytest.raises(Unfit, match=r"like %d\.%m\.%Y %H:%M"):
        read("2026-03-01 12:00")
    assert time_reader({"format": "%d/%b/%Y:%H:%M:%S %z"})("01/Mar/2026:13:00:00 +0100") == NOON


@given(MOMENTS, st.sampled_from(["epoch_s", "epoch_ms", "epoch_us", "iso8601"]), st.integers(0, 999))
def test_every_moment_comes_back_in_every_format(ms: int, form: str, below: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms, microseconds=below)
    text = {
        "epoch_s": f"{ms // 1000}.{ms % 1000:03}{below:03}",
        "epoch_ms": f"{ms}.{below:03}",
        "epoch_us": f"{ms}{below:03}",
        "iso8601": moment.isoformat(),
    }[form]
    assert time_reader({"format": form})(text) == ms


@given(MOMENTS, st.sampled_from([(-5, 0), (5, 30), (1, 0), (12, 45), (0, 0)]))
def test_an_offset_moves_the_clock_and_not_the_moment(ms: int, offset: tuple[int, int]) -> None:
    hours, minutes = offset
    shift = timedelta(hours=hours, minutes=minutes)
    local = datetime(1970, 1, 2) + timedelta(milliseconds=ms) + shift
    text = f"{local.isoformat(timespec='milliseconds')}{hours:+03d}:{minutes:02d}"
    assert time_reader({})(text) == ms + 86_400_000
