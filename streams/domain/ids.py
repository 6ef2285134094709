"""Ids that anybody can compute again: UUIDv5 under one published namespace.

The name is the fields one after the other, each as its length in UTF-8 bytes (4 bytes, big-endian) and its bytes, so
that no two lists of fields give the same name. RFC 9562, section 5.5.
"""

from __future__ import annotations

import uuid
from hashlib import sha1

from streams.domain.identifiers import Identifier

#: The namespace of all our ids: UUIDv5 of the DNS namespace and ``omnijourney``.
NAMESPACE = uuid.UUID("be58af1d-235e-5bf1-bb55-36492a89217f")
_PREFIX = NAMESPACE.bytes


def uuid5(*fields: str) -> str:
    """The text of the UUIDv5 of ``fields``."""
    encoded = [field.encode() for field in fields]
    name = b"".join([len(data).to_bytes(4, "big") + data for data in encoded])
    digest = bytearray(sha1(_PREFIX + name, usedforsecurity=False).digest())
    digest[6] = digest[6] & 0x0F | 0x50  # version 5
    digest[8] = digest[8] & 0x3F | 0x80  # RFC 9562's variant
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def customer_id(via: Identifier) -> str:
    """The customer whose canonical identifier is ``via``: UUIDv5 of (namespace, value)."""
    return uuid5(via.namespace, via.value)


def row_id(customer: str, channel: str, via: str, event_id: str) -> str:
    """journey_id or session_id: UUIDv5 of (customer_id, channel, via, event_id of its first touchpoint)."""
    return uuid5(customer, channel, via, event_id)
