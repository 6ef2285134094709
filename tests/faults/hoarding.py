"""A stage that keeps every record, in groups that may become larger than memory, and tells how many each key has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.runtime.stage import Layout, Records
from tests.faults.stage import KEY_BYTES, WINDOW, Row, Topics

#: How many of a key's last entries are read for its row.
LAST = 20


class Hoarding:
    """Entries by key, topic and window; a second record of a window takes the place of the first."""

    layout = Layout({b"c": int, b"w": bytes}, kind_at=KEY_BYTES + 1, group_bytes=KEY_BYTES)

    def __init__(self, topics: Topics) -> None:
        self.name = topics.app
        self.inputs = topics.inputs
        self._topics = topics

    def fold(self, records: Records, view: Any, out: Any) -> None:
        letter = records.topic[-1:].encode()
        for record in records:
            at = record.key + letter
            entry = at + b"w" + record.value[WINDOW]
            if view.get(entry) is None:
                view.put(at + b"c", (view.get(at + b"c") or 0) + 1)
            view.put(entry, record.value)
            view.touch(at, record.offset)

    def emit(self, changed: Mapping[bytes, int], view: Any, out: Any) -> None:
        for at, version in changed.items():
            last = view.scan(at + b"w", at + b"x", reverse=True)
            windows = [entry[-8:] for (entry, _), _ in zip(last, range(LAST), strict=False)]
            out.send(self._topics.rows, at, Row(version, repr((view.get(at + b"c"), windows)).encode()).packed())

    def bury(self, records: Records, cause: str, view: Any, out: Any) -> None:
        raise AssertionError(f"these records are in order: {cause}")
