"""The tables as a batch computation over the whole set fills them, beside the tables as they are, row by row.

    touchpoints --> accepted --> links ---+
                                          +--> customers --> journeys, sessions, credits
                           corrections ---+

Rows are tuples: times in ms UTC, UUIDs as text, arrays as tuples, maps as sorted pairs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from sinks.clickhouse import ClickHouse
from streams.composition import identity_limits, stitching_rules
from streams.config import Settings
from streams.domain.identifiers import Identifier
from streams.domain.identity.definition import Identified, identify
from streams.domain.identity.links import Correction, Date, Pair, Ruling, earliest, standing
from streams.domain.ids import customer_id
from streams.domain.journeys import MAX_STEPS, Journey
from streams.domain.stitch import Stitched, stitch
from streams.domain.touchpoint import Touchpoint
from tests.integration.expectation import Accepted, Expected, count_engagement

EPOCH = datetime.fromtimestamp(0, UTC)
MILLISECOND = timedelta(milliseconds=1)
SHOWN = 3

Row = tuple[Any, ...]


class Batch(NamedTuple):
    """Everything that the touchpoints and ``corrections`` come to; ``stitched`` by customer."""

    expected: Expected
    corrections: Sequence[Correction]
    identified: Identified
    stitched: Mapping[str, Stitched]

    def customer(self, identifier: Identifier) -> str:
        """Whose ``identifier`` is: its own customer's where nothing links it."""
        return self.identified.customers.get(identifier) or customer_id(identifier)

    @property
    def customers(self) -> set[str]:
        """All that have a touchpoint."""
        return {self.customer(one.via) for one in self.expected.accepted}


class Differing(NamedTuple):
    """Some of the rows that a table lacks, and of those that it should not have; how many there are of both."""

    missing: list[Row]
    extra: list[Row]
    rows: tuple[int, int]


EQUAL = Differing([], [], (0, 0))


def compute(expected: Expected, settings: Settings, corrections: Sequence[Correction] = ()) -> Batch:
    """Customers and what they did, at once over the whole set, by the rules of ``settings``."""
    batch = Batch(expected, corrections, identify(expected.links, corrections, identity_limits(settings)), {})
    histories: defaultdict[str, list[Touchpoint]] = defaultdict(list)
    for via, touchpoints in expected.histories.items():
        histories[batch.customer(via)] += touchpoints
    rules = stitching_rules(settings)
    return batch._replace(stitched={one: stitch(one, touchpoints, rules) for one, touchpoints in histories.items()})


def differing(client: ClickHouse, table: str, batch: Batch) -> Differing:
    """How ``table``, one of `TABLES`, differs from what ``batch`` says."""
    sql, rows_of = TABLES[table]
    expected, found = Counter(rows_of(batch)), Counter(map(_plain, client.query(sql)))
    missing, extra = expected - found, found - expected
    return Differing([*islice(missing, SHOWN)], [*islice(extra, SHOWN)], (missing.total(), extra.total()))


def _plain(value: Any) -> Any:
    match value:
        case list() | tuple():
            return tuple(map(_plain, value))
        case dict():
            return tuple(sorted((key, _plain(inner)) for key, inner in value.items()))
        case datetime():
            return (value - EPOCH) // MILLISECOND
        case UUID():
            return str(value)
        case _:
            return value


def _outcomes(batch: Batch) -> Iterator[Row]:
    return ((*key, records) for key, records in batch.expected.outcomes.items())


def _touchpoints(batch: Batch) -> Iterator[Row]:
    for one in batch.expected.accepted:
        yield *_touchpoint(one), customer_id(one.via)


def _touchpoints_now(batch: Batch) -> Iterator[Row]:
    for one in batch.expected.accepted:
        yield *_touchpoint(one), batch.customer(one.via)


def _touchpoint(one: Accepted) -> Row:
    record = one.record
    names = tuple(identifier.text for identifier in one.identifiers)
    judged = (one.actor, one.direction, one.origin.name, one.origin.campaign)
    return record["channel"], names[0], record["event_id"], record["occurred_at"], *judged, names


def _identities(batch: Batch) -> Iterator[Row]:
    return ((identifier.text, batch.customer(identifier)) for identifier in _identifiers(batch))


def _identifiers(batch: Batch) -> set[Identifier]:
    seen = {identifier for one in batch.expected.accepted for identifier in one.identifiers}
    return seen | {end for correction in batch.corrections for end in correction.pair}


def _violations(batch: Batch) -> Iterator[Row]:
    evidence: dict[Pair, Date] = {}
    for link in batch.expected.links:
        evidence[link.pair] = min(link.date, evidence.get(link.pair, link.date))
    rulings: dict[Pair, Ruling] = {}
    asserted: dict[Pair, Date | None] = {}
    for said in batch.corrections:
        rulings[said.pair] = max(said.ruling, rulings.get(said.pair, said.ruling))
        asserted[said.pair] = earliest(said.asserted, asserted.get(said.pair))
    for pair, reason in batch.identified.violations.items():
        in_force = standing(evidence.get(pair), rulings.get(pair), asserted.get(pair))
        assert in_force is not None
        yield pair.stronger.text, pair.weaker.text, reason, *in_force.date


