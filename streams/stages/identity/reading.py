"""What records of identity.links say: a link or a correction, or why it is neither."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import starmap

from schemas.codec import Undecodable, decode
from schemas.columns import decode_columns
from streams.domain.identifiers import Identifier, is_blocked, is_namespace, mask, strength
from streams.domain.identity.links import KINDS, Correction, Link
from streams.domain.lateness import is_future
from streams.domain.validation import LATEST_MS, MAX_TEXT, Rejection, check_name
from streams.runtime.failures import refuse_newer
from streams.runtime.stage import Record, Records

_LINK = ("stronger.namespace", "stronger.value", "weaker.namespace", "weaker.value", "occurred_at", "event_id")
# About 200 bytes each: most links bear an identifier that an earlier one bore.
_KEPT = 32_768

Said = Link | Correction | Rejection


def read(records: Records, tolerance_ms: int) -> Iterator[tuple[Record, Said]]:
    """What each of ``records`` says; no correction may be dated more than ``tolerance_ms`` after it was received.

    NewerSchema where a newer release says it."""
    columns = decode_columns([record.value for record in records], "link")
    refuse_newer(columns.errors, records)
    links = starmap(_link, zip(*map(columns.column, _LINK), strict=True))
    for at, record in enumerate(records):
        said = next(links) if at not in columns.errors else _correction(record)
        yield record, said if isinstance(said, Rejection) else _check(said, record.timestamp, tolerance_ms) or said


def _link(
    namespace: str, value: str, weaker_namespace: str, weaker_value: str, occurred_at: int, event_id: str
) -> Link:
    return Link(Identifier(namespace, value), Identifier(weaker_namespace, weaker_value), occurred_at, event_id)


def _correction(record: Record) -> Correction | Rejection:
    try:
        name, fields = decode(record.value or b"")
    except Undecodable as error:
        return Rejection("undecodable", "", str(error)[:MAX_TEXT], "a link or a correction")
    if name != "correction":
        return Rejection("undecodable", "", name, "a link or a correction")
    pair = {end: Identifier(**fields[end]) for end in ("stronger", "weaker")}
    return Correction(**{**fields, **pair})


def _check(said: Link | Correction, received_at: int, tolerance_ms: int) -> Rejection | None:
    """The first rule that ``said`` breaks."""
    if isinstance(said, Link):
        at, field, id_field, id_ = said.occurred_at, "occurred_at", "event_id", said.event_id
    else:
        if said.kind not in KINDS:
            return Rejection("invalid", "kind", said.kind, ", ".join(KINDS))
        at, field, id_field, id_ = said.corrected_at, "corrected_at", "correction_id", said.correction_id
    if not 0 <= at <= LATEST_MS:
        return Rejection("invalid", field, str(at), f"0 to {LATEST_MS}")
    # Of a touchpoint INTAKE has judged it: told once, a link must not be lost to another clock.
    if isinstance(said, Correction) and is_future(at, received_at, tolerance_ms):
        return Rejection("future", field, str(at), f"at most {tolerance_ms} ms after its receipt at {received_at}")
    return check_name(id_field, id_) or _check_pair(said.stronger, said.weaker)


def _check_pair(stronger: Identifier, weaker: Identifier) -> Rejection | None:
    for end, identifier in (("stronger", stronger), ("weaker", weaker)):
        wrong = _wrong(identifier)
        if wrong is not None:
            return wrong._replace(field=f"{end}.{wrong.field}")
    if strength(stronger) < strength(weaker):
        return None
    return Rejection("invalid", "weaker", _masked(weaker), f"an identifier weaker than {_masked(stronger)}")


@lru_cache(_KEPT)
def _wrong(identifier: Identifier) -> Rejection | None:
    """What INTAKE would have made of it is expected: cleaned, and not blocked."""
    namespace, value = identifier
    if not is_namespace(namespace):
        # Masked too: where somebody confuses the two fields, it is the value.
        return Rejection("invalid", "namespace", mask(namespace.replace("\0", "?")), "a lower-case name like cookie_id")
    if value == value.strip() and not is_blocked(value) and len(value) <= MAX_TEXT and "\0" not in value:
        return None
    expected = f"trimmed, not blocked, at most {MAX_TEXT} characters, no NUL"
    return Rejection("invalid", "value", mask(value.replace("\0", "?")), expected)


def _masked(identifier: Identifier) -> str:
    return f"{identifier.namespace}:{mask(identifier.value)}"
