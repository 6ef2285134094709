"""Everything that `verify` compares, filled as it must be: what `filled` fills, engagement, and changes of credits.

Engagement is a plain count over the whole set. Each conversion's credits change once, so that changes must be added up:

    change 1   nothing              -> every model as the first
    change 2   every model as the first -> as they are
"""

# ruff: noqa: S608  (conditions and changes are SQL of the tests)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sinks.clickhouse import ClickHouse
from streams.domain.actor import RULES_VERSION
from streams.domain.attribution import CreditModels
from streams.domain.identity.definition import Identified
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Correction
from tests.integration.expectation import Accepted, count_engagement, expect
from tests.integration.filled import fill, insert

COMPONENTS = {"unique_openers": "openers", "unique_clickers": "clickers"} | {
    name: name for name in ("touchpoints", "inbound", "outbound", "engaged_ms", "conversions", "revenue_micros")
}
ACTION = "action "
#: In these a row's version is part of its key: of equal versions the last insert wins.
LOGS = ("journey_changes", "identity_changes")
_TOUCHES = [f"touches_{name}" for name in ("at", "channel", "marketing_channel", "campaign", "content", "touchpoints")]
_CREDITS = [f"credit_{model}" for model in CreditModels._fields]
#: version -> (journey before, cause, touches and credits before, those after), as SQL over a row of journeys.
CHANGES = {
    1: ("toUUID('00000000-0000-0000-0000-000000000000')", "arrival", ["[]"] * 14, [*_TOUCHES, *["credit_first"] * 8]),
    2: ("journey_id", "late", [*_TOUCHES, *["credit_first"] * 8], [*_TOUCHES, *_CREDITS]),
}


def fill_all(
    client: ClickHouse,
    records: list[dict[str, Any]],
    corrections: Sequence[Correction] = (),
    limits: Limits | None = None,
) -> Identified:
    """Fill every table that is compared; gives who is who."""
    identified = fill(client, records, corrections, limits)
    # Judged by the rules of now.
    client.query(
        f"INSERT INTO touchpoints SELECT * REPLACE ('{RULES_VERSION}' AS rules_version, version + 1 AS version)"
        " FROM touchpoints FINAL"
    )
    insert(client, "engagement", [*engagement(expect(records).accepted)])
    for version, (before_id, cause, before, after) in CHANGES.items():
        insert_changes(client, version, before_id, cause, before, after)
    return identified


def engagement(accepted: list[Accepted]) -> Iterator[dict[str, Any]]:
    """The rows that ``accepted`` touchpoints, all read from partition 0, come to."""
    for key, counted in count_engagement(accepted).items():
        dimensions = dict(zip(("channel", "campaign", "hour", "currency", "actor"), key, strict=True))
        components = {name: counted[of] for name, of in COMPONENTS.items()}
        actions = {name.removeprefix(ACTION): n for name, n in counted.items() if name.startswith(ACTION)}
        yield {**dimensions, "source_partition": 0, "version": 1, **components, "actions": actions}


def insert_changes(
    client: ClickHouse, version: int, before_id: str, cause: str, before: Sequence[str], after: Sequence[str]
) -> None:
    """Tell a change of each conversion that a journey in the tables ends with."""
    columns = [f"{side}_{name}" for side in ("before", "after") for name in (*_TOUCHES, *_CREDITS)]
    client.query(
        "INSERT INTO journey_changes (customer_id, journey_before, journey_after, cause, cause_event_id, changed_at,"
        " conversion_channel, conversion_via, conversion_event_id, converted_at, conversion_type, value_micros,"
        f" currency, version, {', '.join(columns)})"
        f" SELECT customer_id, {before_id}, journey_id, '{cause}', steps_event_id[-1], ended_at, steps_channel[-1],"
        f" steps_via[-1], steps_event_id[-1], ended_at, conversion_type, value_micros, currency, {version},"
        f" {', '.join((*before, *after))} FROM journeys FINAL WHERE converted"
    )


@contextmanager
def corrupted(client: ClickHouse, table: str, condition: str, **changes: str) -> Iterator[None]:
    """The rows of ``table`` that meet ``condition`` with ``changes``, which are SQL; afterwards as they were."""
    newer = "version" if table in LOGS else "version + 1"
    with _kept(client, table, condition):
        _rewrite(client, table, **{"version": newer, **changes})
        yield
        _rewrite(client, table, version=f"{newer} + 1" if table not in LOGS else newer)


@contextmanager
def added(client: ClickHouse, table: str, condition: str, **changes: str) -> Iterator[None]:
    """A copy of those rows under another key; afterwards it is no more."""
    with _kept(client, table, condition):
        _rewrite(client, table, **changes)
        yield
        _rewrite(client, table, **changes, deleted="1")


@contextmanager
def _kept(client: ClickHouse, table: str, condition: str) -> Iterator[None]:
    client.query(f"CREATE TABLE kept AS {table}")
    client.query(f"INSERT INTO kept SELECT * FROM {table} FINAL WHERE {condition}")
    assert client.query("SELECT count() > 0 FROM kept") == [(True,)]
    yield
    client.query("DROP TABLE kept")


def _rewrite(client: ClickHouse, table: str, **changes: str) -> None:
    """Write what was kept of ``table`` once more, with ``changes``."""
    replaced = ", ".join(f"{value} AS {column}" for column, value in changes.items())
    client.query(f"INSERT INTO {table} SELECT * REPLACE ({replaced}) FROM kept")