def _corrections(batch: Batch) -> Iterator[Row]:
    for said in set(batch.corrections):
        yield said.correction_id, said.kind, said.stronger.text, said.weaker.text, said.corrected_at, said.reason


def _customers(batch: Batch) -> Iterator[Row]:
    times: defaultdict[str, list[int]] = defaultdict(list)
    for one in batch.expected.accepted:
        times[batch.customer(one.via)].append(one.record["occurred_at"])
    names: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for identifier in sorted(_identifiers(batch)):
        names[batch.customer(identifier)][identifier.namespace].append(identifier.value)
    for customer, at in times.items():
        journeys = batch.stitched[customer].journeys if customer in batch.stitched else ()
        conversions = sum(journey.conversion is not None for journey in journeys)
        yield customer, _plain(names[customer]), min(at), max(at), len(at), len(journeys), conversions


def _journeys(batch: Batch) -> Iterator[Row]:
    return (_journey(journey) for stitched in batch.stitched.values() for journey in stitched.journeys)


def _journey(journey: Journey) -> Row:
    first, last, conversion = journey.touchpoints[0], journey.touchpoints[-1], journey.conversion
    steps = ((t.occurred_at, t.channel, t.action, t.via, t.event_id) for t in journey.touchpoints[:MAX_STEPS])
    return (
        journey.journey_id,
        journey.customer_id,
        first.occurred_at,
        last.occurred_at,
        first.channel,
        last.channel,
        len(journey.touchpoints),
        conversion is not None,
        *(conversion or ("", 0, "", "")),
        journey.goals,
        *zip(*steps, strict=True),
        *zip(*journey.touches, strict=True),
        *journey.credits,
    )


def _sessions(batch: Batch) -> Iterator[Row]:
    return (tuple(session) for stitched in batch.stitched.values() for session in stitched.sessions)


def _engagement(batch: Batch) -> Iterator[Row]:
    names = ("touchpoints", "inbound", "outbound", "openers", "clickers", "engaged_ms", "conversions", "revenue_micros")
    for key, counted in count_engagement(batch.expected.accepted).items():
        actions = {name.removeprefix("action "): n for name, n in counted.items() if name.startswith("action ")}
        yield *key, *(counted[name] for name in names), _plain(actions)


#: Table or view -> what is asked of it, and what must be found.
TABLES: Mapping[str, tuple[str, Callable[[Batch], Iterable[Row]]]] = {
    "outcomes": ("SELECT channel, outcome, reason, sum(records) FROM outcomes FINAL GROUP BY ALL", _outcomes),
    "touchpoints": (
        "SELECT channel, via, event_id, occurred_at, actor, direction, marketing_channel, campaign, identifiers,"
        " via_customer FROM touchpoints FINAL",
        _touchpoints,
    ),
    "touchpoints_now": (
        "SELECT channel, via, event_id, occurred_at, actor, direction, marketing_channel, campaign, identifiers,"
        " customer_id FROM touchpoints_now",
        _touchpoints_now,
    ),
    "identities": ("SELECT identifier, customer_id FROM identities_now", _identities),
    "identity_violations": (
        "SELECT stronger, weaker, reason, occurred_at, event_id FROM identity_violations FINAL",
        _violations,
    ),
    "identity_corrections": (
        "SELECT correction_id, kind, stronger, weaker, corrected_at, reason FROM identity_corrections FINAL",
        _corrections,
    ),
    "customers": (
        "SELECT customer_id, identifiers, first_seen, last_seen, touchpoints, journeys, conversions FROM customers",
        _customers,
    ),
    "journeys": (
        "SELECT journey_id, customer_id, started_at, ended_at, first_channel, last_channel, touchpoints, converted,"
        " conversion_type, value_micros, currency, order_id, goals, steps_at, steps_channel, steps_action, steps_via,"
        " steps_event_id, touches_at, touches_channel, touches_marketing_channel, touches_campaign, touches_content,"
        " touches_touchpoints, credit_first, credit_last, credit_last_non_direct, credit_linear, credit_position,"
        " credit_j_shaped, credit_inverse_j, credit_time_decay FROM journeys FINAL",
        _journeys,
    ),
    "sessions": (
        "SELECT session_id, customer_id, channel, started_at, ended_at, touchpoints, page_views, engaged_ms,"
        " conversions, engaged, marketing_channel, campaign, content FROM sessions FINAL",
        _sessions,
    ),
    "engagement": (
        "SELECT channel, campaign, hour, currency, actor, sum(touchpoints), sum(inbound), sum(outbound),"
        " sum(unique_openers), sum(unique_clickers), sum(engaged_ms), sum(conversions), sum(revenue_micros),"
        " sumMap(actions) FROM engagement FINAL GROUP BY channel, campaign, hour, currency, actor",
        _engagement,
    ),
}
