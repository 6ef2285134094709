"""Whether a touchpoint means something: the rules that no type can state.

Structure (fields, types) is the schema's business. Here each rule names the field, the value and what was expected, and
the reason under which the record is kept as a dead letter. Identifier values are masked in what is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from streams.domain.identifiers import Identifier, is_namespace, mask
from streams.domain.vocabulary import direction_of

SCORES: Mapping[str, tuple[int, int]] = {"nps": (0, 10), "csat": (1, 5), "acsi": (3, 30)}
#: The last moment that tables hold: 2262-01-01 UTC in ms.
LATEST_MS = 9_214_646_400_000
#: Highest single amount: a billion units of the currency.
HIGHEST_MICROS = 10**15
#: Longest engagement of one touchpoint: a day.
LONGEST_MS = 86_400_000
MAX_TEXT = 1_024
_CURRENCY = re.compile(r"[A-Z]{3}")


class Rejection(NamedTuple):
    """Why a record is a dead letter; ``field`` '' is the whole record."""

    reason: str
    field: str
    value: str
    expected: str


def check(record: Mapping[str, Any], channel: str) -> Rejection | None:
    """The first rule that a touchpoint record from ``channel``'s topic breaks, or None.

    ``record`` has the fields of the touchpoint schema. Identifiers are checked by `check_identifiers`, after cleaning.
    """
    if record["channel"] != channel:
        return Rejection("wrong_topic", "channel", record["channel"], channel)
    return (
        check_name("event_id", record["event_id"])
        or check_name("action", record["action"])
        or check_direction(record["direction"], channel, record["action"])
        or _check_numbers(record)
        or check_conversion(record["conversion"])
    )


def check_identifiers(record: Mapping[str, Any], cleaned: list[Identifier]) -> Rejection | None:
    """Rules on the identifiers of ``record``, of which ``cleaned`` are left (strongest first)."""
    for i, entry in enumerate(record["identifiers"]):
        if not is_namespace(entry["namespace"].strip()):
            return Rejection(
                "invalid",
                f"identifiers[{i}].namespace",
                # Masked too: where a producer confuses the two fields, it is the value.
                mask(entry["namespace"].replace("\0", "?")),
                "a lower-case name like cookie_id",
            )
        if "\0" in entry["value"] or len(entry["value"]) > MAX_TEXT:
            value = mask(entry["value"].replace("\0", "?"))
            return Rejection("invalid", f"identifiers[{i}].value", value, f"at most {MAX_TEXT} characters, no NUL")
    if not cleaned:
        return Rejection("no_identifier", "identifiers", "", "at least one identifier that is not blocked")
    users = [i for i in cleaned if i.namespace == "user_id"]
    if len(users) > 1:
        return Rejection("ambiguous_user_id", "identifiers", ", ".join(mask(u.value) for u in users), "one user_id")
    return None


def check_name(field: str, text: str) -> Rejection | None:
    """The rule that ``text``, an event_id or an action, breaks, or None."""
    if not 0 < len(text) <= MAX_TEXT or "\0" in text:
        return Rejection("invalid", field, text[:64].replace("\0", "?"), f"1 to {MAX_TEXT} characters, no NUL")
    return None


def check_direction(given: str, channel: str, action: str) -> Rejection | None:
    """The rule that the direction ``given`` breaks, or None."""
    known = direction_of(channel, action)
    if known is None and given == "UNKNOWN":
        return Rejection("unknown_direction", "direction", given, f"inbound or outbound for {action[:64]!r}")
    if known is not None and given not in (known, "UNKNOWN"):
        return Rejection("contradicting_direction", "direction", given, f"{known} for {action}")
    return None


def are_in_range(occurred_at: int, sentiment: int | None, engaged_ms: int | None) -> bool:
    """True where `check` finds nothing wrong with these numbers."""
    return 0 <= occurred_at <= LATEST_MS and -1000 <= (sentiment or 0) <= 1000 and 0 <= (engaged_ms or 0) <= LONGEST_MS


def _check_numbers(record: Mapping[str, Any]) -> Rejection | None:
    return (
        _check_range("occurred_at", record["occurred_at"], 0, LATEST_MS)
        or _check_range("sentiment", record["sentiment"], -1000, 1000)
        or _check_range("engaged_ms", record["engaged_ms"], 0, LONGEST_MS)
        or check_satisfaction(record["satisfaction"])
    )


def _check_range(field: str, value: int | None, low: int, high: int) -> Rejection | None:
    if value is None or low <= value <= high:
        return None
    return Rejection("invalid", field, str(value), f"{low} to {high}")


def check_satisfaction(answer: Mapping[str, Any] | None) -> Rejection | None:
    """The first rule that a touchpoint's survey answer breaks, or None."""
    if answer is None:
        return None
    if answer["metric"] not in SCORES:
        return Rejection("invalid", "satisfaction.metric", answer["metric"][:64], " or ".join(sorted(SCORES)))
    return _check_range("satisfaction.score", answer["score"], *SCORES[answer["metric"]])


def check_conversion(conversion: Mapping[str, Any] | None) -> Rejection | None:
    """The first rule that a touchpoint's conversion breaks, or None."""
    if conversion is None:
        return None
    if not 0 < len(conversion["type"]) <= MAX_TEXT or "\0" in conversion["type"]:
        return Rejection("invalid", "conversion.type", conversion["type"][:64].replace("\0", "?"), "a name")
    order_id = conversion["order_id"] or ""
    if "\0" in order_id or len(order_id) > MAX_TEXT:
        value = order_id[:64].replace("\0", "?")
        return Rejection("invalid", "conversion.order_id", value, f"at most {MAX_TEXT} characters, no NUL")
    currency, value = conversion["currency"], conversion["value_micros"]
    if currency and _CURRENCY.fullmatch(currency) is None:
        return Rejection("invalid", "conversion.currency", currency[:16], "an ISO 4217 code like EUR, or empty")
    if value and not currency:
        return Rejection("invalid", "conversion.currency", "", "an ISO 4217 code like EUR where there is a value")
    return _check_range("conversion.value_micros", value, 0, HIGHEST_MICROS)
