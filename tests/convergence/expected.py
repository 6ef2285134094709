"""What a batch makes of a scenario: the definitions applied once to all accepted touchpoints and all corrections."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.identity.definition import Identified, identify
from streams.domain.identity.links import Correction
from streams.domain.ids import customer_id
from streams.domain.touchpoint import Touchpoint
from tests.convergence.accepted import Accepted, accepted_of
from tests.integration.expectation import Accepted as Judged
from tests.integration.expectation import expect

Fields = dict[str, Any]


@dataclass(frozen=True)
class Expected:
    """``dead``: (topic, partition, 'dead', reason) -> letters; ``histories``: the journey-forming touchpoints of each
    via."""

    accepted: Accepted
    judged: list[Judged]
    dead: Counter[tuple[str, int, str, str]]
    identified: Identified
    histories: dict[Identifier, list[Touchpoint]]

    def customer(self, identifier: Identifier) -> str:
        """Whose ``identifier`` is; its own customer's where nothing was said of it."""
        return self.identified.customers.get(identifier) or customer_id(identifier)

    @property
    def customers(self) -> dict[str, list[Touchpoint]]:
        """The journey-forming touchpoints of each customer."""
        found: defaultdict[str, list[Touchpoint]] = defaultdict(list)
        for via, touchpoints in self.histories.items():
            found[self.customer(via)] += touchpoints
        return dict(found)


def expected_of(world: Any) -> Expected:
    """What must be, whatever happened on the way."""
    accepted = accepted_of(world.logs)
    each = expect(accepted.touchpoints)
    corrections = [_correction(fields) for fields in world.invariants.corrections]
    taken = [correction for correction in corrections if correction.stronger != correction.weaker]
    dead = Counter({key: count for key, count in accepted.outcomes.items() if key[2] == "dead"})
    dead[topics.LINKS, 0, "dead", "invalid"] += len(corrections) - len(taken)
    return Expected(
        accepted,
        each.accepted,
        +dead,
        identify(each.links, taken, world.shape.limits),
        each.histories,
    )


def _correction(fields: Fields) -> Correction:
    pair = {end: Identifier(**fields[end]) for end in ("stronger", "weaker")}
    return Correction(**{**fields, **pair})
