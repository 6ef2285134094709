"""Tables end where a batch over the same set would end, in all simulated scenarios; and no rule can be left out."""

import pytest

from tests.convergence.rules import RULES, LeftOut
from tests.convergence.scenario import make_scenario
from tests.convergence.shrinking import failure_of, shrink
from tests.convergence.telling import Telling, describe
from tests.convergence.world import World

SEEDS = 600
SHARES = 10
#: Of as many some notice even what is noticed least, should the seeds that are known to notice it do no more.
SEEDS_TO_NOTICE = 1_500


@pytest.mark.parametrize("share", range(SHARES))
def test_tables_end_as_a_batch_says(share: int) -> None:
    for seed in range(share, SEEDS, SHARES):
        scenario = make_scenario(seed)
        failure = failure_of(scenario)
        if failure is not None:
            small = shrink(scenario)
            numbers = ",".join(str(number) for number, _ in small.events)
            again = f"python -m tests.convergence --seed {seed} --only {numbers} --trace"
            raise AssertionError(
                "\n".join((Telling(scenario.shape).failure(failure), *describe(small), again))
            ) from failure


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.rule}-{rule.what}".replace(" ", "-"))
def test_no_rule_can_be_left_out(rule: LeftOut) -> None:
    seeds = (*rule.seeds, *range(SEEDS_TO_NOTICE))
    assert any(map(rule.is_noticed, seeds)), f"no seed notices: {rule.what}"


def test_a_seed_replays_to_the_same_trace() -> None:
    traces: list[list[str]] = [[], []]
    for trace in traces:
        World(make_scenario(7), say=trace.append).run()
    assert traces[0] == traces[1]
    assert traces[0]


def test_a_failing_scenario_shrinks_to_what_fails() -> None:
    (rule,) = (rule for rule in RULES if rule.what == "no moves")
    small = shrink(make_scenario(0), rule.parts)
    assert isinstance(failure_of(small, rule.parts), AssertionError)
    assert failure_of(small) is None
    assert len(small.events) <= 2
