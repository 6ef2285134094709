"""Parts of the stages, and of how they are driven, that leave a rule out."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, cast

from schemas.codec import decode, encode
from streams import topics
from streams.domain.engagement import EngagementKey
from streams.domain.identity.facts import Changes, Telling
from streams.domain.identity.graph import Graph
from streams.domain.identity.kept import Tie
from streams.domain.identity.links import KINDS, RETRACTED, Date, Pair, Ruling, Standing, standing
from streams.domain.ids import uuid5
from streams.runtime.stage import Headers, Out, Records, View
from streams.runtime.versions import version_of
from streams.stages.customers.custody import Custody
from streams.stages.customers.history import CustomerHistory, Kept, Place
from streams.stages.customers.messages import Arrival, Continued, Moved
from streams.stages.intake.entries import SEEN, WATERMARK, Evidence, fingerprint, pack, row_key_of
from streams.stages.intake.measuring import Measuring
from streams.stages.intake.memory import Memory
from streams.stages.intake.outcomes import Accepted
from tests.convergence.process import Entries, Process
from tests.convergence.scenario import Shape
from tests.convergence.world import make_customers, make_identity
from tests.unit.builders import HOUR

# --- outputs that change on their way -------------------------------------------------------------------------

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


# --- what is one touchpoint -----------------------------------------------------------------------------------


def identity_without_via(channel: str, via: str, event_id: str) -> bytes:
    return fingerprint(SEEN, channel, event_id)


def identity_without_channel(channel: str, via: str, event_id: str) -> bytes:
    return fingerprint(SEEN, via, event_id)


def row_id_without_customer(customer: str, channel: str, via: str, event_id: str) -> str:
    return uuid5(channel, via, event_id)


# --- the newest fact wins -------------------------------------------------------------------------------------


class NothingLearnedFromTouchpoints(Custody):
    """Only moves are entered in the register."""

    def _arrive(self, arrival: Arrival, version: int) -> None:
        known = self._place(arrival.to, arrival.via)
        if known.customer == arrival.to or arrival.version > known.version:
            self._keep(arrival, version)
        else:
            self._post.send(arrival._replace(to=known.customer, version=known.version), arrival.to)


class LastWins(Custody):
    """Whatever comes last is believed."""

    def _arrive(self, arrival: Arrival, version: int) -> None:
        self._put(arrival.to, arrival.via, Place(arrival.to, arrival.version))
        super()._arrive(arrival, version)


class OldMovesCount(Custody):
    def _place(self, customer: bytes, via: str) -> Place:
        known = super()._place(customer, via)
        return known._replace(version=-1) if self._moving else known

    _moving = False

    def _move(self, moved: Moved, version: int) -> None:
        self._moving = True
        super()._move(moved, version)
        self._moving = False


class MovesJudgedTogether(Custody):
    """Of the identifiers of one move the first decides for all."""

    def _move(self, moved: Moved, version: int) -> None:
        if moved.version > self._place(moved.from_, moved.identifiers[0]).version:
            super()._move(moved, version)


class RegisterOfCustomersOnly(Custody):
    """Where there are no touchpoints, no register."""

    def _move(self, moved: Moved, version: int) -> None:
        if self._of(moved.from_).history.tail is not None:
            super()._move(moved, version)


class ForwardedWithOldVersion(Custody):
    def _arrive(self, arrival: Arrival, version: int) -> None:
        known = self._place(arrival.to, arrival.via)
        if arrival.version <= known.version and known.customer != arrival.to:
            self._post.send(arrival._replace(to=known.customer), arrival.to)
        else:
            super()._arrive(arrival, version)


class KeptWhereItCame(Custody):
    """What comes to a customer that its via has left stays there."""

    def _arrive(self, arrival: Arrival, version: int) -> None:
        self._keep(arrival, version)


# --- walk record by record, write at the end -----------------------------------------------------------------


def emit_what_was_live(emit: Any) -> Any:
    """Rows that lived within the batch only have no tombstone."""

    def changed_emit(self: Any, changed: Mapping[bytes, int], view: Any, out: Out) -> None:
        known = {key: at for key, at in changed.items() if view.get(key) is not None or view._disk.get(key) is not None}
        emit(self, known, view, out)

    return changed_emit


def pack_one_watermark(kind: bytes, *parts: str) -> bytes:
    """The watermark has the same key for all topics."""
    return pack(kind, "-") if kind == WATERMARK else pack(kind, *parts)


class TouchesOf:
    """A view of which only ``keys`` are emitted."""

    def __init__(self, view: View, keys: Container[bytes]) -> None:
        self._view = view
        self._keys = keys

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)

    def touch(self, key: bytes, version: int) -> None:
        if key in self._keys:
            self._view.touch(key, version)


class RowsWithTouchpointsOnly(Measuring):
    """A row that only loses a unique isn't emitted."""

    def close(self) -> None:
        counted = [EngagementKey(m.channel, m.campaign, hour, currency, m.actor) for m, hour, currency in self._sums]
        gaining = [key for key, _, change, _ in self._moves if change > 0]
        self._view = cast(View, TouchesOf(self._view, {*map(row_key_of, (*counted, *gaining))}))
        super().close()


