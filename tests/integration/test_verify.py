"""`omnijourney verify` on a real ClickHouse: right tables are equal; each wrong row is told, and what is wrong."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sinks.clickhouse import ClickHouse
from sinks.verify import Tables
from streams.cli import main
from streams.config import PREFIX
from streams.domain.identifiers import Identifier
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Correction
from streams.domain.ids import customer_id
from streams.domain.rules import DAY_MS, Rules
from streams.sample import generate
from streams.verification.verify import Verified, verify
from tests.integration.filled import START_MS, database, fill, insert, insert_corrections, touchpoint
from tests.unit.sinks.plain_records import bare

pytestmark = pytest.mark.stack

FAILED = 1
NEWER = 7
ANNA, LAPTOP, PHONE, TABLET = "user_id:anna", "cookie_id:laptop", "device_id:phone", "device_id:tablet"
USERS = (ANNA, "user_id:ben", "user_id:cid")
NOBODY = customer_id(Identifier("user_id", "nobody"))


def identifier(text: str) -> Identifier:
    namespace, _, value = text.partition(":")
    return Identifier(namespace, value)


def records() -> list[dict[str, Any]]:
    """Anna on two devices, and a tablet that three users share."""
    return [
        touchpoint("w1", 0, "web", "page_viewed", LAPTOP),
        touchpoint("w2", 1_000, "web", "logged_in", LAPTOP, ANNA),
        touchpoint("m1", DAY_MS, "mobile", "app_opened", PHONE, ANNA),
        touchpoint("m2", 2 * DAY_MS, "mobile", "purchased", PHONE, conversion={"type": "purchase", **PRICE}),
        *(touchpoint(f"t{i}", 3 * DAY_MS, "web", "logged_in", TABLET, user) for i, user in enumerate(USERS)),
        touchpoint("e1", DAY_MS, "email", "opened", "email_sha256:ab12", provider_machine=True),
    ]


PRICE = {"value_micros": 10_000_000, "currency": "EUR", "order_id": None}


@pytest.fixture
def client(stack: Any) -> Iterator[ClickHouse]:
    """A client of a database of the test's own that is filled as it should be."""
    with database(stack, "verify") as url, ClickHouse(url) as client:
        fill(client, records())
        client.url = url  # type: ignore[attr-defined]
        yield client


def verified(client: Any, limits: Limits | None = None) -> Verified:
    return verify(Tables(client.url), Rules(), limits or Limits(), 5)


def said(client: ClickHouse) -> dict[str, list[str]]:
    """What is different, by table."""
    return {c.table: [d.text for d in c.kept] for c in verified(client).comparisons if c.differs}


def store(client: ClickHouse, table: str, condition: str, **changes: str) -> None:
    """Write the row of ``table`` that meets ``condition`` once more, newer and with ``changes``, which are SQL."""
    replaced = ", ".join(f"{value} AS {column}" for column, value in {**changes, "version": f"{NEWER}"}.items())
    client.query(f"INSERT INTO {table} SELECT * REPLACE ({replaced}) FROM {table} FINAL WHERE {condition}")  # noqa: S608


def test_right_tables_are_equal_in_everything(client: ClickHouse) -> None:
    found = verified(client)
    assert {c.table: c.equal for c in found.comparisons} == {
        "outcomes": 3,
        "touchpoints": 6,
        "identities": 6,
        "identity_violations": 3,
        "journeys": 4,
        "sessions": 6,
    }
    assert (found.differs, found.customers, found.two_vias, found.overflow) == (False, 4, 0, 0)


