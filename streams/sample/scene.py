"""Decides what a scene of the simulation is: one customer, one stretch of true time, and the touchpoints told in it.

Scenes move their own clock forward and plan later scenes; when they are played, and how their touchpoints travel
(delays, duplicates, damage), is decided by `simulation` and `faults`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple, TypedDict, Unpack

from streams.sample.customers import Customer, Pair
from streams.sample.draws import DAY, HOUR, MINUTE, draw

STEP = 180  # ms from one thing to the next in a browser: an order that clocks can tell

Record = dict[str, object]
Play = Callable[["Scene"], None]


class Details(TypedDict, total=False):
    """Fields that not every touchpoint has, as in schemas/touchpoint.v1.avsc; those that are None are left out."""

    direction: str | None
    acquisition: dict[str, str] | None
    message_id: str | None
    thread_id: str | None
    conversion: dict[str, str | int] | None
    sentiment: int | None
    satisfaction: dict[str, str | int] | None
    user_agent: str | None
    provider_machine: bool | None
    link: str | None
    engaged_ms: int | None
    properties: dict[str, str]


class Run(NamedTuple):
    """What all scenes of one run share. `tag` sets its events, orders, messages apart from those of other runs."""

    seed: int
    tag: str
    backfill: bool


class Plan(NamedTuple):
    """A scene to be played. One that needs the person's `presence` waits until the person is free."""

    at_ms: int
    play: Play | str
    presence: bool


@dataclass(slots=True)
class Scene:
    """One scene under way: `now` is its true time (ms UTC), `told` its touchpoints with their true times."""

    run: Run
    customer: Customer
    rng: Random
    now: int
    told: list[tuple[int, Record]] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def wait(self, quantiles: Sequence[float]) -> int:
        """Let time pass, drawn from quantiles in milliseconds; returns how much."""
        passed = draw(self.rng, quantiles)
        self.now += passed
        return passed

    def later(self, delay_ms: int, play: Play | str, *, presence: bool = True) -> None:
        """Plan a scene for this customer; a name stands for an errand that `simulation` knows how to run.

        What comes hours later and would fall into the person's night is put off to the morning."""
        at_ms = self.now + delay_ms
        since_midnight = (at_ms + self.customer.zone_ms) % DAY
        if since_midnight < 6 * HOUR and delay_ms > 2 * HOUR:
            at_ms += 6 * HOUR - since_midnight + draw(self.rng, (0, 30 * MINUTE, 60 * MINUTE, 180 * MINUTE))
        self.plans.append(Plan(at_ms, play, presence))

    def name_thing(self, prefix: str) -> str:
        """Return a new id for a message, a thread or a click of this customer."""
        self.customer.threads += 1
        return f"{prefix}-{self.run.tag}-{self.customer.name}-{self.customer.threads:03d}"

    def tell(
        self, channel: str, action: str, identifiers: Sequence[Pair], *, skew_ms: int = 0, **fields: Unpack[Details]
    ) -> None:
        """Tell a touchpoint of now; `skew_ms` is how far the clock that dates it is ahead."""
        customer = self.customer
        customer.events += 1
        record: Record = {
            "event_id": f"{channel}-{self.run.tag}-{customer.name}-{customer.events:04d}",
            "channel": channel,
            "occurred_at": self.now + skew_ms,
            "identifiers": [{"namespace": namespace, "value": value} for namespace, value in identifiers],
            "action": action,
        }
        for name, value in fields.items():
            if value is not None:
                record[name] = value
        if self.run.backfill:
            record["backfill"] = True
        self.told.append((self.now, record))


@dataclass(slots=True)
class Place:
    """Where a customer acts: a browser, the app, a shop. Knows by which names, agent and clock it reports."""

    scene: Scene
    channel: str
    identifiers: list[Pair]
    user_agent: str | None = None
    skew_ms: int = 0

    def tell(self, action: str, *, more: Sequence[Pair] = (), **fields: Unpack[Details]) -> None:
        """Tell a touchpoint of this place, with `more` identifiers on this one only."""
        fields["user_agent"] = self.user_agent
        self.scene.tell(self.channel, action, [*self.identifiers, *more], skew_ms=self.skew_ms, **fields)
        self.scene.now += STEP
