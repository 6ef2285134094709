"""Stages that send something else than they should, or not all of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from schemas.codec import decode, encode
from streams import topics
from streams.domain.ids import uuid5
from streams.runtime.stage import Headers, Out, Records, View
from tests.convergence.scenario import Shape
from tests.convergence.world import make_customers, make_identity

Fields = dict[str, Any]
Make = Callable[[Shape, Random], Any]
Change = Callable[[str, Fields], Fields | None]


class ChangedOut:
    """What a stage sends, each record as ``change`` (given its kind) makes it; None: it isn't sent."""

    def __init__(self, out: Out, change: Change) -> None:
        self._out = out
        self._change = change

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        name, fields = decode(value)
        changed = self._change(name, fields)
        if changed is not None:
            self._out.send(topic, key, encode(name, changed), partition=partition, headers=headers)


class Changed:
    """``stage``, but for what it sends."""

    def __init__(self, stage: Any, change: Change) -> None:
        self._stage = stage
        self._change = change
        self.name, self.inputs, self.layout = stage.name, stage.inputs, stage.layout

    def fold(self, records: Records, view: View, out: Out) -> None:
        self._stage.fold(records, view, ChangedOut(out, self._change))

    def emit(self, changed: Mapping[bytes, int], view: View, out: Out) -> None:
        self._stage.emit(changed, view, ChangedOut(out, self._change))

    def bury(self, records: Records, cause: str, view: View, out: Out) -> None:
        self._stage.bury(records, cause, view, ChangedOut(out, self._change))


def identity_that(change: Change) -> Make:
    return lambda shape, random: Changed(make_identity(shape, random), change)


def customers_that(change: Change) -> Make:
    return lambda shape, random: Changed(make_customers(shape, random), change)


def without(kind: str) -> Change:
    return lambda name, fields: None if name == kind else fields


def without_first_moves(name: str, fields: Fields) -> Fields | None:
    """Who leaves a customer of its own has nothing there, one might think."""
    if name != "identifiers_moved":
        return fields
    left = [i for i in fields["identifiers"] if fields["from"] != uuid5(*i.split(":", 1))]
    return {**fields, "identifiers": left} if left else None


def without_moves_home(name: str, fields: Fields) -> Fields | None:
    """As if an identifier that becomes shared were assigned to nobody."""
    if name != "identifiers_moved":
        return fields
    left = [i for i in fields["identifiers"] if fields["to"] != uuid5(*i.split(":", 1))]
    return {**fields, "identifiers": left} if left else None


def without_tombstones(name: str, fields: Fields) -> Fields | None:
    return None if name in ("journey", "session") and fields["deleted"] else fields


class NettingOut:
    """Of the moves of several records only what is left of them in the end."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._assigned: dict[bytes, bytes] = {}
        self._moves: dict[str, tuple[str, Fields]] = {}

    def send(self, topic: str, key: bytes, value: bytes, **more: Any) -> None:
        if topic == topics.ASSIGNMENTS:
            self._assigned[key] = value
        elif topic == topics.ACTIVITY:
            fields = decode(value).record
            for identifier in fields["identifiers"]:
                came_from, _ = self._moves.get(identifier, (fields["from"], fields))
                self._moves[identifier] = came_from, fields
        else:
            self._out.send(topic, key, value, **more)

    def close(self) -> None:
        for key, value in self._assigned.items():
            self._out.send(topics.ASSIGNMENTS, key, value)
        for identifier, (came_from, fields) in self._moves.items():
            if came_from != fields["to"]:
                move = encode("identifiers_moved", {**fields, "from": came_from, "identifiers": [identifier]})
                self._out.send(topics.ACTIVITY, came_from.encode(), move)


class Netting(Changed):
    def fold(self, records: Records, view: View, out: Out) -> None:
        netting = NettingOut(out)
        self._stage.fold(records, view, netting)
        netting.close()


def netting_identity(shape: Shape, random: Random) -> Any:
    return Netting(make_identity(shape, random), without(""))


def emit_what_was_live(emit: Any) -> Any:
    """Rows that lived within the batch only have no tombstone."""

    def changed_emit(self: Any, changed: Mapping[bytes, int], view: Any, out: Out) -> None:
        known = {key: at for key, at in changed.items() if view.get(key) is not None or view._disk.get(key) is not None}
        emit(self, known, view, out)

    return changed_emit
