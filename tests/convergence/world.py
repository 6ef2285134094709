"""One simulated company, all of it from one seed: producers, operators and the project's own stages, on logs in memory.

The events of a scenario are sent, workers go on at random speeds and crash, until nobody has anything left to do. How
it must end then is `tests.convergence.ending`; what must hold all the way, `tests.convergence.invariants`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from schemas.codec import encode
from streams import topics
from streams.runtime.stage import Stage
from streams.stages.customers import Customers
from streams.stages.identity import Identity, IdentityRules
from streams.stages.intake import Intake, IntakeRules
from streams.stages.intake.judge import JudgeRules
from streams.stages.invariants import VIOLATIONS
from tests.convergence.ending import require_expected
from tests.convergence.events import Corrected, Event, Touched, via_of
from tests.convergence.invariants import Invariants
from tests.convergence.logs import Logs, Output
from tests.convergence.process import POISON, Process
from tests.convergence.scenario import FUTURE_TOLERANCE_MS, LATENESS_BUDGET_MS, Scenario, Shape
from tests.convergence.telling import Telling
from tests.integration.expectation import SITE

#: Far more than any scenario takes; one that circles never ends.
STEPS = 20_000
GARBAGE = b"no touchpoint"


class Endless(AssertionError):
    """Records circle."""


def make_intake(shape: Shape, random: Random) -> Stage[Any]:
    judge = JudgeRules(shape.partitions, LATENESS_BUDGET_MS, FUTURE_TOLERANCE_MS)
    return Intake(IntakeRules(judge, frozenset({SITE}), shape.epoch))


def make_identity(shape: Shape, random: Random) -> Stage[Any]:
    # The piece is a setting, which a restart may change.
    return Identity(IdentityRules(shape.limits, shape.epoch, random.choice((1, 1, 1, 2, 3)), FUTURE_TOLERANCE_MS))


def make_customers(shape: Shape, random: Random) -> Stage[Any]:
    return Customers(shape.rules, shape.epoch)


@dataclass(frozen=True)
class Parts:
    """What runs: the real parts, or those that leave a rule out."""

    intake: Callable[[Shape, Random], Stage[Any]] = make_intake
    identity: Callable[[Shape, Random], Stage[Any]] = make_identity
    customers: Callable[[Shape, Random], Stage[Any]] = make_customers
    process: type[Process] = Process


REAL = Parts()


class World:
    """``say`` is told what happens."""

    def __init__(self, scenario: Scenario, parts: Parts = REAL, say: Callable[[str], None] | None = None) -> None:
        self.scenario = scenario
        self.shape = shape = scenario.shape
        self.random = random = Random(f"schedule of {scenario.seed}")
        self.steps = 0
        self._tell = say
        self._telling = Telling(shape)
        self.invariants = Invariants()
        declared = topics.declared(shape.partitions, shape.customer_partitions)
        self.logs = Logs(random, {topic.name: topic.partitions for topic in declared}, self._heard)
        self._events = [*scenario.events]
        self._crashes = random.choice((0, 4, 12, 30))
        self._source_speed = random.choice((0.05, 0.3, 1.0, 5.0))
        self.processes = [*self._make_processes(parts)]

    def _make_processes(self, parts: Parts) -> Iterator[Process]:
        shape, random = self.shape, self.random
        for make, partitions in (
            (parts.intake, shape.partitions),
            (parts.identity, 1),
            (parts.customers, shape.customer_partitions),
        ):
            for partition in range(partitions):
                yield parts.process(partial(make, shape, random), partition, self.logs, random, self.say)

    def of_stage(self, name: str) -> list[Process]:
        """The processes of a stage, by partition."""
        return [process for process in self.processes if process.stage == name]

    def say(self, who: str, what: str) -> None:
        if self._tell is not None:
            self._tell(f"{self.steps:5} {who:12} {what}")

    def _heard(self, output: Output, offset: int) -> None:
        fields = self.invariants.hear(output, offset)
        if self._tell is not None:
            self.say("", f"-> {output.topic}-{output.partition}@{offset} {self._telling.output(output, fields)}")

    def run(self) -> None:
        """AssertionError, or whatever a stage raises, where something is wrong."""
        alerts = _alerts()
        while self._step():
            self.steps += 1
            if self.steps > STEPS:
                raise Endless(f"no end of it after {STEPS} steps")
        require_expected(self)
        assert _alerts() == alerts, f"invariants are broken: {_alerts()}, before {alerts}"

    def _step(self) -> bool:
        """Something happens; False where nothing is left to do."""
        busy: list[tuple[Callable[[], None], float]] = [
            (partial(self._go_on, process), process.speed) for process in self.processes if process.has_work
        ]
        if self._events:
            busy.append((self._send, self._source_speed))
        if not busy:
            return False
        actions, speeds = zip(*busy, strict=True)
        self.random.choices(actions, speeds)[0]()
        return True

    def _go_on(self, process: Process) -> None:
        random = self.random
        if self._crashes and process.is_amid and random.random() < 0.08:
            self._crashes -= 1
            process.crash()
            return
        if random.random() < 0.03:
            random.choice(self.processes).change_mood()
        if random.random() < 0.01:
            self.logs.of[topics.ASSIGNMENTS, random.randrange(self.shape.partitions)].compact()
        process.step()

    # --- what is sent from outside ------------------------------------------------------------------------

    def _send(self) -> None:
        number, event = self._events.pop(0)
        self.say("outside", f"sends #{number}")
        self._produce(event)

    def _produce(self, event: Event) -> None:
        if isinstance(event, Corrected):
            self.logs.append(Output(topics.LINKS, 0, topics.LINKS_KEY, encode("correction", event.fields)))
            return
        assert isinstance(event, Touched)
        partitions = self.shape.partitions
        headers = ((POISON, b"1"),) if event.poisoned else ()
        if event.fields is None:
            self.logs.append(Output(topics.TOUCHPOINTS[0], 0, b"x", GARBAGE))
            return
        topic = topics.touchpoint_topic(event.fields["channel"])
        key = via_of(event.fields).text.encode()
        at = (self.logs.partition(topic, key) + event.shift) % partitions
        self.logs.append(Output(topic, at, key, encode("touchpoint", event.fields), headers))


def _alerts() -> dict[str, float]:
    """What stages of ours counted as broken, in all worlds."""
    (metric,) = VIOLATIONS.collect()
    return {sample.labels["invariant"]: sample.value for sample in metric.samples if sample.name.endswith("_total")}
