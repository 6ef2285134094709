"""SINK as a stage: every output record becomes a row of its table.

It keeps no state: a row written twice is written once, because tables replace rows by key and version. So a batch that
was inserted and not yet acknowledged is inserted again after a crash, and nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.columns import Columns, decode_columns
from sinks.outputs import TableOutputs
from sinks.tables import TABLES, TOUCHPOINTS, Accepted
from streams.runtime.stage import Layout, Records, View


class Sink:
    """All output topics -> ClickHouse. ``records`` names, for each input topic, the one kind of record that belongs
    there."""

    name = "sink"
    layout: Layout | None = None

    def __init__(self, records: Mapping[str, Sequence[str]]) -> None:
        self.inputs = tuple(records)
        self._kinds = {topic: kind for topic, [kind] in records.items()}

    def fold(self, records: Records, view: View, out: TableOutputs) -> None:
        kind = self._kinds[records.topic]
        decoded = decode_columns([record.value for record in records], kind)
        bad = set(decoded.errors)
        sent: Columns | None = None
        if kind == "resolved_touchpoint":
            sent = decode_columns(decoded.column("touchpoint"), "touchpoint")
            bad.update(decoded.positions[at] for at in sent.errors)
        if bad:
            self._set_aside(records, bad, view, out)
        elif sent is not None:
            out.put(TOUCHPOINTS, Accepted(decoded, sent), records)
        else:
            out.put(TABLES[kind], decoded, records)

    def _set_aside(self, records: Records, bad: set[int], view: View, out: TableOutputs) -> None:
        """Bury the records at ``bad`` and take the others. Stages write what they can read: these are foreign."""
        foreign = [record for at, record in enumerate(records) if at in bad]
        expected = f"Avro-encoded {self._kinds[records.topic]}"
        out.bury(Records(records.topic, records.partition, foreign), "undecodable", "", expected)
        good = [record for at, record in enumerate(records) if at not in bad]
        self.fold(Records(records.topic, records.partition, good), view, out)

    def emit(self, changed: Mapping[bytes, int], view: View, out: TableOutputs) -> None:
        """Nothing is left to emit: rows go out with their batch."""

    def bury(self, records: Records, cause: str, view: View, out: TableOutputs) -> None:
        out.bury(records, "stage_raised", cause, "a record that the stage can take")
