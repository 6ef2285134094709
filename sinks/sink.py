"""SINK as a stage: every output record becomes a row of its table.

It keeps no state: a row written twice is written once, because tables replace rows by key and version. So a batch that
was inserted and not yet acknowledged is inserted again after a crash, and nothing changes. A topic may hold several
kinds of record, told apart by the fingerprint in a value's header; what stages tell each other has no table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.codec import HEADER_BYTES, MARKER, Undecodable, decode
from schemas.columns import Columns, decode_columns
from schemas.registry import registry
from sinks.outputs import TableOutputs
from sinks.tables import CORRECTIONS, TABLES, TOUCHPOINTS, WITHOUT_TABLE, Accepted, Logged
from streams.runtime.failures import refuse_newer
from streams.runtime.stage import Layout, Record, Records, View


class Sink:
    """All output topics -> ClickHouse. ``records`` names, for each input topic, the kinds of record that belong
    there."""

    name = "sink"
    layout: Layout | None = None

    def __init__(self, records: Mapping[str, Sequence[str]]) -> None:
        self.inputs = tuple(records)
        self._kinds = records

    def fold(self, records: Records, view: View, out: TableOutputs) -> None:
        for kind, of_kind in _by_kind(records).items():
            if kind not in self._kinds[records.topic]:
                _refuse_newer(of_kind)
                self._bury_foreign(of_kind, out)
            elif kind not in WITHOUT_TABLE:
                self._take(kind, of_kind, out)

    def _take(self, kind: str, records: Records, out: TableOutputs) -> None:
        decoded = decode_columns([record.value for record in records], kind)
        bad = set(decoded.errors)
        sent: Columns | None = None
        if kind == "resolved_touchpoint":
            sent = decode_columns(decoded.column("touchpoint"), "touchpoint")
            refuse_newer({decoded.positions[at]: error for at, error in sent.errors.items()}, records)
            bad.update(decoded.positions[at] for at in sent.errors)
        if bad:
            # Stages write what they can read: these are foreign.
            self._bury_foreign(_part(records, [r for at, r in enumerate(records) if at in bad]), out)
            self._take(kind, _part(records, [r for at, r in enumerate(records) if at not in bad]), out)
        elif sent is not None:
            out.put(TOUCHPOINTS, Accepted(decoded, sent), records)
        elif kind == "correction":
            out.put(CORRECTIONS, Logged(decoded, [record.offset for record in records]), records)
        else:
            out.put(TABLES[kind], decoded, records)

    def _bury_foreign(self, records: Records, out: TableOutputs) -> None:
        out.bury(records, "undecodable", "", f"Avro-encoded {' or '.join(self._kinds[records.topic])}")

    def emit(self, changed: Mapping[bytes, int], view: View, out: TableOutputs) -> None:
        """Nothing is left to emit: rows go out with their batch."""

    def bury(self, records: Records, cause: str, view: View, out: TableOutputs) -> None:
        out.bury(records, "stage_raised", cause, "a record that the stage can take")


def _by_kind(records: Records) -> Mapping[str, Records]:
    """``records`` by what their headers say they are, each kind in order; nearly always there is one."""
    headers = {(record.value or b"")[:HEADER_BYTES] for record in records}
    if len(headers) == 1:
        return {_kind(headers.pop()): records}
    kinds = {header: _kind(header) for header in headers}
    parts: dict[str, list[Record]] = {}
    for record in records:
        parts.setdefault(kinds[(record.value or b"")[:HEADER_BYTES]], []).append(record)
    return {kind: _part(records, part) for kind, part in parts.items()}


def _kind(header: bytes) -> str:
    """The record that a value with ``header`` holds; empty where it is none of ours."""
    version = registry().by_fingerprint.get(header.removeprefix(MARKER)) if header.startswith(MARKER) else None
    return version.record if version is not None else ""


def _refuse_newer(records: Records) -> None:
    """NewerSchema where one of ``records``, of no kind that belongs there, is of a schema of a newer release."""
    for at, record in enumerate(records):
        try:
            decode(record.value or b"")
        except Undecodable as error:
            refuse_newer({at: error}, records)


def _part(records: Records, part: Sequence[Record]) -> Records:
    return Records(records.topic, records.partition, part)