# --- verdicts -------------------------------------------------------------------------------------------------


def nothing_marked(self: CustomerHistory, order: Any) -> None:
    """No marker is kept."""


def insert_the_first_only(events: Sequence[Any], event: Any) -> tuple[Any, ...]:
    """Of a unique's events the one that came first is kept."""
    return tuple(events) or (event,)


# --- state ----------------------------------------------------------------------------------------------------


class FenceLast(Process):
    """It may crash when values are durable and their fence isn't."""

    def _keep(self, entries: Entries, fence: dict[str, int]) -> Iterator[None]:
        self.disk.write(entries, self.disk.fence)
        yield
        yield from super()._keep((), fence)


class FenceFirst(Process):
    """It may crash when the fence is durable and its values aren't."""

    def _keep(self, entries: Entries, fence: dict[str, int]) -> Iterator[None]:
        self.disk.write((), fence)
        yield
        yield from super()._keep(entries, fence)


class FenceFalls(Process):
    """The fence stands where was read last."""

    def _keep(self, entries: Entries, fence: dict[str, int]) -> Iterable[None]:
        self.disk.fence = {}
        return super()._keep(entries, fence | self._read)


class AcknowledgedFirst(Process):
    """What is read is acknowledged."""

    def _slices(self) -> Iterator[Any]:
        for found in super()._slices():
            self._acknowledged = dict(self._read)
            yield found


class ForgetsWhatIsOld(Memory):
    """What was accepted is forgotten when the watermark has passed it by an hour."""

    def accept(self, accepted: Accepted, offset: int) -> None:
        super().accept(accepted, offset)
        if self.watermark is not None and accepted.content.occurred_at < self.watermark - HOUR:
            self._view.delete(accepted.identity)


class HistoryEnds(Custody):
    """What comes hours before the last is not kept any more."""

    def _keep(self, arrival: Arrival, version: int) -> None:
        tail = self._of(arrival.to).history.tail
        since = 0 if tail is None else tail.last.occurred_at - 2 * HOUR
        kept = [one for one in arrival.kept if one.touchpoint.occurred_at >= since]
        super()._keep(arrival._replace(kept=kept), version)


class Everywhere(int):
    """A partition that is the right one wherever it is asked for."""

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = int.__hash__


def everywhere(key: bytes, partitions: int) -> int:
    """There is no wrong partition."""
    return Everywhere()


# --- moves in pieces ------------------------------------------------------------------------------------------


class LeftoversDecide(Custody):
    """A continuation counts where something is left to hand over."""

    def _go_on(self, continued: Continued, version: int) -> None:
        customer, to, via, moved_version, cursor, *_ = continued
        left, _ = self._of(customer).history.come_by(via, cursor, 1)
        if left:
            self._put(customer, via, Place(to, moved_version, cursor))
            super()._go_on(continued, version)


