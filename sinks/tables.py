"""The output tables, and how columns of decoded records become columns of theirs.

It decides what a field becomes (docs/tables.md has the rules; a contract test holds schemas, columns and tables equal).
It leaves sending to `sinks.clickhouse`. Times stay integer milliseconds, the ticks of DateTime64(3), and UUIDs their
text: the driver packs both without a Python object a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from schemas.columns import Columns
from streams.runtime.stage import Record, Records
from streams.runtime.versions import version_of

Data = list[list[Any]]
D = TypeVar("D")


@dataclass(frozen=True, slots=True)
class Table(Generic[D]):
    """One table: its name, the columns that an insert fills, and what fills them.

    ``data_of`` gives, from decoded records and the epoch of their source log, a list of values for each of ``columns``,
    in the order of the records; the epoch goes into the versions of rows whose record has none.
    """

    name: str
    columns: tuple[str, ...]
    data_of: Callable[[D, int], Data]


def _table(name: str, paths: Mapping[str, str]) -> Table[Columns]:
    """A table whose columns are at ``paths`` of the record, its version among them."""
    return Table(name, tuple(paths), lambda decoded, _epoch: [decoded.column(path) for path in paths.values()])


def _with_offset_version(name: str, paths: Mapping[str, str]) -> Table[Columns]:
    """As `_table`, for records that stand for one record of a source log: the version is its offset."""

    def data_of(decoded: Columns, epoch: int) -> Data:
        versions = [version_of(epoch, offset) for offset in decoded.column("offset")]
        return [*(decoded.column(path) for path in paths.values()), versions]

    return Table(name, (*paths, "version"), data_of)


def _same(names: str) -> dict[str, str]:
    """Columns under the names of their fields."""
    return {name: name for name in names.split()}


def _inside(field: str, names: str) -> dict[str, str]:
    """Columns for the fields of the records in ``field``; of an array, parallel arrays."""
    return {f"{field}_{name}": f"{field}.{name}" for name in names.split()}


TABLES: Mapping[str, Table[Columns]] = {
    "journey": _table(
        "journeys",
        {
            **_same("journey_id customer_id started_at ended_at first_channel last_channel touchpoints converted"),
            **_same("conversion_type value_micros currency order_id goals"),
            **_inside("steps", "at channel action via event_id"),
            **_inside("touches", "at channel marketing_channel campaign content touchpoints"),
            **_same("credit_first credit_last credit_last_non_direct credit_linear credit_position credit_j_shaped"),
            **_same("credit_inverse_j credit_time_decay version deleted"),
        },
    ),
    "session": _table(
        "sessions",
        _same(
            "session_id customer_id channel started_at ended_at touchpoints page_views engaged_ms conversions engaged"
            " marketing_channel campaign content version deleted"
        ),
    ),
    "engagement": _table(
        "engagement",
        _same(
            "channel campaign hour currency actor source_partition touchpoints inbound outbound unique_openers"
            " unique_clickers engaged_ms conversions revenue_micros actions version"
        ),
    ),
    "outcome": _table("outcomes", _same("topic channel partition outcome reason records version")),
    "dead_letter": _with_offset_version(
        "dead_letters",
        _same("reason field value expected channel topic partition offset received_at key original"),
    ),
    "late_touchpoint": _with_offset_version(
        "late_touchpoints",
        _same("channel event_id occurred_at late_by_ms topic partition offset received_at key original"),
    ),
}
"""By the name of the record, as `schemas.codec` gives it."""


class Accepted(NamedTuple):
    """ResolvedTouchpoints, and the touchpoints decoded from their bytes: one for each."""

    resolved: Columns
    sent: Columns


# What INTAKE judged and cleaned stands above what the producer sent.
_RESOLVED = {
    "via_customer": "to",
    **_same("direction mode actor rules_version marketing_channel has_acquisition campaign content"),
    **_same("received_at intake_partition"),
}
_SENT = {
    **_same("channel occurred_at event_id action provider_machine backfill properties"),
    # Null where it was not given: 0 would be an answer.
    **_same("sentiment engaged_ms"),
    "satisfaction_score": "satisfaction.score",
}
# Empty where it was not given.
_SENT_TEXT = {
    **{name: f"acquisition.{name}" for name in ("source", "medium", "term", "click_id", "referrer", "url")},
    **_same("message_id thread_id link user_agent"),
    "conversion_type": "conversion.type",
    "currency": "conversion.currency",
    "order_id": "conversion.order_id",
    "satisfaction_metric": "satisfaction.metric",
}


def _touchpoint_data(accepted: Accepted, epoch: int) -> Data:
    resolved, sent = accepted
    vias = zip(resolved.column("via.namespace"), resolved.column("via.value"), strict=True)
    identifiers = zip(resolved.column("identifiers.namespace"), resolved.column("identifiers.value"), strict=True)
    return [
        *(resolved.column(path) for path in _RESOLVED.values()),
        *(sent.column(path) for path in _SENT.values()),
        *([text or "" for text in sent.column(path)] for path in _SENT_TEXT.values()),
        [value or 0 for value in sent.column("conversion.value_micros")],
        [f"{namespace}:{value}" for namespace, value in vias],
        [list(map(":".join, zip(*pair, strict=True))) for pair in identifiers],
        [version_of(epoch, offset) for offset in resolved.column("intake_offset")],
    ]


TOUCHPOINTS: Table[Accepted] = Table(
    "touchpoints",
    (*_RESOLVED, *_SENT, *_SENT_TEXT, "value_micros", "via", "identifiers", "version"),
    _touchpoint_data,
)


def letter_data(records: Records, reason: str, value: str, expected: str, epoch: int) -> Data:
    """Dead letters of ``records`` that the sink itself can't take, for the columns of `TABLES`["dead_letter"]."""

    def row(record: Record) -> Sequence[object]:
        where = (records.topic, records.partition, record.offset, record.timestamp)
        original = (record.key, record.value or b"")
        return (reason, "", value, expected, "", *where, *original, version_of(epoch, record.offset))

    return [list(column) for column in zip(*map(row, records), strict=True)]
