"""Who a row is about, and which row it is: identifiers, the Kafka key, event_ids made of columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import pyarrow as pa
import pyarrow.compute as pc

from streams.domain.identifiers import BLOCKED
from streams.domain.validation import MAX_TEXT
from streams.producing.mapping.addresses import hash_email, hold_emails, phone_hasher, read_digest
from streams.producing.mapping.declared import Source
from streams.producing.mapping.encoding import optional_texts
from streams.producing.mapping.findings import Findings
from streams.producing.mapping.tables import Cells

#: Namespaces of hashes, and what is hashed.
ADDRESS_OF: Mapping[str, str] = {"email_sha256": "email", "phone_sha256": "phone"}
#: A handle may look like an e-mail address, and isn't one.
HANDLE = "social_handle"
ALL_DIGITS = "all its digits, as text in the file: a number like 1.2e+20 has lost some, and may be another's too"
_BLOCKED = pa.array(sorted(BLOCKED), pa.string())
_NULL = pa.scalar(None, pa.string())
EVENT_ID_DIGITS = 32


class Names:
    """Identifiers by namespace, strongest first, as one mapping takes them from a table."""

    def __init__(self, identifiers: Mapping[str, Source]) -> None:
        self._sources = identifiers
        self._readers = {name: _reader(name, source) for name, source in identifiers.items()}

    def find(self, cells: Cells, findings: Findings) -> dict[str, pa.Array]:
        """The identifiers of each row by namespace, null where there is none or one that names nobody."""
        found = {name: self._identifier(name, cells, findings) for name in self._sources}
        filled = [column.is_valid() for column in found.values()]
        nobody = filled[0]
        for one in filled[1:]:
            nobody = pc.or_(nobody, one)
        findings.where(pc.invert(nobody), "identifiers", None, f"at least one of {', '.join(found)}")
        return found

    def _identifier(self, name: str, cells: Cells, findings: Findings) -> pa.Array:
        source, read = self._sources[name], self._readers[name]
        field = f"identifiers.{name} ({source.text})"
        column = cells.find(source, _without_blocked)
        if source.is_made:
            column = _without_blocked(column)
        if read is not None:
            return findings.convert(column, read, pa.string(), field, hidden=True)
        long = pc.greater(pc.utf8_length(column), MAX_TEXT)
        findings.where(long, field, column, f"at most {MAX_TEXT} characters", hidden=True)
        findings.where(are_rounded(column), field, column, ALL_DIGITS, hidden=True)
        if name != HANDLE:
            expected = "no e-mail address, which never enters Kafka; email_sha256 = { email = COLUMN } hashes it"
            findings.where(hold_emails(column), field, column, expected, hidden=True)
        return column


def are_rounded(column: pa.Array) -> pa.Array:
    """Where ``column`` holds a number like 1.23457E+20: it has lost digits, so others may be spelt alike."""
    return pc.fill_null(pc.match_substring_regex(column, r"^-?\d(?:\.\d+)?[eE]\+\d+$"), False)


def keys(identifiers: Mapping[str, pa.Array]) -> pa.Array:
    """The Kafka key of each row: its strongest identifier's ``namespace:value``."""
    texts = [pc.binary_join_element_wise(f"{name}:", column, "") for name, column in identifiers.items()]
    return pc.coalesce(*texts) if len(texts) > 1 else texts[0]


def hash_rows(columns: Sequence[pa.Array]) -> pa.Array:
    """32 hexadecimal digits of each row's values in ``columns``; null where all are.

    SHA-256 over the values in order, each with its length, so that ("ab", "c") and ("a", "bc") differ.
    """
    filled = pc.coalesce(*columns).is_valid()
    values = optional_texts(columns).to_pylist()
    digests = pa.array([sha256(value).hexdigest()[:EVENT_ID_DIGITS] for value in values], pa.string())
    return pc.if_else(filled, digests, _NULL)


def _reader(name: str, source: Source) -> Callable[[str], str] | None:
    kind = source.options.get("address")
    if kind == "email":
        return hash_email
    if kind == "phone":
        return phone_hasher(source.options.get("region"))
    return read_digest(ADDRESS_OF[name]) if name in ADDRESS_OF else None


def _without_blocked(column: pa.Array) -> pa.Array:
    named = pc.is_in(pc.utf8_lower(column), _BLOCKED)
    blocked = pc.or_(named, pc.fill_null(pc.match_substring_regex(column, r"^[0\-]+$"), False))
    return pc.if_else(blocked, _NULL, column)