def test_the_sample_company_is_equal_under_limits_that_refuse_a_lot(stack: Any) -> None:
    limits = Limits(namespaces={"user_id": 1, "cookie_id": 1}, identifiers=4, shared_after=2)
    one, other = Identifier("user_id", "u5-000001"), Identifier("cookie_id", "asserted")
    corrections = [
        Correction("c1", "retracted", one, other, START_MS, "a mistake"),
        Correction("c2", "asserted", one, other, START_MS + 1, "no mistake"),
    ]
    with database(stack, "verify") as url, ClickHouse(url) as client:
        identified = fill(client, [*islice(generate(300, 28, 5), 6_000)], corrections, limits)
        reasons = Counter(identified.violations.values())
        assert min(reasons["cookie_id"], reasons["identifiers"]) > 1
        found = verify(Tables(url), Rules(), limits, 5)
        assert not found.differs
        assert verify(Tables(url), Rules(), Limits(), 5).differs
        assert verify(Tables(url), Rules(session_gap_ms=60_000), limits, 5).differs


def test_a_wrong_credit_is_told_with_its_model_and_touch(client: ClickHouse) -> None:
    store(client, "journeys", "converted", credit_linear="[0.5, 0.25, 0.25]")
    (line,) = said(client).pop("journeys")
    assert line.startswith("different ")
    assert line.endswith("; credit_linear[0]: expected 0.3333333333333333, found 0.5")


def test_a_row_that_is_not_there_and_one_that_should_not_be(client: ClickHouse) -> None:
    store(client, "sessions", "channel = 'mobile' AND conversions = 1", deleted="1")
    store(client, "sessions", "channel = 'mobile' AND conversions = 0", session_id=f"toUUID('{NOBODY}')")
    assert [line.partition(" ")[0] for line in said(client)["sessions"]] == ["missing", "extra"]


def test_a_customer_without_touchpoints_has_no_rows(client: ClickHouse) -> None:
    store(client, "journeys", "converted", customer_id=f"toUUID('{NOBODY}')")
    (missing, extra) = said(client)["journeys"]
    assert missing.endswith(customer_id(identifier(ANNA)))
    assert extra.endswith(NOBODY)


def test_an_identifier_that_belongs_to_somebody_else(client: ClickHouse) -> None:
    anna, own = (customer_id(identifier(text)) for text in (ANNA, PHONE))
    store(client, "identities", "namespace = 'device_id'", customer_id=f"toUUID('{NOBODY}')")
    assert said(client) == {
        "identities": [f"different device_id:phone; customer_id: expected '{anna}', found '{NOBODY}'"]
    }
    store(client, "identities", "namespace = 'device_id'", deleted="1")
    assert said(client) == {"identities": [f"missing   device_id:phone; customer_id: expected '{anna}', found None"]}
    assert own not in (anna, NOBODY)


def test_an_identifier_that_nothing_links(client: ClickHouse) -> None:
    row = {"identifier": {"namespace": "cookie_id", "value": "new"}, "customer": NOBODY, "version": 1}
    insert(client, "assignment", [row])
    assert said(client) == {"identities": [f"extra     cookie_id:new; customer_id: expected None, found '{NOBODY}'"]}


def test_a_refused_link_with_another_reason_and_one_too_many(client: ClickHouse) -> None:
    store(client, "identity_violations", "stronger = 'user_id:ben'", reason="'device_id'")
    pair = {"stronger": identifier(ANNA)._asdict(), "weaker": identifier(LAPTOP)._asdict()}
    insert(client, "identity_violation", [bare("identity_violation", **pair, reason="cookie_id", version=1)])
    assert said(client) == {
        "identity_violations": [
            "different user_id:ben -- device_id:tablet; reason: expected 'shared', found 'device_id'",
            "extra     user_id:anna -- cookie_id:laptop",
        ]
    }


def test_a_correction_that_nothing_followed(client: ClickHouse) -> None:
    pair = (identifier(ANNA), identifier(LAPTOP))
    insert_corrections(client, [Correction("c1", "retracted", *pair, START_MS, "a mistake")])
    found = said(client)
    own = customer_id(identifier(LAPTOP))
    anna = customer_id(identifier(ANNA))
    assert found.pop("identities") == [f"different cookie_id:laptop; customer_id: expected '{own}', found '{anna}'"]
    assert {*found} == {"journeys", "sessions"}


