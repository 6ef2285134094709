"""CUSTOMERS as a stage: keep each touchpoint where it belongs, stitch again what it reaches, emit the rows.

Walks record by record: a row that existed for one record only within the batch is touched too, and its tombstone is
emitted, because an earlier attempt at the same records may have cut its batches there and written the row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice
from math import fsum
from operator import itemgetter
from typing import Any

from schemas.columns import encode_records
from streams import topics
from streams.domain.changes import JourneyChange
from streams.domain.journeys import Journey
from streams.domain.rules import Rules
from streams.domain.sessions import Session
from streams.runtime.stage import Out, Record, Records, View
from streams.runtime.versions import version_of
from streams.stages.customers.custody import Custody
from streams.stages.customers.history import CUSTOMER_BYTES, LAYOUT
from streams.stages.customers.messages import Arrival, Cause, Continued, is_between_customers, messages
from streams.stages.customers.records import (
    continued,
    handed_over,
    journey_change,
    journey_fields,
    session_fields,
    tombstone,
)
from streams.stages.customers.rows import customer_of, is_journey, row_id_of, rows_at, uuid_text
from streams.stages.dead_letters import send_dead_letter, stage_raised
from streams.stages.invariants import broken

#: Rows in memory at a time: those of large journeys have a thousand steps.
ROWS_AT_ONCE = 500
ROUNDING = 1e-9


class Customers:
    """customers.activity -> journeys, sessions, journey_changes, customers.activity; touchpoints.dead if it raises."""

    name = "customers"
    inputs: tuple[str, ...] = (topics.ACTIVITY,)

    def __init__(self, rules: Rules, epoch: int) -> None:
        # Which rows are live, and how histories end, is in the state; what was told of credits goes on from there.
        closing = ",".join(sorted(rules.closing_conversions))
        gaps = f"session_gap_ms={rules.session_gap_ms} journey_gap_ms={rules.journey_gap_ms}"
        credit = f"lookback_ms={rules.lookback_ms} half_life_ms={rules.half_life_ms}"
        self.layout = replace(LAYOUT, made_with=f"{gaps} {credit} closing_conversions={closing}")
        self._rules = rules
        self._epoch = epoch

    def fold(self, records: Records, view: View, out: Out) -> None:
        post = _Post(out, view.partition, self._epoch)
        custody = Custody(view, self._rules, post)
        for record, message in messages(records):
            post.record = record
            custody.take(message, record.offset)

    def emit(self, changed: Mapping[bytes, int], view: View, out: Out) -> None:
        rows = self._rows(changed, view)
        while part := [*islice(rows, ROWS_AT_ONCE)]:
            for topic, record in ((topics.JOURNEYS, "journey"), (topics.SESSIONS, "session")):
                ours = [fields for name, fields in part if name == record]
                for fields, value in zip(ours, encode_records(record, ours), strict=True):
                    out.send(topic, fields[f"{record}_id"].encode(), value, partition=view.partition)

    def _rows(self, changed: Mapping[bytes, int], view: View) -> Iterator[tuple[str, dict[str, Any]]]:
        """The final row of each key with the name of its record, one customer's behind each other."""
        for _, keys in groupby(sorted(changed), key=itemgetter(slice(CUSTOMER_BYTES))):
            for key, row in rows_at(view, keys, self._rules).items():
                version = version_of(self._epoch, changed[key])
                yield "journey" if is_journey(key) else "session", _fields(key, row, version)

    def bury(self, records: Records, cause: str, view: View, out: Out) -> None:
        (record,) = records
        if is_between_customers(record):
            # Touchpoints would stay where they don't belong, or be lost. Nothing of the kind is a producer's doing.
            raise RuntimeError(f"what customers tell each other can't be set aside: {cause}")
        send_dead_letter(records, record, stage_raised(cause), out, received_at=record.timestamp)


class _Post:
    """Sends what follows from ``record``."""

    record: Record

    def __init__(self, out: Out, partition: int, epoch: int) -> None:
        self._out = out
        self._partition = partition
        self._epoch = epoch

    def send(self, message: Arrival | Continued, sender: bytes) -> None:
        sent = handed_over(message, uuid_text(sender)) if isinstance(message, Arrival) else [continued(message)]
        for key, value in sent:
            self._out.send(topics.ACTIVITY, key, value)

    def tell(self, customer: bytes, changes: Sequence[JourneyChange], cause: Cause) -> None:
        version, text = version_of(self._epoch, self.record.offset), uuid_text(customer)
        for change in changes:
            key, value = journey_change(change, text, cause, self.record.timestamp, version)
            self._out.send(topics.JOURNEY_CHANGES, key, value, partition=self._partition)


def _fields(key: bytes, row: Journey | Session | None, version: int) -> dict[str, Any]:
    if row is None:
        return tombstone(row_id_of(key), customer_of(key), version, of_journey=is_journey(key))
    if isinstance(row, Session):
        return session_fields(row, version)
    if row.conversion is not None and any(abs(fsum(shares) - 1) > ROUNDING for shares in row.credits):
        broken("credits_of_a_conversion_sum_to_one", version=version)
    return journey_fields(row, version)
