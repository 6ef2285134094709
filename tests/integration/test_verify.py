"""`omnijourney verify` on a real ClickHouse: right tables are equal; each wrong row is told, with what is wrong in it
and where to look."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from math import ceil
from pathlib import Path
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
from streams.verification.part import EVERYTHING, Asked
from streams.verification.verify import TABLES, Verified, verify
from tests.integration.audited import CHANGES, added, corrupted, fill_all, insert_changes
from tests.integration.filled import START_MS, database, insert, insert_corrections, touchpoint
from tests.unit.sinks.plain_records import bare

pytestmark = pytest.mark.stack

FAILED = 1
ANNA, LAPTOP, PHONE, TABLET = "user_id:anna", "cookie_id:laptop", "device_id:phone", "device_id:tablet"
MAIL = "email_sha256:ab12"
HOUR_MS = 3_600_000
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
        touchpoint("e1", DAY_MS, "email", "opened", MAIL, provider_machine=True),
        touchpoint("o1", DAY_MS + HOUR_MS, "email", "opened", MAIL, message_id="hello", **SPRING),
        touchpoint("d1", DAY_MS + 5 * HOUR_MS // 2 - 1_500, "email", "delivered", MAIL, message_id="hello", **SPRING),
        touchpoint("o2", DAY_MS + 5 * HOUR_MS // 2, "email", "opened", MAIL, message_id="hello", **SPRING),
    ]


SPRING = {"acquisition": {"source": "letter", "medium": "email", "campaign": "spring"}}
PRICE = {"value_micros": 10_000_000, "currency": "EUR", "order_id": None}


@pytest.fixture
def client(stack: Any) -> Iterator[ClickHouse]:
    """A client of a database of the test's own that is filled as it should be."""
    with database(stack, "verify") as url, ClickHouse(url) as client:
        fill_all(client, records())
        client.url = url  # type: ignore[attr-defined]
        yield client


def verified(client: Any, limits: Limits | None = None, asked: Asked = EVERYTHING) -> Verified:
    return verify(Tables(client.url), Rules(), limits or Limits(), 5, asked)


def said(client: ClickHouse) -> dict[str, list[str]]:
    """What is different, by table."""
    return {c.table: [d.text for d in c.kept] for c in verified(client).comparisons if c.differs}


def traced(client: ClickHouse) -> dict[str, list[str]]:
    """The trace of the first difference of each table, one line after the other."""
    return {c.table: [*c.kept[0].trace] for c in verified(client).comparisons if c.differs}


def test_right_tables_are_equal_in_everything(client: ClickHouse) -> None:
    found = verified(client)
    assert {c.table: c.equal for c in found.comparisons} == {
        "outcomes": 3,
        "touchpoints": 6,
        "verdicts": 3,
        "identities": 6,
        "identity_violations": 3,
        "journeys": 5,
        "sessions": 8,
        "journey_steps": 9,
        "journey_changes": 1,
        "engagement": 8,
    }
    assert (found.differs, found.customers, found.touchpoints) == (False, 4, 11)
    assert (found.two_vias, found.overflow) == (0, 0)


def test_the_sample_company_is_equal_under_limits_that_refuse_a_lot(stack: Any) -> None:
    limits = Limits(namespaces={"user_id": 1, "cookie_id": 1}, identifiers=4, shared_after=2)
    one, other = Identifier("user_id", "u5-000001"), Identifier("cookie_id", "asserted")
    corrections = [
        Correction("c1", "retracted", one, other, START_MS, "a mistake"),
        Correction("c2", "asserted", one, other, START_MS + 1, "no mistake"),
    ]
    with database(stack, "verify") as url, ClickHouse(url) as client:
        identified = fill_all(client, [*islice(generate(300, 28, 5), 6_000)], corrections, limits)
        reasons = Counter(identified.violations.values())
        assert min(reasons["cookie_id"], reasons["identifiers"]) > 1
        found = verify(Tables(url), Rules(), limits, 5)
        assert not found.differs
        assert min(c.equal for c in found.comparisons) > 4
        require_equal_samples(url, limits, found)
        assert verify(Tables(url), Rules(), Limits(), 5).differs
        assert verify(Tables(url), Rules(session_gap_ms=60_000), limits, 5).differs


