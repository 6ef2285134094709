"""The output tables, and how columns of decoded records become columns of theirs.

It decides what a field becomes (docs/tables.md has the rules; a contract test holds schemas, columns and tables equal).
It leaves sending to `sinks.clickhouse`. Times stay integer milliseconds, the ticks of DateTime64(3), and UUIDs their
text: the driver packs both without a Python object a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from schemas.columns import Columns
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.runtime.stage import Record, Records
from streams.runtime.versions import version_of

#: No customer, no journey: sorting keys hold no NULL.
NOBODY = str(UUID(int=0))
#: Most touchpoints come by a via of the last few thousand.
VIAS_KEPT = 1 << 15

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


Get = Callable[[Columns], list[Any]]


def _data(columns: Mapping[str, str | Get], decoded: Columns) -> Data:
    """Each of ``columns``, which is at a path of the record or made of it."""
    return [decoded.column(of) if isinstance(of, str) else of(decoded) for of in columns.values()]


def _table(name: str, columns: Mapping[str, str | Get]) -> Table[Columns]:
    """A table of ``columns``, the record's version among them."""
    return Table(name, tuple(columns), lambda decoded, _epoch: _data(columns, decoded))


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
    return {f"{field.replace('.', '_')}_{name}": f"{field}.{name}" for name in names.split()}


def _texts(identifier: str) -> Get:
    """``namespace:value`` of the identifier in the field."""

    def texts(decoded: Columns) -> list[Any]:
        pairs = zip(decoded.column(f"{identifier}.namespace"), decoded.column(f"{identifier}.value"), strict=True)
        return [f"{namespace}:{value}" for namespace, value in pairs]

    return texts


def _ids(path: str) -> Get:
    """UUIDs at ``path``, where empty text stands for nobody."""
    return lambda decoded: [text or NOBODY for text in decoded.column(path)]


_TOUCHES = "at channel marketing_channel campaign content touchpoints"
_CREDITS = (
    "credit_first credit_last credit_last_non_direct credit_linear credit_position credit_j_shaped credit_inverse_j"
    " credit_time_decay"
)


def _credits(field: str) -> dict[str, str]:
    """Columns for the touches of a conversion and their shares of it."""
    return _inside(f"{field}.touches", _TOUCHES) | _inside(field, _CREDITS)


TABLES: Mapping[str, Table[Columns]] = {
    "journey": _table(
        "journeys",
        {
            **_same("journey_id customer_id started_at ended_at first_channel last_channel touchpoints converted"),
            **_same("conversion_type value_micros currency order_id goals"),
            **_inside("steps", "at channel action via event_id"),
            **_inside("touches", _TOUCHES),
            **_same(f"{_CREDITS} version deleted"),
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
            " unique_clickers engaged_ms conversions revenue_micros actions version deleted"
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
    "assignment": _table(
        "identities",
        {
            "namespace": "identifier.namespace",
            "value": "identifier.value",
            "customer_id": "customer",
            "version": "version",
        },
    ),
    "identity_change": _table(
        "identity_changes",
        {
            "from_customer": _ids("from"),
            "to_customer": _ids("to"),
            **_same("kind version identifiers cause_event_id caused_at changed_at reason"),
        },
    ),
    "identity_violation": _table(
        "identity_violations",
        {
            "stronger": _texts("stronger"),
            "weaker": _texts("weaker"),
            **_same("reason occurred_at event_id version deleted"),
        },
    ),
    "journey_change": _table(
        "journey_changes",
        {
            "journey_before": _ids("journey_before"),
            "journey_after": _ids("journey_after"),
            **_same(
                "customer_id cause cause_event_id changed_at conversion_channel conversion_via conversion_event_id"
            ),
            **_same("converted_at conversion_type value_micros currency version"),
            **_credits("before"),
            **_credits("after"),
        },
    ),
}
"""By the name of the record, as `schemas.codec` gives it."""

#: What stages tell each other, and links, which are told again by what they did and by touchpoints' identifiers.
WITHOUT_TABLE = frozenset({"identifiers_moved", "hand_over_continued", "touchpoints_handed_over", "link"})


class Logged(NamedTuple):
    """Records that bear no version, and the offsets that they were read at: one for each."""

    decoded: Columns
    offsets: Sequence[int]


_CORRECTION: Mapping[str, str | Get] = {
    "stronger": _texts("stronger"),
    "weaker": _texts("weaker"),
    **_same("correction_id kind corrected_at reason"),
}


def _correction_data(logged: Logged, epoch: int) -> Data:
    # As IDENTITY counts: above 0, the version of an identifier that was never assigned.
    versions = [version_of(epoch, offset + 1) for offset in logged.offsets]
    return [*_data(_CORRECTION, logged.decoded), versions]


CORRECTIONS: Table[Logged] = Table("identity_corrections", (*_CORRECTION, "version"), _correction_data)


class Accepted(NamedTuple):
    """ResolvedTouchpoints, and the touchpoints decoded from their bytes: one for each."""

    resolved: Columns
    sent: Columns


# What INTAKE judged and cleaned stands above what the producer sent.
_RESOLVED = {
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


@lru_cache(VIAS_KEPT)
def _own_customer(namespace: str, value: str) -> str:
    return customer_id(Identifier(namespace, value))


def _touchpoint_data(accepted: Accepted, epoch: int) -> Data:
    resolved, sent = accepted
    namespaces, values = resolved.column("via.namespace"), resolved.column("via.value")
    identifiers = zip(resolved.column("identifiers.namespace"), resolved.column("identifiers.value"), strict=True)
    return [
        *(resolved.column(path) for path in _RESOLVED.values()),
        *(sent.column(path) for path in _SENT.values()),
        *([text or "" for text in sent.column(path)] for path in _SENT_TEXT.values()),
        [value or 0 for value in sent.column("conversion.value_micros")],
        list(map(":".join, zip(namespaces, values, strict=True))),
        # Not the customer that INTAKE resolved it to: that depends on when it was read.
        list(map(_own_customer, namespaces, values)),
        [list(map(":".join, zip(*pair, strict=True))) for pair in identifiers],
        [version_of(epoch, offset) for offset in resolved.column("intake_offset")],
    ]


TOUCHPOINTS: Table[Accepted] = Table(
    "touchpoints",
    (*_RESOLVED, *_SENT, *_SENT_TEXT, "value_micros", "via", "via_customer", "identifiers", "version"),
    _touchpoint_data,
)


def letter_data(records: Records, reason: str, value: str, expected: str, epoch: int) -> Data:
    """Dead letters of ``records`` that the sink itself can't take, for the columns of `TABLES`["dead_letter"]."""

    def row(record: Record) -> Sequence[object]:
        where = (records.topic, records.partition, record.offset, record.timestamp)
        original = (record.key, record.value or b"")
        return (reason, "", value, expected, "", *where, *original, version_of(epoch, record.offset))

    return [list(column) for column in zip(*map(row, records), strict=True)]


#: What workers write; nothing else is theirs.
WRITTEN = tuple(dict.fromkeys((TOUCHPOINTS.name, CORRECTIONS.name, *(table.name for table in TABLES.values()))))
