"""Touchpoints in which all that may tell of a person bears a mark, and records gone wrong that bear it where it hurts.

What is looked for afterwards: the mark in any case, and, of each marked address, its SHA-256, which identifies as well
as the address does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from schemas.codec import MARKER, encode
from schemas.registry import registry
from streams import topics
from streams.domain.ids import customer_id
from streams.sample import MONDAY_2026_03_02, generate
from tests.unit.builders import ANNA, resolved_record, touch, touchpoint_record

MARK = "zqxmark"
ADDRESSES = [f"{MARK}.{name}@Example.com" for name in ("anna", "Ben", "cleo")]
DAY_MS = 86_400_000
#: What customers tell each other is never a producer's doing: a damaged one stops CUSTOMERS, see `crashing`.
NEVER_BURIED = ("identifiers_moved", "hand_over_continued", "touchpoints_handed_over")

Touchpoint = dict[str, Any]


class Wrong(NamedTuple):
    """A record that no producer of ours would send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def hashed(address: str) -> str:
    """As a mapping takes an address: of its normal form."""
    return sha256(address.lower().encode()).hexdigest()


#: What may be in nothing that anybody but the asker reads.
FORBIDDEN = re.compile("|".join([MARK, *(digest for a in ADDRESSES for digest in (hashed(a), hashed(a)[:12]))]), re.I)


def marked(customers: int) -> Iterator[Touchpoint]:
    """The sample company's touchpoints of a week; each names its customer, device and so on by a mark."""
    for number, record in enumerate(generate(customers, 7, 3)):
        names = [{**one, "value": f"{MARK}-{one['value']}"} for one in record["identifiers"]]
        if number % 5 == 0:
            names.append({"namespace": "email_sha256", "value": hashed(ADDRESSES[number % len(ADDRESSES)])})
        yield (
            record
            | {
                "event_id": f"{MARK}-{record['event_id']}",
                "identifiers": names,
                "user_agent": f"{record.get('user_agent') or 'Mozilla/5.0'} {MARK}",
                "link": f"https://shop.example.com/?email={ADDRESSES[0]}" if record.get("link") else None,
                "properties": {**record.get("properties", {}), "ip": f"192.0.2.7-{MARK}", "name": f"Anna {MARK}"},
            }
            | {field: f"{MARK}-{record[field]}" for field in ("message_id", "thread_id") if record.get(field)}
            | _marked_source(record)
        )


def _marked_source(record: Touchpoint) -> Touchpoint:
    came = record.get("acquisition")
    if not came:
        return {}
    address = f"https://www.example.org/{MARK}?q={ADDRESSES[1]}"
    return {"acquisition": {**came, "referrer": address, "url": address, "click_id": f"{MARK}.click"}}


def refused(records: Iterable[Touchpoint]) -> Iterator[Touchpoint]:
    """Touchpoints that producers send and INTAKE refuses, quoting, in their dead letters, what is wrong."""
    strange = [
        {"event_id": ADDRESSES[0] + "x" * 2_000},
        {"action": ADDRESSES[0]},
        {"conversion": {"type": f"{MARK}" * 200, "value_micros": 0, "currency": "", "order_id": None}},
        {"conversion": {"type": "purchase", "value_micros": 5, "currency": f"{MARK}", "order_id": None}},
        {"conversion": {"type": "purchase", "value_micros": 5, "currency": "EUR", "order_id": MARK * 300}},
        {"satisfaction": {"metric": ADDRESSES[0], "score": 1}},
        {"identifiers": [{"namespace": ADDRESSES[0], "value": "user_id"}]},
        {"identifiers": [{"namespace": "user_id", "value": f"{MARK}-{n}"} for n in range(2)]},
        {"identifiers": [{"namespace": "user_id", "value": MARK * 300}]},
        {"occurred_at": MONDAY_2026_03_02 + 9_000 * DAY_MS},
        {"occurred_at": 1, "backfill": False},
        {"sentiment": 5_000},
    ]
    for record, instead in zip(records, strange, strict=False):
        yield record | instead


def damaged() -> Iterator[Wrong]:
    """Bytes that are no record of ours, or one of the wrong kind, on every topic that a stage reads."""
    headers = [
        MARKER + version.fingerprint
        for record, known in registry().by_record.items()
        for version in known
        if record not in NEVER_BURIED
    ]
    future = MARKER + b"\x07" * 8
    key = MARK.encode()
    for topic in (*topics.TOUCHPOINTS, topics.LINKS, topics.ASSIGNMENTS, topics.ACTIVITY, topics.JOURNEYS):
        # On topics of our own what may be a newer release's stops a worker, and rightly.
        unknown = (MARKER, future) if topic in topics.TOUCHPOINTS else ()
        for header in (b"", b'{"user":"', *unknown, *headers):
            yield Wrong(topic, key, header + key * 9)
        yield Wrong(topic, key, b"\xff\xfe" + key + b"\xed\xa0\x80", (("origin", key), ("received_at", key)))
        if topic not in (topics.ASSIGNMENTS, topics.JOURNEYS):
            yield Wrong(topic, key, None)
    yield Wrong("touchpoints.web", key, encode("touchpoint", touchpoint_record(event_id=MARK)), (("origin", key),))


def raising(count: int) -> Iterator[Wrong]:
    """Records on which CUSTOMERS raises, and which it buries: the customer is no UUID."""
    for number in range(count):
        record = resolved_record(touch(f"{MARK}-{number}", MONDAY_2026_03_02), to=f"{ADDRESSES[0]}-{number}")
        yield Wrong(topics.ACTIVITY, customer_id(ANNA).encode(), record.value)


def crashing() -> Wrong:
    """A record that CUSTOMERS can't take and may not bury."""
    moved = {"version": 1, "identifiers": [f"user_id:{MARK}"], "piece": 5, "cause": "arrival", "cause_event_id": MARK}
    value = encode("identifiers_moved", {"from": ADDRESSES[0], "to": ADDRESSES[1], **moved})
    return Wrong(topics.ACTIVITY, customer_id(ANNA).encode(), value)


def unfit_for_tables() -> Iterator[Wrong]:
    """A record that decodes and whose row can't be inserted: the customer is no UUID."""
    texts = dict.fromkeys(("channel", "marketing_channel", "campaign", "content"), MARK)
    numbers = dict.fromkeys(("started_at", "ended_at", "touchpoints", "page_views", "engaged_ms", "conversions"), 1)
    names = {"session_id": f"{MARK}-no-uuid", "customer_id": ADDRESSES[0]}
    session = {**names, **texts, **numbers, "version": 1, "deleted": False, "engaged": True}
    yield Wrong(topics.SESSIONS, MARK.encode(), encode("session", session))
