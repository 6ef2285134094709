"""What CUSTOMERS holds at the end, read from its durable state, and what must hold of it alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.domain.touchpoint import Order, Touchpoint, order_of
from streams.runtime.values import Values
from streams.stages.customers.history import (
    CUSTOMER_BYTES,
    JOURNEY,
    LAYOUT,
    MACHINE,
    ORDER,
    PLACE,
    SESSION,
    TAIL,
    TOUCHPOINT,
    Place,
    order_at,
    place,
)
from streams.stages.customers.rows import customer_of, row_id_of


class Holdings(NamedTuple):
    """``touchpoints`` of each customer, and ``markers`` of machines'; ids of live ``rows``; ``registers`` by customer
    and via."""

    touchpoints: dict[str, list[Touchpoint]]
    markers: set[tuple[str, Order]]
    rows: set[str]
    registers: dict[tuple[str, str], Place]


def holdings_of(world: Any) -> Holdings:
    """Read all partitions; AssertionError where entries don't fit each other."""
    values = Values(LAYOUT)
    found: defaultdict[bytes, dict[bytes, Any]] = defaultdict(dict)
    for process in world.of_stage("customers"):
        for key, packed in process.disk.items():
            found[key[:CUSTOMER_BYTES]][key[CUSTOMER_BYTES:]] = values.unpack(key, packed)
    touchpoints: dict[str, list[Touchpoint]] = {}
    markers: set[tuple[str, Order]] = set()
    rows: set[str] = set()
    registers: dict[tuple[str, str], Place] = {}
    for key, entries in found.items():
        customer = customer_of(key)
        kept = [value for name, value in entries.items() if name.startswith(TOUCHPOINT)]
        if kept:
            touchpoints[customer] = kept
        markers |= {(customer, order_at(name[1:])) for name in entries if name.startswith(MACHINE)}
        rows |= {row_id_of(key + name) for name in entries if name[:1] in (JOURNEY, SESSION)}
        registers |= {(customer, name[1:].decode()): v for name, v in entries.items() if name[:1] == PLACE}
        _require_fitting(customer, entries, kept)
    return Holdings(touchpoints, markers, rows, registers)


def _require_fitting(customer: str, entries: Mapping[bytes, Any], kept: list[Touchpoint]) -> None:
    tail = entries.get(TAIL)
    last = order_of(kept[-1]) if kept else None
    assert (tail and tail.last) == last, f"{customer} ends with {last}, its tail with {tail and tail.last}"
    ordered = {place(order_of(t)) for t in kept if t.conversion is not None and t.conversion.order_id}
    found = {name.split(b"\0", 2)[2] for name in entries if name.startswith(ORDER)}
    assert found == ordered, f"{customer}: orders of {[*map(order_at, found ^ ordered)]}"


def require_registers(registers: Mapping[tuple[str, str], Place], told: Mapping[str, Mapping[int, str]]) -> None:
    """Each register says what IDENTITY told at some time, and nothing is due any more."""
    for (customer, via), (owner, version, due) in registers.items():
        said = customer_of(owner)
        assert due is None, f"{customer} still owes what came by {via} to {said}"
        expected = told.get(via, {}).get(version) if version else customer_id(Identifier(*via.split(":", 1)))
        assert said == expected, f"{customer} has {via} at {said} by version {version}, told was {expected}"
