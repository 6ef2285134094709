"""ClickHouse's tables as the pipeline must fill them: made by the definitions from touchpoints and corrections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from schemas.codec import encode
from schemas.columns import decode_columns, encode_records
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from sinks.tables import CORRECTIONS, TABLES, TOUCHPOINTS, Accepted, Logged
from streams.domain.identifiers import Identifier, clean
from streams.domain.identity.definition import Identified, identify
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Correction, links_of
from streams.domain.ids import customer_id
from streams.domain.rules import Rules
from streams.domain.stitch import stitch
from streams.domain.vocabulary import mode_of
from streams.stages.customers.records import journey_fields, session_fields
from tests.integration import expectation
from tests.integration.expectation import Expected, count_engagement, expect
from tests.unit.sinks.plain_records import bare

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
#: 2026-03-01 09:00 UTC.
START_MS = 1_772_355_600_000


@contextmanager
def database(stack: Any, name: str) -> Iterator[str]:
    """The address of a migrated database of the test's own."""
    url = f"{stack.clickhouse_url.rpartition('/')[0]}/{name}_{uuid4().hex[:12]}"
    migrate(url)
    try:
        yield url
    finally:
        with ClickHouse(url) as client:
            client.query(f"DROP DATABASE `{client.database}`")


def touchpoint(
    event_id: str, at_ms: int, channel: str, action: str, *identifiers: str, **fields: Any
) -> dict[str, Any]:
    """One ``at_ms`` after START_MS; ``identifiers`` as namespace:value."""
    names = [dict(zip(("namespace", "value"), text.split(":", 1), strict=True)) for text in identifiers]
    return {
        "event_id": event_id,
        "channel": channel,
        "occurred_at": START_MS + at_ms,
        "identifiers": names,
        "action": action,
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        **fields,
    }


def fill(
    client: ClickHouse,
    records: list[dict[str, Any]],
    corrections: Sequence[Correction] = (),
    limits: Limits | None = None,
    rules: Rules | None = None,
) -> Identified:
    """Fill all that the stages make of ``records`` but the logs of changes; gives who is who."""
    expected = expect(records)
    links = [
        link
        for a in expected.accepted
        for link in links_of(a.via, clean(a.record["identifiers"]), a.record["occurred_at"], a.record["event_id"])
    ]
    identified = identify(links, corrections, limits or Limits())
    insert_touchpoints(client, expected.accepted)
    _insert_outcomes(client, expected)
    _insert_engagement(client, expected)
    insert_corrections(client, corrections)
    insert(client, "assignment", _assignments(identified))
    insert(client, "identity_violation", _violations(identified))
    _insert_histories(client, expected, identified, rules or Rules())
    return identified


def insert(client: ClickHouse, record: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert records as the sink gets them: encoded and decoded again."""
    if rows:
        table = TABLES[record]
        client.insert(table.name, table.columns, table.data_of(decode_columns(encode_records(record, rows), record), 0))


def insert_corrections(client: ClickHouse, corrections: Sequence[Correction]) -> None:
    """Insert ``corrections`` as if they stood one behind the other on identity.links."""
    if corrections:
        rows = [
            {**said._asdict(), "stronger": said.stronger._asdict(), "weaker": said.weaker._asdict()}
            for said in corrections
        ]
        logged = Logged(decode_columns(encode_records("correction", rows), "correction"), range(len(rows)))
        client.insert(CORRECTIONS.name, CORRECTIONS.columns, CORRECTIONS.data_of(logged, 0))


def insert_touchpoints(client: ClickHouse, accepted: Sequence[expectation.Accepted], first: int = 0) -> None:
    """Insert accepted touchpoints, read at the offsets from ``first`` on."""
    values = [encode("touchpoint", a.record) for a in accepted]
    rows = [
        bare(
            "resolved_touchpoint",
            to=customer_id(a.via),
            via=a.via._asdict(),
            actor=a.actor,
            direction=a.direction,
            mode=mode_of(a.record["channel"], a.record["action"]),
            marketing_channel=a.origin.name,
            has_acquisition=a.origin.has_acquisition,
            campaign=a.origin.campaign,
            content=a.origin.content,
            identifiers=[i._asdict() for i in clean(a.record["identifiers"])],
            received_at=a.record["occurred_at"] + 1000,
            intake_offset=first + at,
            touchpoint=value,
        )
        for at, (a, value) in enumerate(zip(accepted, values, strict=True))
    ]
    resolved = decode_columns(encode_records("resolved_touchpoint", rows), "resolved_touchpoint")
    columns = Accepted(resolved, decode_columns(values, "touchpoint"))
    client.insert(TOUCHPOINTS.name, TOUCHPOINTS.columns, TOUCHPOINTS.data_of(columns, 0))


def _insert_outcomes(client: ClickHouse, expected: Expected) -> None:
    rows = [
        bare(
            "outcome", topic=f"touchpoints.{channel}", channel=channel, outcome=outcome, reason=reason, records=records
        )
        for (channel, outcome, reason), records in expected.outcomes.items()
    ]
    insert(client, "outcome", [{**row, "version": 1} for row in rows])


def _insert_engagement(client: ClickHouse, expected: Expected) -> None:
    rows = []
    for (channel, campaign, hour, currency, actor), counted in count_engagement(expected.accepted).items():
        totals = {name: n for name, n in counted.items() if not name.startswith(("action ", "openers", "clickers"))}
        actions = {name.removeprefix("action "): n for name, n in counted.items() if name.startswith("action ")}
        key = {"channel": channel, "campaign": campaign, "hour": hour, "currency": currency, "actor": actor}
        unique = {"unique_openers": counted["openers"], "unique_clickers": counted["clickers"]}
        rows.append(bare("engagement", **key, **totals, **unique, actions=actions, version=1))
    insert(client, "engagement", rows)


def _assignments(identified: Identified) -> list[dict[str, Any]]:
    return [
        {"identifier": identifier._asdict(), "customer": customer, "version": 1}
        for identifier, customer in identified.customers.items()
        if customer != customer_id(identifier)
    ]


def _violations(identified: Identified) -> list[dict[str, Any]]:
    return [
        bare(
            "identity_violation",
            stronger=pair.stronger._asdict(),
            weaker=pair.weaker._asdict(),
            reason=reason,
            occurred_at=START_MS,
            event_id="e0",
            version=1,
        )
        for pair, reason in identified.violations.items()
    ]


def _insert_histories(client: ClickHouse, expected: Expected, identified: Identified, rules: Rules) -> None:
    histories: dict[str, list[Any]] = {}
    for touchpoints in expected.histories.values():
        namespace, _, value = touchpoints[0].via.partition(":")
        via = Identifier(namespace, value)
        histories.setdefault(identified.customers.get(via) or customer_id(via), []).extend(touchpoints)
    stitched = [stitch(customer, touchpoints, rules) for customer, touchpoints in histories.items()]
    insert(client, "journey", [journey_fields(journey, 1) for s in stitched for journey in s.journeys])
    insert(client, "session", [session_fields(session, 1) for s in stitched for session in s.sessions])
