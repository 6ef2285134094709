"""The keys that may stand in a mapping, and what some of their values may be.

docs/mappings.md explains each; `streams.producing.mapping.reading` puts a mapping together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streams.domain.vocabulary import CHANNELS, INBOUND, OUTBOUND

FORMATS = ("csv", "ndjson", "parquet")
TIME_FORMATS = ("iso8601", "epoch_s", "epoch_ms", "epoch_us")
ADDRESSES = {"email_sha256": "email", "phone_sha256": "phone"}

SHAPE = ("format", "delimiter", "quote", "header", "nothing", "optional")
SECTIONS = ("touchpoint", "identifiers", "acquisition", "conversion", "satisfaction", "by")
#: The keys of each section, and the options of their own that some have.
KEYS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "touchpoint": {
        **dict.fromkeys(("channel", "action", "direction", "mode", "message_id", "thread_id", "user_agent"), ()),
        **dict.fromkeys(("link", "sentiment", "provider_machine", "properties"), ()),
        "event_id": ("hash",),
        "occurred_at": ("format", "time_zone"),
        "engaged_ms": ("unit",),
    },
    "acquisition": dict.fromkeys(
        ("from_url", "source", "medium", "campaign", "content", "term", "click_id", "referrer", "url"), ()
    ),
    "conversion": {"type": (), "value": ("decimal",), "currency": (), "order_id": ()},
    "satisfaction": {"metric": (), "score": ()},
}
SOURCE = ("column", "constant", "join", "separator", "prefix", "otherwise")
#: What an entry of a table of values may set, and the field that it is.
SETTABLE: Mapping[str, str] = {
    **{name: name for name in ("channel", "action", "direction", "mode")},
    **{name: f"acquisition.{name}" for name in ("source", "medium", "campaign")},
    "conversion": "conversion.type",
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "channel": CHANNELS,
    "direction": (INBOUND, OUTBOUND),
    "mode": ("synchronous", "asynchronous"),
    "unit": ("ms", "s"),
    "decimal": (".", ","),
}
A_SOURCE = "a column, a list of columns, or a table with column, join or constant"


def perhaps(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f", perhaps {near[0]}" if near else ""


@cache
def is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def is_pattern(text: str) -> bool:
    """Whether strptime knows all that stands behind a % in ``text``."""
    if "%" not in text:
        return False
    try:
        datetime.strptime("", text)
    except ValueError as error:
        return "does not match" in str(error)
    return True


def names_zone(pattern: str) -> bool:
    """Whether ``pattern`` has %Z, which strptime reads and then forgets."""
    return "%Z" in pattern.replace("%%", "")


def is_naive(options: Mapping[str, str]) -> bool:
    form = options.get("format", TIME_FORMATS[0])
    return form not in TIME_FORMATS and "%z" not in form and "time_zone" not in options
