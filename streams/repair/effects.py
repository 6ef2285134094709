"""Which tables would change, and by how many rows, if touchpoints were accepted: computed, nothing is written.

Customers whom the touchpoints reach are taken whole, with all whom they are linked to, before and after, by the same
functions as `omnijourney verify`. Two things are left out: verdicts that a message's events raise on each other, and
the logs of changes, which say how it became so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sinks.verify import Tables
from streams.domain.engagement import hour_of
from streams.domain.identifiers import clean
from streams.domain.identity.definition import Identified
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Link, links_of
from streams.domain.ids import customer_id
from streams.domain.rules import Rules
from streams.domain.stitch import stitch
from streams.domain.touchpoint import Conversion, Touchpoint, is_journey_forming
from streams.repair.judging import Judged
from streams.stages.customers.records import journey_fields, session_fields
from streams.stages.intake.measuring import currency_of
from streams.stages.intake.outcomes import Accepted
from streams.verification.histories import touchpoint_of
from streams.verification.identities import Evidence, compute, customer_of, identifier_of
from streams.verification.islands import read_islands

_Rows = Mapping[str, Mapping[str, Any]]


class _New(NamedTuple):
    """An accepted touchpoint: its identifiers, links, via, and itself where it forms journeys."""

    names: Sequence[str]
    links: Sequence[Link]
    touchpoint: Touchpoint
    forming: bool


def changed_rows(tables: Tables, accepted: Sequence[Judged], rules: Rules, limits: Limits) -> dict[str, int]:
    """Table -> rows that would be new, other or gone, in the order of what rests on what; none without ``accepted``.

    Raises Unreachable or Misconfigured (`sinks.clickhouse`).
    """
    found = [(one.outcome, one.partition) for one in accepted if isinstance(one.outcome, Accepted)]
    if not found:
        return {}
    new = [_new(outcome) for outcome, _ in found]
    evidence = _evidence(tables, new)
    before = compute(evidence, limits)
    after = compute(evidence._replace(links=[*evidence.links, *(link for one in new for link in one.links)]), limits)
    histories = _histories(tables, evidence)
    rows_before = _stitched(histories, before, rules)
    rows_after = _stitched([*histories, *(one.touchpoint for one in new if one.forming)], after, rules)
    names = [identifier_of(name) for name in evidence.names or ()]
    moved = sum(customer_of(before, name) != customer_of(after, name) for name in names)
    refused = dict(before.violations).items() ^ dict(after.violations).items()
    return {
        "touchpoints": len(found),
        "engagement": len({_engagement_of(outcome, partition) for outcome, partition in found}),
        "outcomes": len({(outcome.content.channel, partition) for outcome, partition in found}),
        "identities": moved,
        "identity_violations": len({pair for pair, _ in refused}),
        **{table: _differing(rows_before[table], rows_after[table]) for table in ("journeys", "sessions")},
    }


def _new(accepted: Accepted) -> _New:
    content, said = accepted.content, accepted.meaning.said
    sent = [{"namespace": n, "value": v} for n, v in zip(content.namespaces, content.values, strict=True)]
    identifiers = clean(sent)
    via = identifiers[0]
    found = content.conversion
    conversion = None
    if found is not None:
        conversion = Conversion(found["type"], found["value_micros"], found["currency"], found["order_id"] or "")
    touchpoint = Touchpoint(
        content.occurred_at,
        content.event_id,
        content.channel,
        via.text,
        content.action,
        said.marketing_channel,
        said.has_acquisition,
        said.campaign,
        said.content,
        content.engaged_ms or 0,
        conversion,
    )
    links = [*links_of(via, identifiers, content.occurred_at, content.event_id)]
    return _New([i.text for i in identifiers], links, touchpoint, is_journey_forming(said.direction, said.actor))


def _evidence(tables: Tables, new: Iterable[_New]) -> Evidence:
    """All that is known of who is reached, each identifier of the new ones among them."""
    names = {name for one in new for name in one.names}
    stored: dict[str, str] = dict(tables.identities(names))
    evidence = read_islands(tables, {stored.get(name) or customer_id(identifier_of(name)) for name in names})
    return evidence._replace(links=[*evidence.links], names=frozenset(names | {*(evidence.names or ())}))


def _histories(tables: Tables, evidence: Evidence) -> list[Touchpoint]:
    rows = tables.touchpoints([], evidence.names)
    return [touchpoint_of(row) for row in rows if is_journey_forming(row[-3], row[-2])]


def _stitched(touchpoints: Iterable[Touchpoint], identified: Identified, rules: Rules) -> dict[str, _Rows]:
    by_customer: defaultdict[str, list[Touchpoint]] = defaultdict(list)
    for touchpoint in touchpoints:
        by_customer[customer_of(identified, identifier_of(touchpoint.via))].append(touchpoint)
    journeys: dict[str, Mapping[str, Any]] = {}
    sessions: dict[str, Mapping[str, Any]] = {}
    for customer, of_customer in by_customer.items():
        stitched = stitch(customer, of_customer, rules)
        journeys |= {fields["journey_id"]: fields for fields in (journey_fields(j, 0) for j in stitched.journeys)}
        sessions |= {fields["session_id"]: fields for fields in (session_fields(s, 0) for s in stitched.sessions)}
    return {"journeys": journeys, "sessions": sessions}


def _differing(before: _Rows, after: _Rows) -> int:
    return sum(before.get(key) != after.get(key) for key in {*before, *after})


def _engagement_of(accepted: Accepted, partition: int) -> tuple[object, ...]:
    content, said = accepted.content, accepted.meaning.said
    hour = hour_of(content.occurred_at)
    return (content.channel, said.campaign, hour, currency_of(content), said.actor, partition)
