"""The runtime's own logic in simulated worlds: it holds in all of them, and none of its precautions can be left out."""

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation
from tests.simulation.world import World

SEEDS = 1_500
#: Of 300 a few show even what is seen least.
SEEDS_TO_CATCH = 1_000
SHARES = 10


@pytest.mark.parametrize("share", range(SHARES))
def test_every_world_ends_as_a_plain_loop_over_its_logs_says(share: int) -> None:
    for seed in range(share, SEEDS, SHARES):
        try:
            World(seed).run()
        except Exception as error:
            raise AssertionError(f"python -m tests.simulation --seed {seed} --trace") from error


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what.replace(" ", "-"))
def test_no_precaution_can_be_left_out(mutation: Mutation) -> None:
    assert any(mutation.fails(seed) for seed in range(SEEDS_TO_CATCH)), f"no seed shows: {mutation.what}"


def test_a_seed_replays_to_the_same_trace() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        World(7, trace=trace.append).run()
    assert traces[0] == traces[1]
    assert traces[0]
