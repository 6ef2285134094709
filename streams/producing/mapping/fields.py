"""A table to the columns of touchpoints: each field worked out over all rows, what doesn't fit told by row.

The rules are the domain's own (`streams.domain.validation`), asked here as well as in INTAKE, so that a wrong row is
told with its line while somebody looks, instead of becoming a dead letter. Rows with findings are left out by
`streams.producing.mapping.touchpoints`; their fields may be null where a touchpoint's are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from streams.domain.validation import MAX_TEXT, SCORES
from streams.domain.vocabulary import CHANNELS, INBOUND, OUTBOUND, direction_of
from streams.producing.mapping.addresses import without_emails
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.encoding import Column, Entries, Group
from streams.producing.mapping.findings import Findings
from streams.producing.mapping.lookups import Lookups
from streams.producing.mapping.names import ALL_DIGITS, Names, are_rounded, hash_rows
from streams.producing.mapping.tables import Cells
from streams.producing.mapping.times import time_reader
from streams.producing.mapping.urls import Campaign, campaign_of
from streams.producing.mapping.values import duration_reader, integer_reader, micros_reader, read_boolean

_NULL = pa.scalar(None, pa.string())
_MODES = ("synchronous", "asynchronous")
_CAME_FROM = (*Campaign._fields, "referrer", "url")
_FROM_URL = "acquisition.from_url"


class Fields:
    """How one mapping makes fields; kept for all its tables."""

    def __init__(self, declared: Declared, backfill: bool) -> None:
        self.declared = declared
        self.backfill = backfill
        self.lookups = Lookups(declared)
        self.names = Names(declared.identifiers)
        options = {path: source.options for path, source in declared.fields.items()}
        self.read_time = time_reader(options.get("occurred_at", {}))
        self.read_micros = micros_reader(options.get("conversion.value", {}).get("decimal", "."))
        self.read_duration = duration_reader(options.get("engaged_ms", {}).get("unit", "ms"))

    def of(self, cells: Cells, findings: Findings, rows: int) -> dict[str, Column]:
        """The columns of ``rows`` touchpoints as `encode_table` takes them, those that the mapping fills."""
        return _Working(self, cells, findings, rows).columns()


class _Working:
    """The fields of one table."""

    def __init__(self, fields: Fields, cells: Cells, findings: Findings, rows: int) -> None:
        self._fields, self._cells, self._findings, self._rows = fields, cells, findings, rows
        self._sources = fields.declared.fields

    def columns(self) -> dict[str, Column]:
        channel = self._choice("channel", CHANNELS, required=True)
        action = self._name("action")
        found: dict[str, Column | None] = {
            "event_id": self._event_id(),
            "channel": channel,
            "occurred_at": self._occurred_at(),
            "identifiers": Entries(self._fields.names.find(self._cells, self._findings)),
            "action": action,
            "direction": self._direction(channel, action),
            "mode": self._mode(),
            "acquisition": self._acquisition(),
            "message_id": self._text("message_id"),
            "thread_id": self._text("thread_id"),
            "conversion": self._conversion(),
            "sentiment": self._integer("sentiment", -1000, 1000),
            "satisfaction": self._satisfaction(),
            "user_agent": self._text("user_agent"),
            "provider_machine": self._provider_machine(),
            "link": self._clean("link"),
            "engaged_ms": self._engaged_ms(),
            "backfill": pa.repeat(True, self._rows) if self._fields.backfill else None,
            "properties": self._properties(),
        }
        return {name: column for name, column in found.items() if column is not None}

    def _label(self, path: str) -> str:
        source = self._sources.get(path)
        columns = self._fields.lookups.columns_of(path) + ([source.text] if source is not None else [])
        return f"{path} ({', '.join(columns)})" if columns else path

    def _text(self, path: str) -> pa.Array | None:
        """What the tables of values say, then the field's own source; None where the mapping says nothing of it."""
        found = list(self._fields.lookups.says(path, self._cells))
        if path in self._sources:
            found.append(self._cells.find(self._sources[path]))
        return _first(found)

    def _clean(self, path: str) -> pa.Array | None:
        found = self._text(path)
        return None if found is None else without_emails(found)

    def _required(self, path: str, column: pa.Array | None, expected: str = "a value") -> pa.Array:
        if column is None:
            column = pa.nulls(self._rows, pa.string())
        said_by = self._fields.lookups.columns_of(path)
        # Where only tables of values could have said it, the value that they don't have says more than nothing.
        seen = self._cells.column(said_by[0]) if said_by and path not in self._sources else column
        self._findings.where(column.is_null(), self._label(path), seen, expected)
        return column

    def _name(self, path: str) -> pa.Array:
        column = self._required(path, self._text(path))
        self._limit(path, column)
        return column

    def _limit(self, path: str, column: pa.Array) -> None:
        long = pc.greater(pc.utf8_length(column), MAX_TEXT)
        self._findings.where(long, self._label(path), column, f"at most {MAX_TEXT} characters")

    def _choice(self, path: str, choices: Sequence[str], required: bool = False) -> pa.Array:
        column = self._text(path)
        expected = f"one of {', '.join(choices)}"
        if required or column is None:
            column = self._required(path, column, expected)
        known = pc.is_in(column, pa.array(choices, pa.string()))
        self._findings.where(pc.and_(column.is_valid(), pc.invert(known)), self._label(path), column, expected)
        return pc.if_else(known, column, _NULL)

    def _event_id(self) -> pa.Array:
        found = [column] if (column := self._text("event_id")) is not None else []
        parts = {name: self._cells.column(name) for name in self._fields.declared.hashed}
        for label, column in [*((self._label("event_id"), column) for column in found), *parts.items()]:
            self._findings.where(are_rounded(column), label, column, ALL_DIGITS)
        if parts:
            found.append(hash_rows(list(parts.values())))
        event_id = self._required("event_id", _first(found))
        self._limit("event_id", event_id)
        return event_id

    def _occurred_at(self) -> pa.Array:
        text = self._required("occurred_at", self._text("occurred_at"), "a time")
        return self._findings.convert(text, self._fields.read_time, pa.int64(), self._label("occurred_at"))

    def _direction(self, channel: pa.Array, action: pa.Array) -> pa.Array:
        """The given direction of actions that the vocabulary doesn't know, UNKNOWN of the others: they have theirs."""
        said = list(self._fields.lookups.says("direction", self._cells))
        source = self._sources.get("direction")
        fallback = [] if source is None else [self._cells.find(source)]
        if source is not None and source.constant is None:
            said, fallback = [*said, *fallback], []
        given = _first(said)
        known = _directions(channel, action)
        if given is not None:
            self._check_direction(given, known)
        final = _first([*said, known, *fallback])
        unknown = pc.and_(final.is_null(), pc.and_(action.is_valid(), channel.is_valid()))
        expected = "an action of the channel's vocabulary, or its direction said by the mapping"
        self._findings.where(unknown, self._label("action"), action, expected)
        return pc.if_else(known.is_valid(), "UNKNOWN", final)

    def _check_direction(self, given: pa.Array, known: pa.Array) -> None:
        fits = pc.is_in(given, pa.array((INBOUND, OUTBOUND), pa.string()))
        wrong = pc.and_(given.is_valid(), pc.invert(fits))
        self._findings.where(wrong, self._label("direction"), given, f"{INBOUND} or {OUTBOUND}")
        for direction in (INBOUND, OUTBOUND):
            contradicts = pc.and_(fits, pc.and_(pc.equal(known, direction), pc.not_equal(given, direction)))
            self._findings.where(contradicts, self._label("direction"), given, f"{direction}, which the action is")

    def _mode(self) -> pa.Array | None:
        return None if self._text("mode") is None else pc.fill_null(self._choice("mode", _MODES), "UNKNOWN")

    def _acquisition(self) -> Group | None:
        from_url = self._cells.find(self._sources[_FROM_URL]) if _FROM_URL in self._sources else None
        campaigns = _campaigns(from_url) if from_url is not None else {}
        found = {}
        for name in _CAME_FROM:
            known = [
                column for column in (self._text(f"acquisition.{name}"), campaigns.get(name)) if column is not None
            ]
            if known:
                found[name] = without_emails(_first(known))
        return Group(found, _any(column.is_valid() for column in found.values())) if found else None

    def _conversion(self) -> Group | None:
        kind = self._text("conversion.type")
        if kind is None:
            return None
        self._limit("conversion.type", kind)
        converts = kind.is_valid()
        found: dict[str, pa.Array] = {"type": kind}
        currency = self._where(converts, "conversion.currency")
        if currency is not None:
            currency = pc.utf8_upper(currency)
            wrong = pc.invert(pc.match_substring_regex(currency, "^[A-Z]{3}$"))
            self._findings.where(wrong, self._label("conversion.currency"), currency, "an ISO 4217 code like EUR")
            found["currency"] = pc.fill_null(currency, "")
        amount = self._where(converts, "conversion.value")
        if amount is not None:
            label = self._label("conversion.value")
            micros = self._findings.convert(amount, self._fields.read_micros, pa.int64(), label)
            found["value_micros"] = pc.fill_null(micros, 0)
            unpriced = pc.greater(micros, 0)
            if currency is not None:
                unpriced = pc.and_(unpriced, currency.is_null())
            expected = "an ISO 4217 code like EUR where there is a value"
            self._findings.where(unpriced, self._label("conversion.currency"), None, expected)
        order_id = self._where(converts, "conversion.order_id")
        if order_id is not None:
            self._limit("conversion.order_id", order_id)
            found["order_id"] = without_emails(order_id)
        return Group(found, converts)

    def _where(self, there: pa.Array, path: str) -> pa.Array | None:
        column = self._text(path)
        return None if column is None else pc.if_else(there, column, _NULL)

    def _satisfaction(self) -> Group | None:
        metric = self._text("satisfaction.metric")
        score = self._text("satisfaction.score")
        if metric is None or score is None:
            return None
        there = pc.and_(metric.is_valid(), score.is_valid())
        answers = pc.if_else(there, pc.binary_join_element_wise(metric, score, "\0"), _NULL)
        metric = self._choice("satisfaction.metric", sorted(SCORES))
        label = self._label("satisfaction.score")
        scores = pa.nulls(self._rows, pa.int64())
        for name, (low, high) in SCORES.items():
            here = pc.and_(there, pc.equal(metric, name))
            column = pc.if_else(here, score, _NULL)
            read = self._findings.convert(column, integer_reader(low, high), pa.int64(), label)
            scores = pc.coalesce(scores, read)
        return Group({"metric": metric, "score": scores}, answers.is_valid())

    def _integer(self, path: str, low: int, high: int) -> pa.Array | None:
        text = self._text(path)
        if text is None:
            return None
        return self._findings.convert(text, integer_reader(low, high), pa.int64(), self._label(path))

    def _engaged_ms(self) -> pa.Array | None:
        text = self._text("engaged_ms")
        if text is None:
            return None
        return self._findings.convert(text, self._fields.read_duration, pa.int64(), self._label("engaged_ms"))

    def _provider_machine(self) -> pa.Array | None:
        text = self._text("provider_machine")
        if text is None:
            return None
        found = self._findings.convert(text, read_boolean, pa.bool_(), self._label("provider_machine"))
        return pc.fill_null(found, False)

    def _properties(self) -> Entries | None:
        properties = self._fields.declared.properties
        return Entries({key: without_emails(self._cells.column(name)) for key, name in properties.items()}) or None


