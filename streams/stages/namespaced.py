"""A stage of another pipeline than the one without a name: it reads and writes the same topics under its own names.

    next.identity.assignments --> fold(identity.assignments) --> customers.activity --> next.customers.activity
    touchpoints.web           --> fold(touchpoints.web)      --> touchpoints.web    --> withheld, unless it serves

The stage itself knows of none of this: in its state and in tables topics have the names that they are declared by. The
topics of touchpoints are shared by all pipelines, and only the one that serves writes to them: what INTAKE re-sends to
the right partition, others read there as its copies. So nothing that a replay does can be seen by what serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from streams.runtime.stage import Headers, Layout, Out, Records, Stage, View
from streams.topics import TOUCHPOINTS, logical, physical


class _Renamed:
    """``out`` by declared names; what goes to a shared topic is left out unless the pipeline ``serves``."""

    def __init__(self, out: Out, namespace: str, serves: bool) -> None:
        self._out = out
        self._namespace = namespace
        self._serves = serves

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        if self._serves or topic not in TOUCHPOINTS:
            self._out.send(physical(topic, self._namespace), key, value, partition=partition, headers=headers)


class Namespaced:
    """``stage`` in ``namespace``, '' being one, too; ``serves``: its tables are those that people ask."""

    def __init__(self, stage: Stage[Any], namespace: str, serves: bool) -> None:
        self._stage = stage
        self._namespace = namespace
        self._serves = serves
        self.name = physical(stage.name, namespace)
        self.inputs = tuple(physical(topic, namespace) for topic in stage.inputs)
        self.layout: Layout | None = stage.layout

    def fold(self, records: Records, view: View, out: Any) -> None:
        self._stage.fold(self._declared(records), view, self._renamed(out))

    def emit(self, changed: Mapping[bytes, int], view: View, out: Any) -> None:
        self._stage.emit(changed, view, self._renamed(out))

    def bury(self, records: Records, cause: str, view: View, out: Any) -> None:
        self._stage.bury(self._declared(records), cause, view, self._renamed(out))

    def _declared(self, records: Records) -> Records:
        return Records(logical(records.topic, self._namespace), records.partition, records)

    def _renamed(self, out: Any) -> Any:
        # Without state a stage has outputs of its own, which are no topics.
        return out if self.layout is None else _Renamed(out, self._namespace, self._serves)
