"""SINK as a stage: every output record becomes a row of its table.

It keeps no state: a row written twice is written once, because tables replace rows by key and version. So a batch that
was inserted and not yet acknowledged is inserted again after a crash, and nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.codec import Undecodable, decode
from sinks.outputs import TableOutputs
from sinks.tables import TABLES, TOUCHPOINTS
from streams.runtime.stage import Record, View


class Sink:
    """All output topics -> ClickHouse. ``records`` names, for each input topic, the kinds of record that belong
    there."""

    name = "sink"
    keeps_state = False

    def __init__(self, records: Mapping[str, tuple[str, ...]]) -> None:
        self.inputs = tuple(records)
        self._records = records

    def fold(self, records: Sequence[Record], view: View, out: TableOutputs) -> None:
        for record in records:
            try:
                self._put(record, out)
            except Undecodable:
                # Stages write what they can read; this is a foreign producer's.
                out.bury(record, "undecodable", f"Avro-encoded {' or '.join(self._records[record.topic])}")

    def _put(self, record: Record, out: TableOutputs) -> None:
        name, fields = decode(record.value)
        if name not in self._records[record.topic]:
            raise Undecodable(f"found {name}")
        if name == "resolved_touchpoint":
            out.put(TOUCHPOINTS, (fields, decode(fields["touchpoint"]).record), record)
        else:
            out.put(TABLES[name], fields, record)

    def emit(self, changed: Mapping[bytes, int], view: View, out: TableOutputs) -> None:
        """Nothing is left to emit: rows go out with their batch."""
