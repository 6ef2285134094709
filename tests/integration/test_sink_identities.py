"""Who is who in ClickHouse: identities, what they make of touchpoints and customers, and the logs of what changed."""

import io
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from rich.console import Console

from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from sinks.report import WIDTH, report
from sinks.tables import NOBODY
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id, uuid5
from tests.integration.rows import (
    CREDITS,
    HOUR_MS,
    NOON,
    NOON_MS,
    insert,
    insert_corrections,
    insert_touchpoints,
    journey,
    rows,
    tombstone,
    touchpoint,
)
from tests.unit.sinks.plain_records import bare

pytestmark = pytest.mark.stack

ANNA = Identifier("user_id", "anna")
COOKIE, TABLET = Identifier("cookie_id", "a"), Identifier("device_id", "tablet")


@pytest.fixture
def client(stack: Any) -> Iterator[ClickHouse]:
    """A client of a migrated database of the test's own."""
    url = f"{stack.clickhouse_url.rpartition('/')[0]}/identities_{uuid4().hex[:12]}"
    migrate(url)
    with ClickHouse(url) as client:
        yield client
        client.query(f"DROP DATABASE `{client.database}`")


def own(identifier: Identifier) -> UUID:
    return UUID(customer_id(identifier))


def assigned(identifier: Identifier, to: Identifier, version: int) -> dict[str, Any]:
    """An assignment of ``identifier`` to the customer whose canonical identifier is ``to``."""
    return {"identifier": identifier._asdict(), "customer": customer_id(to), "version": version}


