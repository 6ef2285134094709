"""`omnijourney customer`, `link`, `unlink` and `lift` on a real ClickHouse and a real Kafka.

Anna     laptop -- newsletter's click -- login -- phone -- purchase      one customer, over five namespaces
Ben      logs in on Anna's laptop                                        refused: two users
tablet   Anna, Ben, Cid                                                  shared
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaConsumer, TopicPartition

from schemas.codec import decode
from sinks.clickhouse import ClickHouse
from sinks.customer.drawing import WIDTH
from streams import topic_admin
from streams.cli import main
from streams.config import PREFIX
from streams.domain.identifiers import Identifier
from streams.domain.identity.links import Correction
from streams.domain.ids import customer_id, uuid5
from streams.topics import LINKS, declared
from tests.integration.filled import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    START_MS,
    database,
    fill,
    insert,
    touchpoint,
)
from tests.unit.sinks.plain_records import bare

pytestmark = pytest.mark.stack

FAILED, WRONG_USE = 1, 2
ANNA, BEN, CID = "user_id:anna", "user_id:ben", "user_id:cid"
MAIL = "email_sha256:" + "ab12" * 16
LAPTOP, PHONE, TABLET, CLICK = "cookie_id:laptop", "device_id:phone", "device_id:tablet", "click_id:k7"
CALLER, OLD = "phone_sha256:0049", "device_id:sold"
NEWSLETTER = {"source": "newsletter", "medium": "email", "campaign": "spring"}
PURCHASE = {"type": "purchase", "value_micros": 89_900_000, "currency": "EUR", "order_id": "o1"}


def identifier(text: str) -> Identifier:
    namespace, _, value = text.partition(":")
    return Identifier(namespace, value)


def records() -> list[dict[str, Any]]:
    click = DAY_MS + MINUTE_MS
    return [
        touchpoint("w1", 0, "web", "page_viewed", LAPTOP),
        touchpoint("w2", MINUTE_MS, "web", "page_viewed", LAPTOP),
        touchpoint("m1", DAY_MS, "email", "sent", MAIL, message_id="n1"),
        touchpoint("m2", DAY_MS + 1, "email", "opened", MAIL, message_id="n1", provider_machine=True),
        touchpoint("m3", click, "email", "clicked", MAIL, CLICK, message_id="n1", acquisition=NEWSLETTER),
        touchpoint("w3", click + 1_000, "web", "page_viewed", LAPTOP, CLICK, acquisition=NEWSLETTER),
        *(touchpoint(f"w4{i}", click + 2_000 + i, "web", "page_viewed", LAPTOP) for i in range(30)),
        touchpoint("w5", click + HOUR_MS, "web", "logged_in", LAPTOP, ANNA, MAIL),
        touchpoint("a1", 2 * DAY_MS, "mobile", "app_opened", PHONE, ANNA),
        touchpoint("a2", 3 * DAY_MS, "mobile", "purchased", PHONE, ANNA, conversion=PURCHASE),
        touchpoint("b1", 4 * DAY_MS, "web", "logged_in", LAPTOP, BEN),
        *(touchpoint(f"t{i}", 5 * DAY_MS + i, "web", "logged_in", TABLET, u) for i, u in enumerate((ANNA, BEN, CID))),
        touchpoint("s1", 6 * DAY_MS, "mobile", "app_opened", OLD, ANNA),
        touchpoint("p1", 6 * DAY_MS, "service", "called", CALLER),
    ]


CORRECTIONS = [
    Correction("c1", "asserted", identifier(ANNA), identifier(CALLER), START_MS + 7 * DAY_MS, "said her number"),
    Correction("c2", "retracted", identifier(ANNA), identifier(OLD), START_MS + 7 * DAY_MS, "sold the phone"),
]


@pytest.fixture(scope="module")
def url(stack: Any) -> Iterator[str]:
    with database(stack, "customer") as url:
        with ClickHouse(url) as client:
            fill(client, records(), CORRECTIONS)
            log(client)
        yield url


def log(client: ClickHouse) -> None:
    """Some of what the stages log of Anna: her laptop came to her, and her purchase got other credits."""
    anna = customer_id(identifier(ANNA))
    moved = {
        "kind": "merge",
        "version": 9,
        "from": customer_id(identifier(LAPTOP)),
        "to": anna,
        "identifiers": [LAPTOP],
        "cause_event_id": "w5",
        "changed_at": START_MS + DAY_MS,
    }
    said = {"kind": "retracted", "version": 11, "identifiers": [ANNA, OLD], "cause_event_id": "c2"}
    insert(
        client,
        "identity_change",
        [
            bare("identity_change", **moved),
            bare("identity_change", **said, reason="sold the phone", changed_at=START_MS + 7 * DAY_MS),
        ],
    )
    none = {f"credit_{m}": [] for m in ("first", "last", "last_non_direct", "position", "j_shaped", "inverse_j")}
    none |= {"credit_time_decay": []}

    def credits_(*channels: str) -> dict[str, Any]:
        touches = [
            {"at": 0, "channel": "web", "marketing_channel": c, "campaign": "", "content": "", "touchpoints": 1}
            for c in channels
        ]
        return {"touches": touches, "credit_linear": [1 / len(channels)] * len(channels), **none}

    change = {
        "customer_id": anna,
        "journey_before": uuid5("before"),
        "journey_after": uuid5("after"),
        "cause": "merge",
        "cause_event_id": "w5",
        "changed_at": START_MS + DAY_MS,
        "conversion_channel": "mobile",
        "conversion_type": "purchase",
        "value_micros": 89_900_000,
        "currency": "EUR",
        "before": credits_("Direct"),
        "after": credits_("Direct", "Email"),
        "version": 3,
    }
    began = {"conversion_channel": "", "conversion_type": "", "currency": "", "value_micros": 0, "version": 2}
    insert(
        client,
        "journey_change",
        [
            bare("journey_change", **change),
            bare("journey_change", **change | began | {"journey_before": "", "before": credits_("x")}),
        ],
    )


def run(*arguments: str, **settings: str) -> Result:
    ambient: Mapping[str, str | None] = dict.fromkeys(n for n in os.environ if n.upper().startswith(PREFIX))
    return CliRunner().invoke(main, list(arguments), env={**ambient, **{PREFIX + k: v for k, v in settings.items()}})


def shown(url: str, asked: str) -> str:
    result = run("customer", asked, CLICKHOUSE_URL=url)
    assert result.exit_code == 0, result.output
    return result.stdout


def section(text: str, title: str) -> list[str]:
    """The lines of a section."""
    return re.split(r"\n\n", text.split(f"\n{title}\n")[1], maxsplit=1)[0].splitlines()


@pytest.mark.parametrize(
    "asked", [ANNA, MAIL, LAPTOP, PHONE, CLICK, CALLER], ids=lambda text: str(text).partition(":")[0]
)
def test_a_customer_is_found_by_each_of_its_identifiers(url: str, asked: str) -> None:
    text = shown(url, asked.replace(":", "=", 1))
    assert text == shown(url, "user_id=anna")
    assert text.startswith(f"Customer {customer_id(identifier(ANNA))}\n")
    assert [line.split() for line in section(text, "Identifiers (6)")] == [
        ["user_id", "anna"],
        ["email_sha256", MAIL.partition(":")[2]],
        ["phone_sha256", "0049"],
        ["device_id", "phone"],
        ["cookie_id", "laptop"],
        ["click_id", "k7"],
    ]


def test_it_is_plain_ascii_in_a_hundred_columns(url: str) -> None:
    for asked in ("user_id=anna", "user_id=ben", "device_id=tablet", "device_id=sold"):
        text = shown(url, asked)
        assert text.isascii()
        assert max(map(len, text.splitlines())) <= WIDTH


def test_each_link_has_the_earliest_touchpoint_that_bears_both_or_who_asserted_it(url: str) -> None:
    lines = section(shown(url, "user_id=anna"), "Links, each with the earliest touchpoint that bears both")
    said = [line.split(maxsplit=1) for line in lines]
    assert [MAIL] in said
    assert ["click_id:k7", "2026-03-02 09:01  email m3"] in said
    assert ["cookie_id:laptop", "2026-03-02 10:01  web w5"] in said
    assert ["device_id:phone", "2026-03-03 09:00  mobile a1"] in said
    assert [CALLER, "asserted 2026-03-08 09:00: said her number"] in said


def test_links_that_do_not_count_have_their_reason(url: str) -> None:
    lines = section(shown(url, "user_id=anna"), "Links that don't count, and why")
    assert [line.split(maxsplit=3)[::3] if line.startswith(" " * 8) else line.split() for line in lines] == [
        ["user_id:anna"],
        ["device_id:tablet", "shared (e0)"],
        ["device_id:sold", "retracted: sold the phone (c2)"],
        ["cookie_id:laptop"],
        ["user_id:ben", "too many of user_id (e0)"],
    ]


def test_a_shared_identifier_names_who_shares_it(url: str) -> None:
    for asked in ("device_id=tablet", "user_id=cid"):
        assert section(shown(url, asked), "Shared by too many users to say whose it is") == [
            "    device_id:tablet  3 users: user_id:anna, user_id:ben, user_id:cid"
        ]


def test_a_journey_is_drawn_with_visits_sessions_and_what_happened(url: str) -> None:
    text = shown(url, "user_id=anna")
    assert "Journey 1  2026-03-01 09:00 to 2026-03-04 09:00 (3 d 0 h), 37 touchpoints: purchase 89.90 EUR\n" in text
    assert "| Direct > Email > Direct\n" in text
    assert "| Visit 2026-03-02 09:01  Email, spring, 20.0 % of the conversion\n" in text
    assert re.search(
        r"\| \| email session, 1 touchpoint +email_sha256:ab12ab12ab12\.\.\n\| \| \| 09:01:00  clicked\n", text
    )
    assert re.search(r"\| \| web session, 31 touchpoints, 1 s.* cookie_id:laptop\n", text)
    assert "| | | 09:01:01  page viewed x31\n" in text


def test_outbound_and_machine_touchpoints_stand_apart(url: str) -> None:
    text = shown(url, "user_id=anna")
    assert "| . 2026-03-02 09:00  email sent (outbound)\n| . 2026-03-02 09:00  email opened (machine)\n" in text


def test_changes_say_when_what_and_why(url: str) -> None:
    text = shown(url, "user_id=anna")
    laptop = customer_id(identifier(LAPTOP))[:8]
    anna = customer_id(identifier(ANNA))[:8]
    assert section(text, "Changes of who is who") == [
        f"    2026-03-02 09:00  merge: cookie_id:laptop, {laptop} -> {anna}  cause w5",
        "    2026-03-08 09:00  retracted: user_id:anna, device_id:sold  sold the phone",
    ]
    assert section(text, "Changes of journeys") == [
        f"    2026-03-02 09:00  merge: journey {uuid5('after')[:8]} began  cause w5",
        "    2026-03-02 09:00  merge: purchase 89.90 EUR credited to Direct 100.0 % -> Direct 50.0 %, Email",
        "        50.0 %",
        "        cause w5",
    ]


def test_an_identifier_of_a_refused_link_is_a_customer_of_its_own(url: str) -> None:
    assert shown(url, "device_id=sold").startswith(f"Customer {customer_id(identifier(OLD))}\n")


def test_a_history_of_any_length_is_quick_to_show(stack: Any) -> None:
    kiosk = [touchpoint(f"k{i}", i * 20 * MINUTE_MS, "service", "store_visited", TABLET) for i in range(3_000)]
    with database(stack, "kiosk") as url:
        with ClickHouse(url) as client:
            fill(client, kiosk)
        text = shown(url, "device_id=tablet")
    assert len(text.splitlines()) < 400
    assert "... 31 earlier journeys" in text
    assert "Journey 43  2026-04-12" in text


def test_an_unknown_identifier_is_one_line_and_exit_code_1(url: str) -> None:
    result = run("customer", "user_id=nobody", CLICKHOUSE_URL=url)
    assert (result.exit_code, result.stderr) == (FAILED, "Error: nobody is known as user_id=nobody\n")


def test_a_database_without_the_tables_is_told_what_to_do(stack: Any) -> None:
    for command in (("customer", "user_id=a"), ("verify",)):
        result = run(*command, CLICKHOUSE_URL=f"{stack.clickhouse_url.rpartition('/')[0]}/never_made")
        assert result.exit_code == FAILED
        assert "omnijourney migrate" in result.stderr


@pytest.fixture
def links(stack: Any) -> Iterator[KafkaConsumer]:
    """What comes to identity.links from now on."""
    topic = next(topic for topic in declared(1, 1) if topic.name == LINKS)
    topic_admin.apply(stack.kafka_bootstrap, [topic], 1)
    consumer = KafkaConsumer(bootstrap_servers=stack.kafka_bootstrap, enable_auto_commit=False)
    partition = TopicPartition(LINKS, 0)
    consumer.assign([partition])
    consumer.seek(partition, consumer.end_offsets([partition])[partition])
    yield consumer
    consumer.close()


@pytest.mark.parametrize(("command", "kind"), [("unlink", "retracted"), ("link", "asserted"), ("lift", "lifted")])
def test_a_correction_is_on_the_topic_before_anything_is_said(
    stack: Any, links: KafkaConsumer, command: str, kind: str
) -> None:
    before = time.time() * 1000
    pair = ("cookie_id= laptop ", "user_id=anna")
    result = run(command, *pair, "--reason", " hers ", KAFKA_BOOTSTRAP=stack.kafka_bootstrap)
    assert result.exit_code == 0, result.output
    [(key, value)] = [(r.key, r.value) for batch in links.poll(10_000).values() for r in batch]
    name, record = decode(value)
    assert (key, name) == (b"links", "correction")
    assert before - 1 <= record.pop("corrected_at") <= time.time() * 1000
    assert result.stdout.startswith(
        f"{kind}: user_id:anna -- cookie_id:laptop (correction {record.pop('correction_id')})"
    )
    assert "identity_changes" in result.stdout
    assert record == {
        "kind": kind,
        "stronger": {"namespace": "user_id", "value": "anna"},
        "weaker": {"namespace": "cookie_id", "value": "laptop"},
        "reason": "hers",
    }
    assert ("a path" in result.stdout) == (command == "unlink")