def require_equal_samples(url: str, limits: Limits, whole: Verified) -> None:
    """One customer after the other on its island: together they are all, and everything is equal."""
    for seed in range(5):
        found = verify(Tables(url), Rules(), limits, 5, Asked(customers=7, seed=str(seed)))
        assert not found.differs
        assert found.customers == 7
    found = verify(Tables(url), Rules(), limits, 5, Asked(share=0.5))
    assert not found.differs
    assert found.customers == ceil(whole.customers / 2)
    rows = {c.table: c.equal for c in whole.comparisons}
    assert all(0 < c.equal < rows[c.table] for c in found.comparisons)


def test_a_wrong_credit_is_told_with_its_model_and_touch(client: ClickHouse) -> None:
    with corrupted(client, "journeys", "converted", credit_linear="[0.5, 0.25, 0.25]"):
        (line,) = said(client).pop("journeys")
        assert line.startswith("different journey ")
        assert f" of customer {customer_id(identifier(ANNA))}; credit_linear[0]: expected 0.333" in line
        assert line.endswith(", found 0.5")
        assert traced(client) == {
            "journeys": [
                "touchpoints: 4",
                "  web w1 at 2026-03-01 09:00:00.000 UTC by cookie_id:laptop",
                "  web w2 at 2026-03-01 09:00:01.000 UTC by user_id:anna",
                "  mobile m1 at 2026-03-02 09:00:00.000 UTC by user_id:anna",
                "  mobile m2 at 2026-03-03 09:00:00.000 UTC by device_id:phone",
            ]
        }
    assert not verified(client).differs


def test_an_opening_right_behind_its_delivery_that_passes_for_a_human(client: ClickHouse) -> None:
    with corrupted(client, "touchpoints", "event_id = 'o2'", actor="'human'"):
        found = said(client)
        opening = f"email o2 at 2026-03-02 11:30:00.000 UTC by {MAIL}"
        assert found["verdicts"] == [f"different {opening}; actor: expected 'suspect', found 'human'"]
        assert traced(client)["verdicts"] == [
            "touchpoints of message hello: 3",
            f"  email o1 at 2026-03-02 10:00:00.000 UTC by {MAIL}",
            f"  email d1 at 2026-03-02 11:29:58.500 UTC by {MAIL}",
            f"  {opening}",
        ]
        # Taken as a fact of intake it counts as a human's, and still forms the same journey.
        assert {*found} == {"verdicts", "engagement"}
    assert not verified(client).differs


def test_a_suspect_that_no_delivery_makes_one(client: ClickHouse) -> None:
    """An opening an hour before the delivery, and a page view, which is of no message."""
    opening = f"email o1 at 2026-03-02 10:00:00.000 UTC by {MAIL}"
    for event_id, touchpoint_ in (("o1", opening), ("w1", f"web w1 at 2026-03-01 09:00:00.000 UTC by {LAPTOP}")):
        with corrupted(client, "touchpoints", f"event_id = '{event_id}'", actor="'suspect'"):
            found = said(client)
            assert found["verdicts"] == [f"different {touchpoint_}; actor: expected 'human', found 'suspect'"]
            assert {*found} == {"verdicts", "engagement"}
            assert f"  {touchpoint_}" in traced(client)["verdicts"]
    assert not verified(client).differs


def test_a_journey_with_one_array_too_short_is_a_difference_and_nothing_else_is_lost(client: ClickHouse) -> None:
    anna = customer_id(identifier(ANNA))
    length = "length of steps_via: expected 4, found 3"
    with corrupted(client, "journeys", "converted", steps_via="arrayPopBack(steps_via)"):
        found = verified(client)
        different = {c.table: [d.text for d in c.kept] for c in found.comparisons if c.differs}
        ((journey,),) = client.query("SELECT toString(journey_id) FROM journeys FINAL WHERE converted")
        assert different == {
            table: [f"different journey {journey} of customer {anna}; {length}"]
            for table in ("journeys", "journey_steps")
        }
        equal = {c.table: c.equal for c in found.comparisons}
        assert (equal["journeys"], equal["journey_steps"], equal["engagement"]) == (4, 8, 8)
        assert traced(client)["journeys"] == [
            "touchpoints only expected: 1",
            f"  mobile m2 at 2026-03-03 09:00:00.000 UTC by {PHONE}",
        ]
    assert not verified(client).differs


