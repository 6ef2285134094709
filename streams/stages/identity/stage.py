"""IDENTITY as a stage: apply each link and correction to the graph, and tell what each of them changed.

One partition and one writer, because any link may join any two customers. Everything is told record by record, never
the difference that a batch makes: others follow who is who version by version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from streams import topics
from streams.domain.identity.entries import KEY_BYTES, TYPES
from streams.domain.identity.graph import Graph
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Correction, Link
from streams.domain.validation import Rejection
from streams.runtime.stage import Layout, Out, Records, View
from streams.runtime.versions import version_of
from streams.stages.dead_letters import send_dead_letter, stage_raised
from streams.stages.identity.measuring import TOTALS, Measuring, Totals, show
from streams.stages.identity.outbox import Cause, Outbox, cause_of
from streams.stages.identity.reading import read

#: An operator's correction that was logged; its key begins with the digest of its correction_id.
LOGGED = b"l"


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """``epoch`` of the log for versions; ``piece``: touchpoints handed over at once when an identifier moves. No
    correction may be dated more than ``future_tolerance_ms`` after its receipt."""

    limits: Limits
    epoch: int
    piece: int
    future_tolerance_ms: int


class Identity:
    """identity.links -> identity.assignments, customers.activity, identity.changes, touchpoints.dead."""

    name = "identity"
    inputs: tuple[str, ...] = (topics.LINKS,)

    def __init__(self, rules: IdentityRules) -> None:
        types = {**TYPES, LOGGED: bool, TOTALS: Totals}
        made_with = rules.limits.text
        self.layout = Layout(types, kind_at=KEY_BYTES, group_bytes=KEY_BYTES, made_with=made_with, observe=show)
        self._rules = rules

    def fold(self, records: Records, view: View, out: Out) -> None:
        graph, outbox, measuring = Graph(view, self._rules.limits), Outbox(out, self._rules.piece), Measuring()
        for record, said in read(records, self._rules.future_tolerance_ms):
            if isinstance(said, Rejection):
                send_dead_letter(records, record, said, out, received_at=record.timestamp)
                continue
            # Above 0, which is every identifier's before anything was told of it.
            cause = cause_of(said, version_of(self._rules.epoch, record.offset + 1), record.timestamp)
            changes = graph.link(said, cause.version) if isinstance(said, Link) else graph.correct(said, cause.version)
            outbox.tell(changes, cause)
            if isinstance(said, Correction):
                _log_once(said, cause, view, outbox)
            measuring.add(changes, record.offset)
        outbox.flush()
        measuring.keep(view)

    def emit(self, changed: Mapping[bytes, int], view: View, out: Out) -> None:
        """Nothing is left to say at the end of a batch."""

    def bury(self, records: Records, cause: str, view: View, out: Out) -> None:
        (record,) = records
        send_dead_letter(records, record, stage_raised(cause), out, received_at=record.timestamp)


def _log_once(correction: Correction, cause: Cause, view: View, outbox: Outbox) -> None:
    key = blake2b(correction.correction_id.encode(), digest_size=KEY_BYTES).digest() + LOGGED
    if view.get(key) is None:
        view.put(key, True)
        outbox.log(correction, cause)