def test_a_correction_that_identity_could_not_take_is_none(client: ClickHouse) -> None:
    pair = (identifier(ANNA), identifier(LAPTOP))
    insert_corrections(client, [Correction("c1", "retracted", *pair, START_MS, "from the future")])
    letter = {"reason": "future", "topic": "identity.links", "partition": 0, "offset": 0, "received_at": 1}
    insert(client, "dead_letter", [bare("dead_letter", **letter)])
    assert not verified(client).differs


def test_a_touchpoint_that_got_lost(client: ClickHouse) -> None:
    store(client, "touchpoints", "event_id = 'm2'", deleted="1")
    found = said(client)
    assert found["outcomes"] == ["different mobile; accepted touchpoints: expected 2, found 1"]
    assert {*found} == {"outcomes", "journeys", "sessions"}


def test_a_touchpoint_whose_via_is_given_another_customer(client: ClickHouse) -> None:
    store(client, "touchpoints", "event_id = 'm2'", via_customer=f"toUUID('{NOBODY}')")
    own = customer_id(identifier(PHONE))
    assert said(client) == {
        "touchpoints": [f"different device_id:phone; via_customer: expected '{own}', found '{NOBODY}'"]
    }


def test_links_beyond_the_breaker_are_taken_as_they_were_told(client: ClickHouse) -> None:
    """PHONE left the customer: without its link it is a customer of its own."""
    pair = {"stronger": identifier(ANNA)._asdict(), "weaker": identifier(PHONE)._asdict()}
    insert(client, "identity_violation", [bare("identity_violation", **pair, reason="overflow", version=1)])
    own = customer_id(identifier(PHONE))
    store(client, "identities", "namespace = 'device_id'", customer_id=f"toUUID('{own}')")
    found = verified(client)
    assert found.overflow == 1
    assert {c.table for c in found.comparisons if c.differs} == {"journeys", "sessions"}


def test_event_ids_under_two_vias_are_counted_and_no_difference(stack: Any) -> None:
    twice = [touchpoint("w1", 0, "web", "page_viewed", TABLET), touchpoint("w1", 0, "email", "opened", TABLET)]
    with database(stack, "verify") as url, ClickHouse(url) as client:
        fill(client, [*records(), *twice])
        found = verify(Tables(url), Rules(), Limits(), 5)
    assert (found.two_vias, found.differs) == (1, False)


def test_no_table_holds_anything(stack: Any) -> None:
    with database(stack, "verify") as url:
        found = verify(Tables(url), Rules(), Limits(), 5)
    assert (found.differs, found.customers, sum(c.equal for c in found.comparisons)) == (False, 0, 0)


def run(*arguments: str, **settings: str) -> Result:
    ambient = dict.fromkeys(name for name in os.environ if name.upper().startswith(PREFIX))
    return CliRunner().invoke(main, list(arguments), env={**ambient, **{PREFIX + k: v for k, v in settings.items()}})


def test_the_command_says_what_differs_and_ends_with_1(client: Any) -> None:
    right = run("verify", CLICKHOUSE_URL=client.url)
    assert (right.exit_code, right.stdout.splitlines()[-1]) == (0, "4 customers: all equal")
    store(client, "journeys", "1", last_channel="'nowhere'")
    wrong = run("verify", "--limit", "1", CLICKHOUSE_URL=client.url)
    assert wrong.exit_code == FAILED
    assert "journeys             0 equal, 4 different\n  different " in wrong.stdout
    assert "found 'nowhere'\n  ... 3 more\n" in wrong.stdout
    assert wrong.stdout.splitlines()[-1] == "4 customers: the tables differ from the definition"
    assert run("verify", CLICKHOUSE_URL=client.url, SESSION_GAP_MS="1000", JOURNEY_GAP_MS="1000").exit_code == FAILED