def test_a_journey_without_any_step_holds_none_of_its_touchpoints(client: ClickHouse) -> None:
    steps = dict.fromkeys((f"steps_{name}" for name in ("at", "channel", "action", "via", "event_id")), "[]")
    with corrupted(client, "journeys", "converted", **steps):
        found = said(client)
        (line,) = found["journeys"]
        assert "; length of steps_at: expected 4, found 0; " in line
        assert [line.endswith(": in no journey") for line in found["journey_steps"]] == [True] * 4
    assert not verified(client).differs


def test_a_change_with_one_array_too_short(client: ClickHouse) -> None:
    campaigns = "arrayPopBack(after_touches_campaign)"
    with corrupted(client, "journey_changes", "version = 2", after_touches_campaign=campaigns):
        found = said(client)
        (line,) = found.pop("journey_changes")
        assert "; length of after_touches_campaign: expected 3, found 2; " in line
        assert not found
    assert not verified(client).differs


def test_a_session_with_another_engaged_time(client: ClickHouse) -> None:
    with corrupted(client, "sessions", "channel = 'mobile' AND conversions = 1", engaged_ms="engaged_ms + 1"):
        (line,) = said(client).pop("sessions")
        assert line.endswith("; engaged_ms: expected 0, found 1")
        assert traced(client) == {
            "sessions": ["touchpoints: 1", "  mobile m2 at 2026-03-03 09:00:00.000 UTC by device_id:phone"]
        }
    assert not verified(client).differs


def test_engagement_that_counts_too_much_is_told_with_its_touchpoints(client: ClickHouse) -> None:
    row = "email, campaign spring, 2026-03-02 10:00:00.000 UTC, human, partition 0"
    with corrupted(client, "engagement", "unique_openers = 1", unique_openers="2", actions="map('opened', 3)"):
        cells = "unique_openers: expected 1, found 2; actions: expected {'opened': 1}, found {'opened': 3}"
        assert said(client) == {"engagement": [f"different {row}; {cells}"]}
        assert traced(client) == {
            "engagement": ["touchpoints: 1", f"  email o1 at 2026-03-02 10:00:00.000 UTC by {MAIL}"]
        }
    assert not verified(client).differs


def test_an_engagement_row_in_which_nothing_counts(client: ClickHouse) -> None:
    with added(client, "engagement", "unique_openers = 1", campaign="'autumn'"):
        (line,) = said(client)["engagement"]
        assert line.startswith("extra     email, campaign autumn, 2026-03-02 10:00:00.000 UTC, human, partition 0; ")
        assert traced(client) == {"engagement": []}
    assert not verified(client).differs


def test_an_engagement_row_of_zeros_is_none(client: ClickHouse) -> None:
    zeros = dict.fromkeys(("touchpoints", "inbound", "unique_openers"), "0")
    with corrupted(client, "engagement", "unique_openers = 1", **zeros, actions="map('opened', 0)"):
        (line,) = said(client)["engagement"]
        assert line.startswith("missing   email, campaign spring")
    gone = {"touchpoints": 0, "inbound": 0, "actions": {"opened": 0}, "hour": START_MS}
    row = {"channel": "web", "campaign": "none", "currency": "", "actor": "human", "source_partition": 0, "version": 1}
    insert(client, "engagement", [bare("engagement", **row, **gone)])
    assert not verified(client).differs


def test_a_change_of_credits_that_was_never_told(client: ClickHouse) -> None:
    with corrupted(client, "journey_changes", "version = 2", deleted="1"):
        (line,) = said(client).pop("journey_changes")
        anna = customer_id(identifier(ANNA))
        conversion = f"conversion mobile m2 at 2026-03-03 09:00:00.000 UTC by device_id:phone, of customer {anna}"
        assert line.startswith(
            f"different {conversion}; credit_last of Direct at 2026-03-01 09:00:00.000 UTC in journey"
        )
        assert "expected 0.0, found 1.0; credit_last_non_direct of Direct at 2026-03-01" in line
        ((journey,),) = client.query("SELECT toString(journey_id) FROM journeys FINAL WHERE converted")
        assert traced(client) == {
            "journey_changes": [
                "changes told: 1",
                f"  arrival of m2 (version 1): journey 00000000-0000-0000-0000-000000000000 became {journey}",
            ]
        }
    assert not verified(client).differs


