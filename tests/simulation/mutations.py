"""What the runtime must not be: each mutation takes one of its precautions away, and some seed must show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from streams.runtime import task
from streams.runtime.failures import Failure
from tests.simulation import mutants
from tests.simulation.world import Parts, World


@dataclass(frozen=True)
class Mutation:
    """``patched``: names in `streams.runtime.task`."""

    what: str
    parts: Parts
    patched: Mapping[str, Any] = field(default_factory=dict)

    def fails(self, seed: int) -> bool:
        with patch.dict(vars(task), self.patched):
            try:
                World(seed, self.parts).run()
            except (AssertionError, Failure):
                return True
        return False


MUTATIONS = [
    Mutation("fence by generation only: no epochs", Parts(broker=mutants.NoEpochs)),
    Mutation("outputs without the epoch", Parts(broker=mutants.OutputsWithoutEpoch)),
    Mutation("taken over without a first write", Parts(process=mutants.NothingSaidAtTakeOver)),
    Mutation("first write after recovery", Parts(process=mutants.TakenAfterRecovery)),
    Mutation("outputs behind changelog and fence", Parts(process=mutants.OutputsLast)),
    Mutation("store before changelog", Parts(process=mutants.StoreFirst)),
    Mutation("ack before append", Parts(task=mutants.AckBeforeAppend)),
    Mutation("fence in a batch of its own", Parts(process=mutants.FenceApart)),
    Mutation("a batch after a dropped one", Parts(task=mutants.BatchAfterDropped)),
    Mutation("a dropped batch is acknowledged", Parts(task=mutants.DroppedIsAcked)),
    Mutation("no skip below the fence", Parts(task=mutants.NoSkip)),
    Mutation("the fence may fall", Parts(task=mutants.FenceFalls)),
    Mutation("a buried record is not passed by the fence", Parts(task=mutants.BuriedNotPassed)),
    Mutation("half a batch claims all of it", Parts(), {"halves": mutants.halves_that_claim_all}),
    Mutation("a failed batch stays in the view", Parts(task=mutants.ViewNotAbandoned)),
    Mutation("a failed batch stays in the cache", Parts(process=mutants.CacheKeepsFailed)),
    Mutation("a failed batch stays touched", Parts(process=mutants.TouchedAfterFailure)),
    Mutation("what ended in a failed batch stays accounted for", Parts(process=mutants.EndedAfterFailure)),
    Mutation("outputs of a failed batch are sent", Parts(task=mutants.OutputsNotDiscarded)),
    Mutation("store not atomic with its applied offset", Parts(disk=mutants.AppliedBeforeEntries)),
    Mutation("cache kept over a rebalance", Parts(process=mutants.ViewKept)),
    Mutation("no seek where nothing is committed", Parts(starts=mutants.starts_of_committed)),
    Mutation("no continuity", Parts(continuity=mutants.TakesAnything)),
    Mutation("gone, because it was dropped twice", Parts(process=mutants.GoneAtSecondSight)),
    Mutation("what is delivered is committed", Parts(in_flight=mutants.CommitsDelivered)),
]


def table(seeds: int) -> Iterator[str]:
    """Markdown: how many of ``seeds`` worlds show each mutation, and the first that does."""
    yield f"| mutation | of {seeds} seeds fail | first |"
    yield "|---|---|---|"
    for mutation in MUTATIONS:
        failing = [seed for seed in range(seeds) if mutation.fails(seed)]
        yield f"| {mutation.what} | {len(failing)} | {failing[0] if failing else '-'} |"
