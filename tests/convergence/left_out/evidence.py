"""Links and corrections that are told, kept or weighed otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from streams.domain.identity.facts import Changes
from streams.domain.identity.graph import Graph
from streams.domain.identity.kept import Tie
from streams.domain.identity.links import KINDS, LIFTED, RETRACTED, Correction, Date, Ruling, Standing, standing
from streams.runtime.versions import version_of
from streams.stages.intake.entries import Evidence
from streams.stages.intake.memory import Memory
from streams.stages.intake.outcomes import Accepted


def version_from_the_first_offset(epoch: int, offset: int) -> int:
    """IDENTITY's first version is the one that every identifier has by default."""
    return version_of(epoch, offset - 1)


def only_new_pairs(self: Memory, accepted: Accepted) -> Iterator[Any]:
    """Earlier evidence of a known pair isn't told."""
    for pair in accepted.via.pairs:
        if self._view.get(pair.told) is None:
            self._view.put(pair.told, Evidence(accepted.content.occurred_at, accepted.content.event_id))
            yield pair


class NeverUnshared(Graph):
    """User_ids that were linked once are counted for ever."""

    def _count_user(self, tie: Tie, more: int) -> bool:
        return super()._count_user(tie, max(more, 0))


class LastWordWins(Graph):
    """Of corrections at one time the one that comes last holds."""

    def correct(self, correction: Correction, version: int) -> Changes:
        return super().correct(correction._replace(correction_id=f"{version:020}"), version)


def standing_forgotten(evidence: Date | None, ruling: Ruling | None, *more: Any) -> Standing | None:
    """A retraction has deleted the evidence: where it is lifted nothing is left."""
    return None if ruling is not None and KINDS[ruling.kind] == LIFTED else standing(evidence, ruling, *more)


def standing_revived(evidence: Date | None, ruling: Ruling | None, *more: Any) -> Standing | None:
    """Evidence that is dated behind a retraction revives the pair."""
    if evidence is not None and ruling is not None and KINDS[ruling.kind] == RETRACTED and evidence.at > ruling.at:
        return Standing(False, evidence)
    return standing(evidence, ruling, *more)
