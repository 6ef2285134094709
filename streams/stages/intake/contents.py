"""What touchpoints say, read from the bytes of many at once.

Decides what of a touchpoint makes it another one (everything but ``backfill``, which says how to treat it) and gives
that a digest. Whether what it says is right is `judge`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from schemas.codec import decode
from schemas.columns import decode_columns
from streams.runtime.stage import Record, Records

# Sorts maps by their keys: the order of properties says nothing.
_pack = msgspec.msgpack.Encoder(order="deterministic").encode


class Content(NamedTuple):
    """All fields of a touchpoint but ``backfill``; of its identifiers the ``namespaces`` and the ``values``, in order.

    Digests of it are kept in state: fields are neither moved nor taken away, and one that a later version of the schema
    adds may count only where it is not its default.
    """

    event_id: str
    channel: str
    occurred_at: int
    namespaces: list[str]
    values: list[str]
    action: str
    direction: str
    mode: str
    acquisition: Mapping[str, str | None] | None
    message_id: str | None
    thread_id: str | None
    conversion: Mapping[str, Any] | None
    sentiment: int | None
    satisfaction: Mapping[str, Any] | None
    user_agent: str | None
    provider_machine: bool
    link: str | None
    engaged_ms: int | None
    properties: Mapping[str, str]


_IDENTIFIERS = {"namespaces": "namespace", "values": "value"}
_PATHS = [f"identifiers.{_IDENTIFIERS[f]}" if f in _IDENTIFIERS else f for f in Content._fields]


def read(records: Records) -> Iterator[tuple[Record, Content | None, bool]]:
    """Each record with its content and ``backfill``; with None where it is no touchpoint."""
    columns = decode_columns([record.value for record in records], "touchpoint")
    contents = map(Content._make, zip(*map(columns.column, _PATHS), strict=True))
    backfills = columns.column("backfill")
    if not columns.errors:
        return zip(records, contents, backfills, strict=True)
    found = dict(zip(columns.positions, zip(contents, backfills, strict=True), strict=True))
    return ((record, *found.get(at, (None, False))) for at, record in enumerate(records))


def read_one(value: bytes) -> Content:
    """The content of a touchpoint that was accepted before."""
    fields = decode(value).record
    named = {name: [identifier[of] for identifier in fields["identifiers"]] for name, of in _IDENTIFIERS.items()}
    return Content._make({**fields, **named}[name] for name in Content._fields)


def digest_of(content: Content) -> bytes:
    """8 bytes that differ where the content does."""
    return blake2b(_pack(content), digest_size=8).digest()