def _first(columns: Sequence[pa.Array]) -> pa.Array:
    """The first of each row that isn't null; of no columns None."""
    if not columns:
        return None
    return columns[0] if len(columns) == 1 else pc.coalesce(*columns)


def _any(columns: Iterable[pa.Array]) -> pa.Array:
    found = None
    for column in columns:
        found = column if found is None else pc.or_(found, column)
    return found


def _directions(channel: pa.Array, action: pa.Array) -> pa.Array:
    """What the vocabulary says of each pair, null of those that it doesn't have."""
    pairs = pc.binary_join_element_wise(channel, action, "\0").dictionary_encode()
    known = [direction_of(*pair.split("\0", 1)) for pair in pairs.dictionary.to_pylist()]
    return pa.array(known, pa.string()).take(pairs.indices)


def _campaigns(urls: pa.Array) -> dict[str, pa.Array]:
    """The fields of `Campaign`, and the address itself as url."""
    distinct = urls.dictionary_encode()
    found = [campaign_of(url) for url in distinct.dictionary.to_pylist()]
    columns = {"url": urls}
    for index, name in enumerate(Campaign._fields):
        values = [campaign[index] for campaign in found]
        if any(values):
            columns[name] = pa.array(values, pa.string()).take(distinct.indices)
    return columns
