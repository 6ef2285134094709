"""Rows of the output tables from decoded Avro records, one function a record, and the columns they fill.

It decides how a record's fields become columns (docs/tables.md has the rules; a contract test holds schemas, rows and
tables equal). It leaves sending to `sinks.clickhouse`. Times stay integer milliseconds, the ticks of DateTime64(3), and
UUIDs their text: the driver packs both without a Python object a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, TypeVar

from schemas.codec import Record
from streams.runtime.versions import version_of

Row = tuple[object, ...]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Table(Generic[R]):
    """One table: its name, the columns that an insert fills, and how a record of type R becomes a row of them."""

    name: str
    columns: tuple[str, ...]
    to_row: Callable[[R, int], Row]

    def columns_of(self, records: Sequence[R], epoch: int = 0) -> list[Sequence[object]]:
        """``records`` as one tuple of values a column, in the order of ``columns`` and of the records.

        ``epoch`` of the source log goes into the versions of rows whose record has none. KeyError or TypeError for a
        record of another kind.
        """
        if not records:
            return [() for _ in self.columns]
        return list(zip(*[self.to_row(record, epoch) for record in records], strict=True))


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _flat(name: str, fields: str) -> Table[Record]:
    """A table whose columns are fields of the record under the same names, the version among them."""
    columns = _names(fields)
    get = itemgetter(*columns)
    return Table(name, columns, lambda record, _epoch: get(record))


def _with_offset_version(name: str, fields: str) -> Table[Record]:
    """As `_flat`, for records that stand for one record of a source log: the version is its offset."""
    columns = _names(fields)
    get = itemgetter(*columns)
    return Table(
        name,
        (*columns, "version"),
        lambda record, epoch: (*get(record), version_of(epoch, record["offset"])),
    )


_JOURNEY_FIELDS = _names(
    "journey_id customer_id started_at ended_at first_channel last_channel touchpoints converted conversion_type"
    " value_micros currency order_id goals credit_first credit_last credit_last_non_direct credit_linear"
    " credit_position credit_j_shaped credit_inverse_j credit_time_decay version deleted"
)
_STEP_FIELDS = ("at", "channel", "action", "via", "event_id")
_TOUCH_FIELDS = ("at", "channel", "marketing_channel", "campaign", "content", "touchpoints")
_journey_values = itemgetter(*_JOURNEY_FIELDS)


def journey_row(journey: Record, _epoch: int = 0) -> Row:
    """A journey as a row: its steps and touches become one array a field."""
    steps, touches = journey["steps"], journey["touches"]
    return (
        *_journey_values(journey),
        *[[step[field] for step in steps] for field in _STEP_FIELDS],
        *[[touch[field] for touch in touches] for field in _TOUCH_FIELDS],
    )


_NO_ACQUISITION: Mapping[str, str | None] = {}
_NO_CONVERSION: Mapping[str, Any] = {"type": "", "value_micros": 0, "currency": "", "order_id": None}
_NO_SATISFACTION: Mapping[str, Any] = {"metric": "", "score": None}
_SENT_FIELDS = ("term", "click_id", "referrer", "url")

_TOUCHPOINT_COLUMNS = (
    *("channel", "via", "occurred_at", "event_id", "via_customer", "action", "direction", "mode", "actor"),
    *("rules_version", "marketing_channel", "has_acquisition"),
    *("source", "medium", "campaign", "content"),
    *_SENT_FIELDS,
    *("message_id", "thread_id", "link", "conversion_type", "value_micros", "currency", "order_id", "sentiment"),
    *("satisfaction_metric", "satisfaction_score", "engaged_ms", "user_agent", "provider_machine", "backfill"),
    *("identifiers", "properties", "received_at", "intake_partition", "version"),
)


def touchpoint_row(resolved: Record, touchpoint: Record, version: int) -> Row:
    """A row of `touchpoints` from a ResolvedTouchpoint and the decoded Touchpoint inside it.

    What INTAKE judged (direction, mode, campaign, content, identifiers) comes from ``resolved``. Text that was not
    given is empty; numbers where 0 would be an answer (sentiment, score, engaged time) are None. ``version``: the
    intake offset with its epoch.
    """
    via = resolved["via"]
    acquisition = touchpoint["acquisition"] or _NO_ACQUISITION
    conversion = touchpoint["conversion"] or _NO_CONVERSION
    satisfaction = touchpoint["satisfaction"] or _NO_SATISFACTION
    return (
        touchpoint["channel"],
        f"{via['namespace']}:{via['value']}",
        touchpoint["occurred_at"],
        touchpoint["event_id"],
        resolved["to"],
        touchpoint["action"],
        resolved["direction"],
        resolved["mode"],
        resolved["actor"],
        resolved["rules_version"],
        resolved["marketing_channel"],
        resolved["has_acquisition"],
        acquisition.get("source") or "",
        acquisition.get("medium") or "",
        resolved["campaign"],
        resolved["content"],
        *[acquisition.get(field) or "" for field in _SENT_FIELDS],
        touchpoint["message_id"] or "",
        touchpoint["thread_id"] or "",
        touchpoint["link"] or "",
        conversion["type"],
        conversion["value_micros"],
        conversion["currency"],
        conversion["order_id"] or "",
        touchpoint["sentiment"],
        satisfaction["metric"],
        satisfaction["score"],
        touchpoint["engaged_ms"],
        touchpoint["user_agent"] or "",
        touchpoint["provider_machine"],
        touchpoint["backfill"],
        [f"{identifier['namespace']}:{identifier['value']}" for identifier in resolved["identifiers"]],
        touchpoint["properties"],
        resolved["received_at"],
        resolved["intake_partition"],
        version,
    )


TOUCHPOINTS: Table[tuple[Record, Record]] = Table(
    "touchpoints",
    _TOUCHPOINT_COLUMNS,
    lambda pair, epoch: touchpoint_row(*pair, version_of(epoch, pair[0]["intake_offset"])),
)
"""Filled from pairs (ResolvedTouchpoint, the Touchpoint decoded from its bytes)."""

TABLES: Mapping[str, Table[Record]] = {
    "journey": Table(
        "journeys",
        (
            *_JOURNEY_FIELDS,
            *(f"steps_{field}" for field in _STEP_FIELDS),
            *(f"touches_{field}" for field in _TOUCH_FIELDS),
        ),
        journey_row,
    ),
    "session": _flat(
        "sessions",
        "session_id customer_id channel started_at ended_at touchpoints page_views engaged_ms conversions engaged"
        " marketing_channel campaign content version deleted",
    ),
    "engagement": _flat(
        "engagement",
        "channel campaign hour currency actor source_partition touchpoints inbound outbound unique_openers"
        " unique_clickers engaged_ms conversions revenue_micros actions version",
    ),
    "outcome": _flat("outcomes", "topic channel partition outcome reason records version"),
    "dead_letter": _with_offset_version(
        "dead_letters", "reason field value expected channel topic partition offset received_at key original"
    ),
    "late_touchpoint": _with_offset_version(
        "late_touchpoints", "channel event_id occurred_at late_by_ms topic partition offset received_at key original"
    ),
}
"""By the name of the record, as `schemas.codec` gives it."""