def seen(event_id: str, *identifiers: Identifier, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A touchpoint that bears ``identifiers``, the first as its via."""
    known = [identifier._asdict() for identifier in identifiers]
    return touchpoint(event_id, via=known[0], identifiers=known, **fields)


def customers_of(client: ClickHouse, *event_ids: str) -> list[UUID]:
    found: dict[str, UUID] = dict(client.query("SELECT event_id, customer_id FROM touchpoints_now"))
    return [found[event_id] for event_id in event_ids]


def test_a_touchpoint_belongs_to_its_via_s_own_customer_until_somebody_links_it(client: ClickHouse) -> None:
    insert_touchpoints(client, seen("e1", COOKIE), seen("e2", ANNA, COOKIE))
    assert customers_of(client, "e1", "e2") == [own(COOKIE), own(ANNA)]
    insert(client, "assignment", assigned(COOKIE, ANNA, 1))
    assert customers_of(client, "e1", "e2") == [own(ANNA), own(ANNA)]


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_the_newest_assignment_holds_in_any_order(client: ClickHouse, order: tuple[int, ...]) -> None:
    insert_touchpoints(client, seen("e1", COOKIE))
    to = {1: ANNA, 2: TABLET, 3: COOKIE}
    for version in (*order, 1):
        insert(client, "assignment", assigned(COOKIE, to[version], version))
    assert customers_of(client, "e1") == [own(COOKIE)]
    client.query("OPTIMIZE TABLE identities FINAL")
    assert client.query("SELECT customer_id, version FROM identities") == [(own(COOKIE), 3)]


def test_an_erased_identifier_is_a_customer_of_its_own_again(client: ClickHouse) -> None:
    insert_touchpoints(client, seen("e1", COOKIE))
    insert(client, "assignment", assigned(COOKIE, ANNA, 1))
    client.insert("identities", ("namespace", "value", "version", "deleted"), [["cookie_id"], ["a"], [2], [1]])
    assert customers_of(client, "e1") == [own(COOKIE)]
    assert client.query("SELECT customer_id FROM identities_now") == [(own(COOKIE),)]


@pytest.mark.parametrize("setting", ["join_use_nulls = 1", "final = 1", "join_algorithm = 'grace_hash'"])
def test_customers_of_touchpoints_do_not_depend_on_settings(client: ClickHouse, setting: str) -> None:
    insert_touchpoints(client, seen("e1", COOKIE), seen("e2", TABLET))
    insert(client, "assignment", assigned(COOKIE, ANNA, 1))
    client.query(f"SET {setting}")
    assert customers_of(client, "e1", "e2") == [own(ANNA), own(TABLET)]
    assert client.query("SELECT journeys, revenue FROM customers") == [(0, {}), (0, {})]


def test_touchpoints_now_has_each_touchpoint_once_with_its_values(client: ClickHouse) -> None:
    bought = {"type": "purchase", "value_micros": 19_990_001, "currency": "EUR", "order_id": "o1"}
    both = seen("e1", ANNA, COOKIE, conversion=bought, engaged_ms=1500), seen("e2", COOKIE)
    insert_touchpoints(client, *both)
    insert_touchpoints(client, *both)
    first, second = rows(client, "touchpoints_now", "ORDER BY event_id")
    assert (first["value"], first["currency"], first["engaged_seconds"]) == (Decimal("19.990001"), "EUR", 1.5)
    assert (second["value"], second["engaged_seconds"], second["identifiers"]) == (0, None, [COOKIE.text])


ODD = [
    Identifier("user_id", "a:b::c"),
    Identifier("loyalty_card", "☀ Frühling"),
    Identifier("cookie_id", "x" * 300),
    Identifier("social_handle", "net:anna"),
    *(Identifier("click_id", f"k{n}") for n in range(200)),
]


def test_an_identifier_that_nobody_links_has_the_customer_that_the_stages_compute(client: ClickHouse) -> None:
    insert_touchpoints(client, seen("e1", *ODD))
    found = {row["identifier"]: row for row in rows(client, "identities_now")}
    assert {text: row["customer_id"] for text, row in found.items()} == {known.text: own(known) for known in ODD}
    assert [found[known.text]["namespace"] for known in ODD] == [known.namespace for known in ODD]
    assert [found[known.text]["value"] for known in ODD] == [known.value for known in ODD]


def test_every_identifier_ever_seen_is_there_once(client: ClickHouse) -> None:
    insert_touchpoints(client, seen("e1", ANNA, COOKIE, TABLET), seen("e2", COOKIE))
    insert(client, "assignment", assigned(COOKIE, ANNA, 1), assigned(Identifier("click_id", "k"), ANNA, 2))
    pair = {"stronger": Identifier("user_id", "otto")._asdict(), "weaker": COOKIE._asdict()}
    insert_corrections(client, bare("correction", correction_id="c", kind="asserted", **pair))
    found = client.query("SELECT identifier, customer_id FROM identities_now ORDER BY identifier")
    assert found == [
        ("click_id:k", own(ANNA)),
        ("cookie_id:a", own(ANNA)),
        ("device_id:tablet", own(TABLET)),
        ("user_id:anna", own(ANNA)),
        ("user_id:otto", own(Identifier("user_id", "otto"))),
    ]


def test_a_customer_has_its_identifiers_and_what_it_did(client: ClickHouse) -> None:
    second = Identifier("cookie_id", "B")
    insert_touchpoints(
        client,
        seen("e1", COOKIE, occurred_at=NOON_MS - HOUR_MS),
        seen("e2", ANNA, second, TABLET),
        seen("e3", second, occurred_at=NOON_MS + HOUR_MS),
    )
    insert(client, "assignment", assigned(COOKIE, ANNA, 1), assigned(second, ANNA, 2))
    mine = {"customer_id": customer_id(ANNA)}
    insert(
        client,
        "journey",
        journey("euros", ("web", "Direct"), **mine),
        journey("dollars", ("web", "Direct"), currency="USD", value_micros=1, **mine),
        journey("open", ("web", "Direct"), converted=False, **mine),
        journey("gone", ("web", "Direct"), **mine),
        journey("free", ("web", "Direct"), currency="", value_micros=0, **mine),
    )
    insert(client, "journey", tombstone("gone", version=2) | mine)
    assert rows(client, "customers") == [
        {
            "customer_id": own(ANNA),
            "identifiers": {"user_id": ["anna"], "cookie_id": ["B", "a"]},
            "first_seen": NOON - timedelta(hours=1),
            "last_seen": NOON + timedelta(hours=1),
            "touchpoints": 3,
            "journeys": 4,
            "conversions": 3,
            "revenue": {"EUR": Decimal(10), "USD": Decimal("0.000001")},
        }
    ]


def test_a_customer_has_the_identifier_that_only_an_operator_named(client: ClickHouse) -> None:
    insert_touchpoints(client, seen("e1", COOKIE))
    pair = {"stronger": ANNA._asdict(), "weaker": COOKIE._asdict()}
    insert_corrections(client, bare("correction", kind="asserted", **pair))
    insert(client, "assignment", assigned(COOKIE, ANNA, 1))
    found = client.query("SELECT customer_id, identifiers, touchpoints FROM customers")
    assert found == [(own(ANNA), {"cookie_id": ["a"], "user_id": ["anna"]}, 1)]


def test_customers_without_touchpoints_are_none_and_those_without_journeys_are(client: ClickHouse) -> None:
    insert_touchpoints(client, seen("e1", COOKIE, actor="machine"), seen("e2", ANNA, TABLET))
    insert(client, "journey", journey("a", ("web", "Direct"), customer_id=customer_id(ANNA)))
    found = client.query("SELECT customer_id, journeys, conversions FROM customers ORDER BY journeys")
    assert found == [(own(COOKIE), 0, 0), (own(ANNA), 1, 1)]


def test_a_merge_and_a_correction_are_rows_of_the_log(client: ClickHouse) -> None:
    moved = {"from": customer_id(COOKIE), "to": customer_id(ANNA), "identifiers": [COOKIE.text]}
    merge = bare("identity_change", kind="merge", version=7, **moved, cause_event_id="e2", caused_at=NOON_MS)
    elsewhere = merge | {"kind": "split", "from": customer_id(TABLET)}
    said = bare("identity_change", kind="retracted", version=9, cause_event_id="c", reason="Otto's tablet")
    insert(client, "identity_change", merge, elsewhere, said)
    insert(client, "identity_change", merge, elsewhere, said)
    found = client.query(
        "SELECT version, kind, from_customer, to_customer, identifiers, cause_event_id, caused_at, reason"
        " FROM identity_changes FINAL ORDER BY version, kind"
    )
    assert found[0] == (7, "merge", own(COOKIE), own(ANNA), ["cookie_id:a"], "e2", NOON, "")
    assert found[1][:3] == (7, "split", own(TABLET))
    assert (found[2][1:4], found[2][-1]) == (("retracted", UUID(NOBODY), UUID(NOBODY)), "Otto's tablet")


def test_a_link_that_counts_again_is_no_violation(client: ClickHouse) -> None:
    pair = {"stronger": ANNA._asdict(), "weaker": TABLET._asdict()}
    refused = bare("identity_violation", **pair, reason="shared", occurred_at=NOON_MS, event_id="e1", version=3)
    insert(client, "identity_violation", refused | {"reason": "device_id", "version": 2}, refused)
    read = "SELECT stronger, weaker, reason, occurred_at, event_id FROM identity_violations FINAL"
    assert client.query(read) == [("user_id:anna", "device_id:tablet", "shared", NOON, "e1")]
    insert(client, "identity_violation", refused | {"reason": "", "deleted": True, "version": 4})
    assert client.query(read) == []


def test_a_correction_said_twice_is_one_row(client: ClickHouse) -> None:
    pair = {"stronger": ANNA._asdict(), "weaker": TABLET._asdict()}
    said = bare("correction", correction_id="c", kind="retracted", corrected_at=NOON_MS, reason="sold", **pair)
    insert_corrections(client, said, said, said | {"correction_id": "d", "kind": "lifted"})
    read = "SELECT correction_id, kind, stronger, weaker, corrected_at, reason, version FROM identity_corrections FINAL"
    assert client.query(f"{read} ORDER BY correction_id") == [
        ("c", "retracted", "user_id:anna", "device_id:tablet", NOON, "sold", 2),
        ("d", "lifted", "user_id:anna", "device_id:tablet", NOON, "sold", 3),
    ]


def credits_of(found: dict[str, Any]) -> dict[str, Any]:
    """The touches and credits of a journey as a change of journeys has them."""
    return {"touches": found["touches"], **{f"credit_{model}": found[f"credit_{model}"] for model in CREDITS}}


def changed(
    before: dict[str, Any] | None, after: dict[str, Any] | None, version: int, customer: Identifier, **fields: Any
) -> dict[str, Any]:
    """The change of a conversion's journey from ``before`` to ``after``, at ``version`` ms behind noon."""
    now = after or before or {}
    empty = bare("journey_change")["before"]
    return bare(
        "journey_change",
        customer_id=customer_id(customer),
        version=version,
        changed_at=NOON_MS + version,
        conversion_channel="web",
        conversion_via=COOKIE.text,
        conversion_event_id="bought",
        conversion_type="purchase",
        value_micros=now["value_micros"],
        currency=now["currency"],
        journey_before=before["journey_id"] if before else "",
        journey_after=after["journey_id"] if after else "",
        before=credits_of(before) if before else empty,
        after=credits_of(after) if after else empty,
        **fields,
    )


def test_changes_of_credits_add_up_to_the_attribution_of_now(client: ClickHouse) -> None:
    first = journey("cookie's", ("web", "Direct"))
    longer = journey("cookie's", ("email", "Email"), ("web", "Direct"))
    merged = journey("anna's", ("social", "Organic Social"), ("email", "Email"), ("email", "Email"), ("web", "Direct"))
    changes = [
        changed(None, first, 1, COOKIE, cause="arrival"),
        changed(first, longer, 2, COOKIE, cause="late", cause_event_id="opened"),
        changed(longer, None, 3, COOKIE, cause="merge"),
        changed(None, merged, 3, ANNA, cause="merge"),
    ]
    insert(client, "journey_change", *changes)
    insert(client, "journey_change", *changes)
    insert(client, "journey", merged)
    found = client.query(
        "SELECT model, marketing_channel, currency, sum(credit_after - credit_before) AS conversions,"
        " sum(value_after - value_before) FROM attribution_changes GROUP BY model, marketing_channel, currency"
        " HAVING abs(conversions) > 1e-9 ORDER BY model, marketing_channel"
    )
    now = client.query(
        "SELECT model, marketing_channel, currency, conversions, value FROM attribution_by_channel"
        " ORDER BY model, marketing_channel"
    )
    assert [row[:3] for row in found] == [row[:3] for row in now]
    assert [row[3] for row in found] == pytest.approx([row[3] for row in now])
    assert all(abs(row[4] - known[4]) <= Decimal("0.000003") for row, known in zip(found, now, strict=True))
    why = client.query(
        "SELECT cause, cause_event_id, marketing_channel, credit_before, credit_after, value_before, value_after"
        " FROM attribution_changes WHERE model = 'linear' AND cause != 'merge' ORDER BY changed_at, marketing_channel"
    )
    assert why == [
        ("arrival", "", "Direct", 0.0, 1.0, Decimal(0), Decimal(10)),
        ("late", "opened", "Direct", 1.0, 0.5, Decimal(10), Decimal(5)),
        ("late", "opened", "Email", 0.0, 0.5, Decimal(0), Decimal(5)),
    ]


def test_a_change_without_conversion_is_in_the_log_and_changes_no_credit(client: ClickHouse) -> None:
    began = bare("journey_change", customer_id=customer_id(ANNA), journey_after=uuid5("j"), cause="split", version=5)
    insert(client, "journey_change", began)
    found = client.query("SELECT journey_before, journey_after, cause, version FROM journey_changes FINAL")
    assert found == [(UUID(NOBODY), UUID(uuid5("j")), "split", 5)]
    assert client.query("SELECT count() FROM attribution_changes") == [(0,)]


def rendered(client: ClickHouse) -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=file, width=WIDTH)
    for part in report(client):
        console.print(part)
    file.seek(0)
    return file.read()


