"""CUSTOMERS as a stage: add each touchpoint to its customer's history, stitch again what it reaches, emit the rows.

Walks record by record: a row that existed for one record only within the batch is touched too, and its tombstone is
emitted, because an earlier attempt at the same records may have cut its batches there and written the row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import Counter

from schemas.codec import Undecodable, decode
from streams import topics
from streams.domain.rules import Rules
from streams.domain.touchpoint import Conversion, Touchpoint, is_journey_forming, order_of
from streams.runtime.stage import Out, Record, View
from streams.runtime.versions import version_of
from streams.stages.customers import records
from streams.stages.customers.history import JOURNEY, CustomerHistory, customer_of
from streams.stages.customers.rows import journey_at, restitch, row_id_of, session_at

FOREIGN = Counter("journey_foreign_records_total", "Records on customers.activity that no stage of ours wrote.")


class Customers:
    """customers.activity -> journeys, sessions."""

    name = "customers"
    inputs: tuple[str, ...] = (topics.ACTIVITY,)
    keeps_state = True

    def __init__(self, rules: Rules, epoch: int) -> None:
        self._rules = rules
        self._epoch = epoch

    def fold(self, records_: Sequence[Record], view: View, out: Out) -> None:
        for record in records_:
            try:
                found = read(record)
            except Undecodable:
                # Only a foreign producer sends it. SINK reads it too, and keeps it as a dead letter: one writer a row.
                FOREIGN.inc()
            else:
                if found is not None:
                    self._take(*found, view, record.offset)

    def _take(self, customer: str, touchpoint: Touchpoint, view: View, offset: int) -> None:
        history = CustomerHistory(view, customer)
        if not history.add(touchpoint):
            return
        restitch(view, history, order_of(touchpoint), self._rules, offset)
        demoted = history.demoted_by(touchpoint)
        if demoted is not None:
            restitch(view, history, demoted, self._rules, offset)

    def emit(self, changed: Mapping[bytes, int], view: View, out: Out) -> None:
        for key, offset in changed.items():
            row_id, customer, version = row_id_of(key), customer_of(key), version_of(self._epoch, offset)
            if key.startswith(JOURNEY):
                journey = journey_at(view, key, self._rules)
                topic, value = topics.JOURNEYS, records.journey_row(row_id, customer, journey, version)
            else:
                session = session_at(view, key)
                topic, value = topics.SESSIONS, records.session_row(row_id, customer, session, version)
            out.send(topic, row_id.encode(), value, partition=view.partition)


def read(record: Record) -> tuple[str, Touchpoint] | None:
    """The customer and the touchpoint in ``record``, None where it is not journey-forming; raises Undecodable."""
    name, resolved = decode(record.value)
    if name != "resolved_touchpoint":
        raise Undecodable(f"found {name}")
    if not is_journey_forming(resolved["direction"], resolved["actor"]):
        return None
    return resolved["to"], touchpoint_of(resolved, decode(resolved["touchpoint"]).record)


def touchpoint_of(resolved: Mapping[str, Any], touchpoint: Mapping[str, Any]) -> Touchpoint:
    """What stitching needs of a ResolvedTouchpoint and the touchpoint record inside it."""
    conversion = touchpoint["conversion"]
    return Touchpoint(
        occurred_at=touchpoint["occurred_at"],
        event_id=touchpoint["event_id"],
        channel=touchpoint["channel"],
        via=f"{resolved['via']['namespace']}:{resolved['via']['value']}",
        action=touchpoint["action"],
        marketing_channel=resolved["marketing_channel"],
        has_acquisition=resolved["has_acquisition"],
        campaign=resolved["campaign"],
        content=resolved["content"],
        engaged_ms=touchpoint["engaged_ms"] or 0,
        conversion=_conversion_of(conversion) if conversion else None,
    )


def _conversion_of(conversion: Mapping[str, Any]) -> Conversion:
    return Conversion(
        conversion["type"], conversion["value_micros"], conversion["currency"], conversion["order_id"] or ""
    )