class NewMoveGoesOn(Custody):
    """A newer fact leaves the cursor: a later move goes on where the one before it stood."""

    def _put(self, customer: bytes, via: str, place_: Place) -> None:
        known = self._place(customer, via)
        if place_.version > known.version and place_.cursor is None:
            place_ = place_._replace(cursor=known.cursor)
        super()._put(customer, via, place_)

    def _move(self, moved: Moved, version: int) -> None:
        customer, to, moved_version, _, piece, cause = moved
        known = {via: self._place(customer, via) for via in moved.identifiers}
        stood = {via: p.cursor for via, p in known.items() if p.cursor and p.version < moved_version}
        others = [via for via in moved.identifiers if via not in stood]
        if others:
            super()._move(moved._replace(identifiers=others), version)
        for via, cursor in stood.items():
            self._put(customer, via, Place(to, moved_version, cursor))
            self._go_on(Continued(customer, to, via, moved_version, cursor, piece, cause), version)


class PieceOfASetting(Custody):
    """How much is handed over at once is a setting, which a restart may change."""

    piece = 0

    def _move(self, moved: Moved, version: int) -> None:
        super()._move(moved._replace(piece=self.piece), version)

    def _go_on(self, continued: Continued, version: int) -> None:
        super()._go_on(continued._replace(piece=self.piece), version)


class WithASetting(Changed):
    piece = 0

    def fold(self, records: Records, view: View, out: Out) -> None:
        PieceOfASetting.piece = self.piece
        self._stage.fold(records, view, out)


def customers_with_a_setting(shape: Shape, random: Random) -> Any:
    stage = WithASetting(make_customers(shape, random), without(""))
    stage.piece = random.randint(1, 3)
    return stage


def come_by_without_markers(self: CustomerHistory, via: str, behind: bytes, most: int) -> tuple[list[Kept], bool]:
    """The index by via has no markers."""
    found = [kept for kept in self._come_by(via, behind) if not kept.is_machine]
    return found[:most], len(found) > most


# --- links and corrections ------------------------------------------------------------------------------------


def version_from_the_first_offset(epoch: int, offset: int) -> int:
    """IDENTITY's first version is the one that every identifier has by default."""
    return version_of(epoch, offset - 1)


def only_new_pairs(self: Memory, accepted: Accepted) -> Iterator[Any]:
    """Earlier evidence of a known pair isn't told."""
    for pair in accepted.via.pairs:
        if self._view.get(pair.told) is None:
            self._view.put(pair.told, Evidence(accepted.content.occurred_at, accepted.content.event_id))
            yield pair


class RetractionForgets(Graph):
    """What is retracted leaves no evidence."""

    def _learn(self, pair: Pair, evidence: Date | None, ruling: Ruling | None, version: int) -> Changes:
        changes = super()._learn(pair, evidence, ruling, version)
        tie = self._kept.tie(pair)
        if ruling is not None and KINDS[ruling.kind] == RETRACTED and tie.edge.standing is None:
            self._kept.put_edge(tie, tie.edge._replace(evidence=None), tie.counted, Telling(version))
        return changes


class NeverUnshared(Graph):
    """User_ids that were linked once are counted for ever."""

    def _count_user(self, tie: Tie, more: int) -> bool:
        return super()._count_user(tie, max(more, 0))


class LastWordWins(Graph):
    """Of corrections at one time the one that comes last holds."""

    def _learn(self, pair: Pair, evidence: Date | None, ruling: Ruling | None, version: int) -> Changes:
        known = self._kept.tie(pair).edge.ruling
        if ruling is not None and known is not None and known.at == ruling.at:
            ruling = ruling._replace(id=max(known.id, ruling.id) + "+")
        return super()._learn(pair, evidence, ruling, version)


def standing_revived(evidence: Date | None, ruling: Ruling | None) -> Standing | None:
    """Evidence that is dated behind a retraction revives the pair."""
    if evidence is not None and ruling is not None and KINDS[ruling.kind] == RETRACTED and evidence.at > ruling.at:
        return Standing(False, evidence)
    return standing(evidence, ruling)