def test_changes_of_two_folds_add_up_to_too_much_until_those_of_the_old_one_are_gone(client: ClickHouse) -> None:
    def fold_again(epoch: int) -> None:
        for version, told in CHANGES.items():
            insert_changes(client, epoch << 48 | version, *told)

    fold_again(1)
    (line,) = said(client).pop("journey_changes")
    assert ": expected 1.0, found 2.0; " in line
    client.query("TRUNCATE TABLE journey_changes")
    fold_again(2)
    assert not verified(client).differs


def test_a_change_of_a_conversion_that_is_none(client: ClickHouse) -> None:
    with added(client, "journey_changes", "version = 2", conversion_event_id="'m3'"):
        (line,) = said(client)["journey_changes"]
        assert line.startswith(
            "extra     conversion mobile m3 at 2026-03-03 09:00:00.000 UTC by device_id:phone, of customer"
        )
    assert not verified(client).differs


def test_a_conversion_of_which_nobody_told(client: ClickHouse) -> None:
    with corrupted(client, "journey_changes", "1", deleted="1"):
        (line,) = said(client)["journey_changes"]
        assert line.startswith(
            "missing   conversion mobile m2 at 2026-03-03 09:00:00.000 UTC by device_id:phone, of customer"
        )
    assert not verified(client).differs


def test_a_row_that_is_not_there_and_one_that_should_not_be(client: ClickHouse) -> None:
    with corrupted(client, "sessions", "channel = 'mobile' AND conversions = 1", deleted="1"):
        assert [line.partition(" ")[0] for line in said(client)["sessions"]] == ["missing"]
    with added(client, "sessions", "channel = 'mobile' AND conversions = 1", session_id=f"toUUID('{NOBODY}')"):
        assert [line.partition(" ")[0] for line in said(client)["sessions"]] == ["extra"]
    assert not verified(client).differs


def test_a_journey_too_many_has_touchpoints_that_are_in_another(client: ClickHouse) -> None:
    anna = customer_id(identifier(ANNA))
    with added(client, "journeys", "touchpoints = 1 AND steps_event_id = ['t0']", journey_id=f"toUUID('{NOBODY}')"):
        of_t0 = "SELECT toString(journey_id) FROM journeys FINAL WHERE steps_event_id = ['t0']"
        (journey,) = {id_ for (id_,) in client.query(of_t0)} - {NOBODY}
        shared = f"touchpoint web t0 at 2026-03-04 09:00:00.000 UTC by {ANNA}"
        assert said(client) == {
            "journeys": [f"extra     journey {NOBODY} of customer {anna}"],
            "journey_steps": [f"extra     {shared}, of customer {anna}: in 2 journeys"],
        }
        span = "2026-03-04 09:00:00.000 UTC to 2026-03-04 09:00:00.000 UTC"
        trace = traced(client)
        assert trace["journeys"] == ["touchpoints found: 1", f"  web t0 at 2026-03-04 09:00:00.000 UTC by {ANNA}"]
        assert {*trace["journey_steps"]} == {f"in journey {one}, {span}" for one in (journey, NOBODY)}
    assert not verified(client).differs


def test_a_customer_without_touchpoints_has_no_rows(client: ClickHouse) -> None:
    anna = customer_id(identifier(ANNA))
    with corrupted(client, "journeys", "converted", customer_id=f"toUUID('{NOBODY}')"):
        found = said(client)
        missing, extra = sorted(found["journeys"], reverse=True)
        assert missing.endswith(anna)
        assert extra.endswith(NOBODY)
        assert {*found} == {"journeys", "journey_steps"}
        (steps,) = [c for c in verified(client).comparisons if c.table == "journey_steps"]
        assert (steps.equal, steps.counts) == (5, {"missing": 4, "extra": 4, "different": 0})
    assert not verified(client).differs


