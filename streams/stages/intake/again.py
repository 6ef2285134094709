"""Touchpoints that were accepted before, read again and judged anew."""

from __future__ import annotations

from streams.domain.validation import Rejection
from streams.stages.intake.contents import digest_of, read_one
from streams.stages.intake.entries import Held, identity_of
from streams.stages.intake.meaning import Meanings
from streams.stages.intake.outcomes import Accepted
from streams.stages.intake.via import Vias


class Again:
    """What `streams.stages.intake.judge` made of them, by the same ``vias`` and ``meanings``."""

    def __init__(self, vias: Vias, meanings: Meanings) -> None:
        self._vias = vias
        self._meanings = meanings

    def accepted(self, held: Held) -> Accepted:
        """As it was accepted. Raises ValueError where it would not be, by other rules than those of then."""
        content = read_one(held.value)
        meaning, via = self._meanings.of(content, keep=False), self._vias.of(content, keep=False)
        if isinstance(via, Rejection):
            raise ValueError("a touchpoint that was accepted is rejected now")
        identity = identity_of(content.channel, via.text, content.event_id)
        return Accepted(content, via, meaning, held.received_at, identity, digest_of(content))

    def risen(self, accepted: Accepted, actor: str, *, raised: bool) -> Accepted:
        """``accepted`` with the verdict that its message gives it; ``raised``: it was sent with a lower one."""
        return accepted._replace(meaning=self._meanings.risen(accepted.content, actor, raised))
