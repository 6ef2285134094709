"""Which names a touchpoint brings, and the strongest of them: its via.

Decides what is a usable identifier and how strong it is. Who is one customer is not decided here; a via that nobody
linked is a customer of its own (`streams.domain.ids.customer_id`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

RANKS: Mapping[str, int] = {
    "user_id": 0,
    "email_sha256": 1,
    "phone_sha256": 2,
    "social_handle": 3,
    "device_id": 4,
    "cookie_id": 5,
    "click_id": 6,
}
OTHER_RANK = 7
SHORTEST_SHOWN = 12

BLOCKED = frozenset(
    {"", "-1", "null", "none", "nil", "undefined", "unknown", "anonymous", "guest", "nan", "true", "false"}
    | {"[object object]", "{}"}
)
_ONLY_ZEROS_OR_DASHES = re.compile(r"[0\-]+")
_NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Identifier(NamedTuple):
    """A name in a namespace, e.g. ``Identifier("cookie_id", "28dc")``."""

    namespace: str
    value: str

    @property
    def text(self) -> str:
        """``namespace:value``, the form of Kafka keys and tables; namespaces have no colon."""
        return f"{self.namespace}:{self.value}"


def rank(namespace: str) -> int:
    """How strong a namespace is; 0 is strongest, all that the definitions don't name come last."""
    return RANKS.get(namespace, OTHER_RANK)


def strength(identifier: Identifier) -> tuple[int, str, str]:
    """Sort key: lowest rank first, then namespace, then smallest value."""
    return (rank(identifier.namespace), identifier.namespace, identifier.value)


def is_namespace(text: str) -> bool:
    """True for lower-case names like ``cookie_id``; a colon would make keys ambiguous."""
    return _NAMESPACE.fullmatch(text) is not None


def is_blocked(value: str) -> bool:
    """True for what systems write where they know nobody: empty, null, zeros, dashes and their kin."""
    return value.casefold() in BLOCKED or _ONLY_ZEROS_OR_DASHES.fullmatch(value) is not None


def clean(identifiers: Iterable[Mapping[str, str]]) -> list[Identifier]:
    """Trimmed, without blocked values and repetitions, strongest first.

    ``identifiers`` are ``{"namespace": ..., "value": ...}`` as in the touchpoint record. Idempotent.
    """
    found = set()
    for entry in identifiers:
        value = entry["value"].strip()
        if not is_blocked(value):
            found.add(Identifier(entry["namespace"].strip(), value))
    return sorted(found, key=strength)


def mask(value: str) -> str:
    """What may be shown of an identifier's value in messages and logs: its length, and a long one's first two
    characters; of a short one, such as a customer number, these would be too much."""
    return f"{value[:2] if len(value) >= SHORTEST_SHOWN else ''}…({len(value)})"