def test_an_identifier_that_belongs_to_somebody_else(client: ClickHouse) -> None:
    anna, own = (customer_id(identifier(text)) for text in (ANNA, PHONE))
    with corrupted(client, "identities", "namespace = 'device_id'", customer_id=f"toUUID('{NOBODY}')"):
        assert said(client) == {
            "identities": [f"different device_id:phone; customer_id: expected '{anna}', found '{NOBODY}'"]
        }
        assert traced(client) == {
            "identities": [
                "touchpoints that bear device_id:phone: 2",
                f"  mobile m1 at 2026-03-02 09:00:00.000 UTC by {ANNA}",
                f"  mobile m2 at 2026-03-03 09:00:00.000 UTC by {PHONE}",
            ]
        }
    with corrupted(client, "identities", "namespace = 'device_id'", deleted="1"):
        assert said(client) == {
            "identities": [f"missing   device_id:phone; customer_id: expected '{anna}', found None"]
        }
    assert own not in (anna, NOBODY)
    assert not verified(client).differs


def test_an_identifier_that_nothing_links(client: ClickHouse) -> None:
    with added(client, "identities", "namespace = 'device_id'", value="'new'"):
        anna = customer_id(identifier(ANNA))
        assert said(client) == {"identities": [f"extra     device_id:new; customer_id: expected None, found '{anna}'"]}
    assert not verified(client).differs


def test_a_refused_link_with_another_reason_and_one_too_many(client: ClickHouse) -> None:
    pair = {"stronger": f"'{ANNA}'", "weaker": f"'{LAPTOP}'"}
    with corrupted(client, "identity_violations", "stronger = 'user_id:ben'", reason="'device_id'"):
        assert said(client) == {
            "identity_violations": [
                "different user_id:ben -- device_id:tablet; reason: expected 'shared', found 'device_id'"
            ]
        }
        assert traced(client)["identity_violations"] == [
            "touchpoints that bear user_id:ben and device_id:tablet: 1",
            "  web t1 at 2026-03-04 09:00:00.000 UTC by user_id:ben",
        ]
    with added(client, "identity_violations", "stronger = 'user_id:ben'", **pair):
        assert said(client) == {"identity_violations": ["extra     user_id:anna -- cookie_id:laptop"]}
    assert not verified(client).differs


def test_a_correction_that_nothing_followed(client: ClickHouse) -> None:
    pair = (identifier(ANNA), identifier(LAPTOP))
    insert_corrections(client, [Correction("c1", "retracted", *pair, START_MS, "a mistake")])
    found = said(client)
    own = customer_id(identifier(LAPTOP))
    anna = customer_id(identifier(ANNA))
    assert found.pop("identities") == [f"different cookie_id:laptop; customer_id: expected '{own}', found '{anna}'"]
    assert {*found} == {"journeys", "sessions", "journey_steps", "journey_changes"}


def test_a_correction_that_identity_could_not_take_is_none(client: ClickHouse) -> None:
    pair = (identifier(ANNA), identifier(LAPTOP))
    insert_corrections(client, [Correction("c1", "retracted", *pair, START_MS, "from the future")])
    letter = {"reason": "future", "topic": "identity.links", "partition": 0, "offset": 0, "received_at": 1}
    insert(client, "dead_letter", [bare("dead_letter", **letter)])
    assert not verified(client).differs


def test_a_touchpoint_that_got_lost(client: ClickHouse) -> None:
    with corrupted(client, "touchpoints", "event_id = 'm2'", deleted="1"):
        found = said(client)
        assert found["outcomes"] == ["different mobile, partition 0; accepted touchpoints: expected 2, found 1"]
        lost = f"mobile m2 at 2026-03-03 09:00:00.000 UTC by {PHONE}"
        anna = customer_id(identifier(ANNA))
        assert found["journey_steps"] == [
            f"extra     touchpoint {lost}, of customer {anna}: no such touchpoint forms a journey"
        ]
        assert traced(client)["journeys"] == [
            "touchpoints only expected: 1",
            f"  web t0 at 2026-03-04 09:00:00.000 UTC by {ANNA}",
            "touchpoints only found: 1",
            f"  {lost}",
        ]
        assert {*found} == {*TABLES} - {"touchpoints", "verdicts", "identities", "identity_violations"}
    assert not verified(client).differs


