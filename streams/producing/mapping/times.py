"""Times from text to milliseconds since 1970 UTC, with the part below a millisecond cut off.

    iso8601     2026-03-01T12:00:00.5+01:00, 2026-03-01 12:00:00 UTC, 2026-03-01 (midnight)
    epoch_s     1772409600 or 1772409600.25; epoch_ms and epoch_us in the same way
    %d.%m.%Y    any pattern of strptime

A time that names no zone is taken in the mapping's time_zone, and refused where it has none: an hour's error moves
visits. Where clocks go back an hour comes twice: the first one is taken. Where they go forward an hour is missing: a
time in it is refused, since the time zone must be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR
from zoneinfo import ZoneInfo

from streams.domain.validation import LATEST_MS
from streams.producing.mapping.values import Unfit, scaled

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MOST_DIGITS = 20
#: Units of an epoch in a millisecond: (numerator, denominator).
_UNITS = {"epoch_s": (1000, 1), "epoch_ms": (1, 1), "epoch_us": (1, 1000)}
_IN_WORDS = {"epoch_s": "seconds", "epoch_ms": "milliseconds", "epoch_us": "microseconds"}
RANGE = "a time from 1970 to 2262"

TimeReader = Callable[[str], int]


def time_reader(options: Mapping[str, str]) -> TimeReader:
    """Reads times as ``options`` (format, time_zone) say; the reader raises Unfit."""
    form = options.get("format", "iso8601")
    zone = ZoneInfo(options["time_zone"]) if "time_zone" in options else None
    if form in _UNITS:
        return _in_range(_epoch_reader(form))
    return _in_range(_datetime_reader(_iso8601 if form == "iso8601" else _pattern_reader(form), zone))


def _in_range(read: TimeReader) -> TimeReader:
    def reader(text: str) -> int:
        found = read(text)
        if not 0 <= found <= LATEST_MS:
            raise Unfit(RANGE)
        return found

    return reader


def _epoch_reader(form: str) -> TimeReader:
    numerator, denominator = _UNITS[form]
    expected = f"{_IN_WORDS[form]} since 1970"

    def read(text: str) -> int:
        if len(text) <= _MOST_DIGITS and text.isascii() and text.isdigit():
            return int(text) * numerator // denominator
        return scaled(text, numerator, expected, ROUND_FLOOR) // denominator

    return read


def _datetime_reader(parse: Callable[[str], datetime], zone: ZoneInfo | None) -> TimeReader:
    def read(text: str) -> int:
        found = parse(text)
        if found.tzinfo is None:
            if zone is None:
                raise Unfit("a time with its zone, like 2026-03-01T12:00:00Z, or a time_zone in the mapping")
            found = _located(found, zone)
        return (found - _EPOCH) // _MILLISECOND

    return read


def _located(local: datetime, zone: ZoneInfo) -> datetime:
    """``local`` in ``zone``; the first of two, and Unfit where there is none."""
    try:
        found = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
        back = found.astimezone(zone)
    except OverflowError:
        raise Unfit(RANGE) from None
    if back.replace(tzinfo=None, fold=0) != local:
        raise Unfit(f"a time that {zone.key} has; clocks went forward over this one")
    return found


def _iso8601(text: str) -> datetime:
    # As BigQuery writes it.
    given = text[:-4] + "+00:00" if text.endswith(" UTC") else text
    try:
        return datetime.fromisoformat(given)
    except ValueError:
        raise Unfit("a time like 2026-03-01T12:00:00Z (ISO 8601)") from None


def _pattern_reader(pattern: str) -> Callable[[str], datetime]:
    def parse(text: str) -> datetime:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            raise Unfit(f"a time like {pattern}") from None

    return parse