def test_the_report_counts_customers_and_shows_one_that_was_joined(client: ClickHouse) -> None:
    handle = Identifier("social_handle", "net:[bold]Jürgen")
    cookies = [Identifier("cookie_id", f"{n}{'f' * 40}") for n in range(7)]
    insert_touchpoints(client, seen("e1", ANNA, handle, *cookies), seen("e2", TABLET), seen("e3", COOKIE))
    moved = [assigned(known, ANNA, version) for version, known in enumerate((handle, *cookies), 1)]
    insert(client, "assignment", *moved)
    paths = [("email", "Email"), ("web", "Email"), ("service", "Direct")]
    insert(client, "journey", journey("a", *paths, customer_id=customer_id(ANNA)))
    insert(client, "journey", journey("b", ("web", "Direct"), customer_id=customer_id(TABLET)))
    refused = [bare("identity_violation", stronger=ANNA._asdict(), weaker=TABLET._asdict(), reason="device_id")]
    insert(client, "identity_violation", *refused)
    text = rendered(client)
    assert max(map(len, text.splitlines())) <= WIDTH
    block = text.split("\nCustomers\n")[1].split("\n\nCommonest")[0].splitlines()
    assert block[3].split() == ["3", "2", "1", "33.3", "%", "9"]
    assert [line.rstrip() for line in block[4:]] == [
        "Links that count for nothing: 1 device_id.",
        "",
        f"A customer joined from several identifiers: {customer_id(ANNA)}",
        "namespace      identifiers",
        "-" * 79,
        "user_id        anna",
        r"social_handle  net:[bold]J\xf..",
        "cookie_id      0fffffffffffff.., 1fffffffffffff.., 2fffffffffffff.. and 4 more",
        "  1 journey, 1 conversion, 10.00 EUR, seen 2026-03-31 to 2026-03-31",
        "  2026-03-31 12:00  email page viewed > web page viewed > service page viewed 10.00 EUR (2 h 0 min)",
    ]