def test_a_touchpoint_whose_via_is_given_another_customer(client: ClickHouse) -> None:
    with corrupted(client, "touchpoints", "event_id = 'm2'", via_customer=f"toUUID('{NOBODY}')"):
        own = customer_id(identifier(PHONE))
        assert said(client) == {"touchpoints": [f"different {PHONE}; via_customer: expected '{own}', found '{NOBODY}'"]}
    assert not verified(client).differs


def test_links_beyond_the_breaker_are_taken_as_they_were_told(client: ClickHouse) -> None:
    """PHONE left the customer: without its link it is a customer of its own, and has what came by it."""
    told = {"stronger": identifier(ANNA)._asdict(), "weaker": identifier(PHONE)._asdict()}
    own = customer_id(identifier(PHONE))
    with corrupted(client, "identities", "namespace = 'device_id'", customer_id=f"toUUID('{own}')"):
        insert(client, "identity_violation", [bare("identity_violation", **told, reason="overflow", version=1)])
        for asked in (EVERYTHING, Asked(share=1.0, since=START_MS)):
            found = verified(client, asked=asked)
            assert found.overflow == 1
            assert {c.table for c in found.comparisons if c.differs} == {
                "journeys",
                "sessions",
                "journey_steps",
                "journey_changes",
            }


def test_event_ids_under_two_vias_are_counted_and_no_difference(stack: Any) -> None:
    twice = [touchpoint("w1", 0, "web", "page_viewed", TABLET), touchpoint("w1", 0, "email", "opened", TABLET)]
    with database(stack, "verify") as url, ClickHouse(url) as client:
        fill_all(client, [*records(), *twice])
        found = verify(Tables(url), Rules(), Limits(), 5)
    assert (found.two_vias, found.differs) == (1, False)


def test_where_nobody_did_anything_since_then_hours_are_compared_and_nothing_is_proven(client: Any) -> None:
    future = Asked(customers=3, since=START_MS + 30 * DAY_MS)
    found = verified(client, asked=future)
    assert (found.differs, found.succeeded, found.customers) == (False, False, 0)
    assert not any(c.equal for c in found.comparisons)
    with added(client, "engagement", "unique_openers = 1", hour="hour + INTERVAL 40 DAY"):
        found = verified(client, asked=future)
        assert {c.table: c.counts["extra"] for c in found.comparisons if c.differs} == {"engagement": 1}


def test_touchpoints_that_are_all_lost_are_no_success(client: Any) -> None:
    for table in ("touchpoints", "journeys"):
        client.query(f"TRUNCATE TABLE {table}")
    found = verified(client, asked=Asked(customers=3))
    assert (found.customers, found.succeeded) == (0, False)
    assert next(c.counts["extra"] for c in found.comparisons if c.table == "engagement") == 8


def test_no_table_holds_anything(stack: Any) -> None:
    with database(stack, "verify") as url:
        for asked in (EVERYTHING, Asked(customers=3), Asked(since=START_MS)):
            found = verify(Tables(url), Rules(), Limits(), 5, asked)
            assert (found.differs, found.customers, sum(c.equal for c in found.comparisons)) == (False, 0, 0)
            assert found.succeeded == asked.is_all


def test_a_sample_finds_what_is_wrong_with_its_customers(client: Any) -> None:
    anna = customer_id(identifier(ANNA))
    with corrupted(client, "journeys", "converted", goals="goals + 1"):
        seen = set()
        for seed in map(str, range(8)):
            (chosen,) = Tables(client.url).chosen(0, 1, seed)
            found = verified(client, asked=Asked(customers=1, seed=seed))
            assert {c.table for c in found.comparisons if c.differs} == ({"journeys"} if chosen == anna else set())
            assert found.customers == 1
            seen.add(chosen == anna)
        assert seen == {True, False}


def test_what_a_sample_should_not_have_is_found_where_it_is_chosen(client: Any) -> None:
    with added(client, "journeys", "converted", customer_id=f"toUUID('{NOBODY}')", journey_id=f"toUUID('{NOBODY}')"):
        found = verified(client, asked=Asked(share=1.0, since=START_MS))
        assert {c.table: c.counts["extra"] for c in found.comparisons if c.differs} == {
            "journeys": 1,
            "journey_steps": 4,
        }
        assert found.customers == 4


def test_a_row_that_is_given_to_somebody_else_is_missing_in_a_sample(client: Any) -> None:
    anna = customer_id(identifier(ANNA))
    seed = next(seed for seed in map(str, range(50)) if {anna} == Tables(client.url).chosen(0, 1, seed))
    for table in ("journeys", "sessions"):
        with corrupted(client, table, f"customer_id = '{anna}'", customer_id=f"toUUID('{NOBODY}')"):
            found = verified(client, asked=Asked(customers=1, seed=seed))
            assert next(c.table for c in found.comparisons if c.counts["missing"]) == table


def test_since_a_day_has_whole_customers_and_the_hours_from_then_on(client: ClickHouse) -> None:
    """TABLET is shared, so it is nobody's, and no touchpoint came by it."""
    found = verified(client, asked=Asked(since=START_MS + 3 * DAY_MS))
    assert {c.table: c.equal for c in found.comparisons} == {
        "touchpoints": 5,
        "verdicts": 0,
        "identities": 5,
        "identity_violations": 3,
        "journeys": 4,
        "sessions": 6,
        "journey_steps": 7,
        "journey_changes": 1,
        "engagement": 1,
    }
    assert (found.differs, found.customers, found.touchpoints) == (False, 3, 7)
    with corrupted(client, "engagement", "unique_openers = 1", unique_openers="2"):
        assert not verified(client, asked=Asked(since=START_MS + 3 * DAY_MS)).differs
        assert verified(client, asked=Asked(since=START_MS + DAY_MS)).differs


def run(*arguments: str, **settings: str) -> Result:
    ambient = dict.fromkeys(name for name in os.environ if name.upper().startswith(PREFIX))
    return CliRunner().invoke(main, list(arguments), env={**ambient, **{PREFIX + k: v for k, v in settings.items()}})


def test_the_command_says_what_differs_and_ends_with_1(client: Any, tmp_path: Path) -> None:
    metrics = tmp_path / "verify.prom"
    right = run("verify", "--metrics", str(metrics), CLICKHOUSE_URL=client.url)
    assert (right.exit_code, right.stdout.splitlines()[-1]) == (0, "4 customers: all equal")
    assert "journey_verify_success 1.0\n" in metrics.read_text()
    sampled = run("verify", "--customers", "2", "--seed", "today", "--since", "2026-03-01", CLICKHOUSE_URL=client.url)
    assert (sampled.exit_code, sampled.stdout.splitlines()[-1]) == (0, "2 customers: all equal")
    nobody = run("verify", "--since", "2030-01-01", "--metrics", str(metrics), CLICKHOUSE_URL=client.url)
    assert nobody.exit_code == FAILED
    assert "no customer has touchpoints since 2030-01-01 00:00:00.000 UTC\n" in nobody.stdout
    assert nobody.stdout.splitlines()[-1] == "0 customers: nothing is proven"
    assert "journey_verify_success 0.0\n" in metrics.read_text()
    with corrupted(client, "journeys", "1", last_channel="'nowhere'"):
        wrong = run("verify", "--limit", "1", "--metrics", str(metrics), CLICKHOUSE_URL=client.url)
    assert wrong.exit_code == FAILED
    assert 'journey_verify_differences{table="journeys"} 5.0\n' in metrics.read_text()
    assert "journey_verify_success 0.0\n" in metrics.read_text()
    assert "journeys             0 equal, 5 different " in wrong.stdout
    assert "found 'nowhere'\n      touchpoints: " in wrong.stdout
    assert "\n  ... 4 more\n" in wrong.stdout
    assert wrong.stdout.splitlines()[-1] == "4 customers: the tables differ from the definition"
    assert run("verify", CLICKHOUSE_URL=client.url, SESSION_GAP_MS="1000", JOURNEY_GAP_MS="1000").exit_code == FAILED
