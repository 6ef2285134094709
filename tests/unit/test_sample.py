"""The sample company as an analyst, a schema and a second process see it."""

import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import crawleruseragents
import pytest
from fastavro import parse_schema
from fastavro.validation import validate

import schemas
from streams.attribution.spend import read_spend
from streams.sample import MONDAY_2026_03_02, generate, to_ndjson
from streams.sample.company import APP_AGENTS, CRAWLER_AGENTS, DESKTOP_AGENTS, KIOSK_AGENT, PHONE_AGENTS, TABLET_AGENTS
from streams.sample.customers import make_customer
from streams.sample.spending import spending

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
DAYS = 28

# The vocabulary of actions, written down here once more on purpose: (outbound, inbound).
ANYWHERE = (
    "offer_made",
    "signed_up logged_in logged_out product_viewed cart_added checkout_started purchased order_cancelled idea_submitted"
    " consent_given consent_withdrawn",
)
VOCABULARY = {
    "email": ("sent delivered deferred bounced", "opened clicked replied unsubscribed complained"),
    "web": (
        "banner_shown message_shown",
        "page_viewed link_clicked searched form_submitted downloaded video_played feedback_given",
    ),
    "mobile": (
        "push_sent push_delivered push_failed message_shown",
        "push_opened push_dismissed app_installed app_opened screen_viewed app_closed app_removed",
    ),
    "social": (
        "impression_shown message_sent comment_answered",
        "reacted commented shared mentioned followed unfollowed link_clicked message_received review_posted",
    ),
    "service": (
        "call_placed call_answered chat_answered message_sent survey_sent mystery_visit_made",
        "called chat_started chat_message message_received store_visited survey_answered complaint_made return_made",
    ),
}
CUSTOM = {("social", "poll_voted")}
BLOCKED = {"undefined", "null", "[object Object]", "-1"}

TOUCHPOINT = json.loads(Path(schemas.__file__).with_name("touchpoint.v1.avsc").read_bytes())

Record = dict[str, Any]
is_crawler = lru_cache(maxsize=None)(crawleruseragents.is_crawler)


def direction_of(record: Record) -> str:
    outbound, inbound = VOCABULARY[record["channel"]]
    if record["action"] in f"{outbound} {ANYWHERE[0]}".split():
        return "outbound"
    return "inbound" if record["action"] in f"{inbound} {ANYWHERE[1]}".split() else record["direction"]


def is_malformed(record: Record) -> bool:
    users = {i["value"] for i in record["identifiers"] if i["namespace"] == "user_id"}
    usable = any(i["value"] not in BLOCKED for i in record["identifiers"])
    return len(users) > 1 or not usable or record.get("direction", direction_of(record)) != direction_of(record)


def is_machine(record: Record) -> bool:
    agent = record.get("user_agent")
    on_page = record["channel"] == "web" and record["action"] == "page_viewed"
    return bool(record.get("provider_machine") or (on_page and not agent) or (agent and is_crawler(agent)))


def person_of(record: Record) -> str:
    """Event ids bear the number of the person: channel-run-person-count."""
    return str(record["event_id"]).split("-")[2]


def split_visits(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Split one person's touchpoints, sorted by time, wherever nothing happens for more than half an hour."""
    visit: list[Record] = []
    for record in records:
        if visit and record["occurred_at"] - visit[-1]["occurred_at"] > 30 * MINUTE:
            yield visit
            visit = []
        visit.append(record)
    if visit:
        yield visit


class Company(NamedTuple):
    """One run: as delivered; and once each, well formed, by time."""

    delivered: list[Record]
    once: list[Record]

    def of(self, channel: str, action: str) -> list[Record]:
        return [r for r in self.once if r["channel"] == channel and r["action"] == action]

    def web_visits(self) -> list[list[Record]]:
        people = defaultdict(list)
        for record in self.once:
            if record["channel"] == "web" and not is_machine(record):
                people[person_of(record)].append(record)
        return [visit for records in people.values() for visit in split_visits(records)]


@pytest.fixture(scope="module")
def company() -> Company:
    delivered = list(generate(500, DAYS, 1))
    first: dict[str, Record] = {}
    for record in delivered:
        if not is_malformed(record):
            first.setdefault(str(record["event_id"]), record)
    return Company(delivered, sorted(first.values(), key=lambda r: (r["occurred_at"], r["event_id"])))


def test_same_arguments_give_the_same_bytes_in_every_process() -> None:
    program = (
        "import hashlib; from streams.sample import generate, to_ndjson; total = hashlib.sha256()\n"
        "for record in generate(40, 10, 5): total.update(to_ndjson(record))\n"
        "print(total.hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    here = sha256(b"".join(map(to_ndjson, generate(40, 10, 5)))).hexdigest()
    assert digests == {here + "\n"}


def test_runs_that_differ_share_people_but_no_events_orders_or_messages() -> None:
    def names(records: Iterable[Record], field: str) -> set[str]:
        return {
            r[field] for r in records if r.get(field) and r["channel"] != "social" and r["action"] != "banner_shown"
        }

    def accounts(records: Iterable[Record]) -> set[str]:
        pairs = (i for r in records if not is_malformed(r) for i in r["identifiers"])
        return {i["value"] for i in pairs if i["namespace"] == "user_id"}

    one, other = list(generate(60, 14, 1)), list(generate(60, 14, 1, start_ms=MONDAY_2026_03_02 + 7 * DAY))
    for field in ("event_id", "message_id", "thread_id"):
        assert names(one, field)
        assert not names(one, field) & names(other, field)
    assert accounts(one) & accounts(other)
    assert not accounts(one) & accounts(generate(60, 14, 2))


def test_every_record_is_valid_against_the_schema(company: Company) -> None:
    schema = parse_schema(TOUCHPOINT)
    fields = {field["name"] for field in TOUCHPOINT["fields"]}
    for record in company.delivered:
        assert validate(record, schema, raise_errors=True)
        assert record.keys() <= fields


def test_ndjson_is_one_line_that_reads_back(company: Company) -> None:
    for record in company.delivered[:2000]:
        line = to_ndjson(record)
        assert line.count(b"\n") == 1
        assert line.endswith(b"\n")
        assert json.loads(line) == record


def test_actions_come_from_the_channels_vocabulary_or_say_their_direction(company: Company) -> None:
    custom = set()
    for record in company.delivered:
        outbound, inbound = VOCABULARY[record["channel"]]
        if record["action"] not in " ".join((outbound, inbound, *ANYWHERE)).split():
            custom.add((record["channel"], record["action"]))
            assert record["direction"] in ("inbound", "outbound")
    assert custom == CUSTOM


def test_shares_of_channels_are_those_of_a_shop(company: Company) -> None:
    shares = {
        channel: count / len(company.once) for channel, count in Counter(r["channel"] for r in company.once).items()
    }
    assert shares.keys() == VOCABULARY.keys()
    assert 0.25 < shares["web"] < 0.5
    assert 0.2 < shares["email"] < 0.4
    assert 0.15 < shares["mobile"] < 0.4
    assert min(shares.values()) > 0.01
    assert 1.2 < len(company.delivered) / 500 / DAYS < 2.4


def test_email_figures_are_believable(company: Company) -> None:
    sent, delivered = len(company.of("email", "sent")), len(company.of("email", "delivered"))
    opened, clicked = company.of("email", "opened"), company.of("email", "clicked")
    links = Counter(r["message_id"] for r in clicked)
    openers = {r["message_id"] for r in opened if not is_machine(r)}
    clickers = {r["message_id"] for r in clicked if not is_machine(r) and links[r["message_id"]] < 5}
    assert 0.95 <= delivered / sent <= 0.995
    assert 0.20 <= len(openers) / delivered <= 0.45
    assert 0.01 <= len(clickers) / delivered <= 0.06
    # A damaged record leaves a gap now and then: that opening is not in `once`, its click is.
    assert len(clickers - openers) <= 0.001 * delivered
    assert 0.10 <= sum(map(is_machine, opened)) / len(opened) <= 0.40
    assert any(r.get("provider_machine") for r in opened)
    assert any(is_machine(r) and not r.get("provider_machine") for r in opened)


def test_web_figures_are_believable(company: Company) -> None:
    visits = company.web_visits()
    bought = [v for v in visits if any(r["action"] == "purchased" for r in v)]
    assert 0.018 <= len(bought) / len(visits) <= 0.042
    pages = company.of("web", "page_viewed")
    assert 0.04 <= sum(map(is_machine, pages)) / len(pages) <= 0.13
    glances = [v for v in visits if len(v) == 1 and v[0].get("engaged_ms", 0) < 10_000]
    assert 0.2 < len(glances) / len(visits) < 0.55


def test_visits_come_by_many_ways(company: Company) -> None:
    ways: Counter[str] = Counter()
    for visit in company.web_visits():
        acquisition: Record = next((r["acquisition"] for r in visit if "acquisition" in r), {})
        ways[acquisition.get("medium") or ("referrer" if "referrer" in acquisition else "direct")] += 1
    assert {"direct", "referrer", "cpc", "email", "social", "paid_social", "display", "affiliate"} <= ways.keys()
    assert max(ways.values()) < 0.6 * ways.total()
    paid = [
        r["acquisition"] for r in company.of("web", "page_viewed") if r.get("acquisition", {}).get("medium") == "cpc"
    ]
    assert all(acquisition["click_id"] for acquisition in paid)


def test_orders_have_believable_values_and_an_id_each(company: Company) -> None:
    orders: dict[str, Record] = {}
    for record in company.once:
        if record["action"] == "purchased":
            conversion = record["conversion"]
            assert conversion == orders.setdefault(conversion["order_id"], conversion)
    values = [order["value_micros"] for order in orders.values()]
    assert 40_000_000 <= sum(values) / len(values) <= 120_000_000
    assert min(values) > 0
    currencies = Counter(order["currency"] for order in orders.values())
    assert currencies.keys() <= {"EUR", "CHF", "USD"}
    assert currencies["EUR"] > 0.7 * len(orders)


def test_purchases_on_the_site_and_in_the_app_follow_a_look_at_the_goods(company: Company) -> None:
    looked: dict[tuple[str, str], int] = {}
    purchases = 0
    for record in company.once:
        key = (person_of(record), record["channel"])
        if record["action"] == "product_viewed":
            looked[key] = record["occurred_at"]
        elif record["action"] == "purchased" and record["channel"] in ("web", "mobile"):
            purchases += 1
            assert record["occurred_at"] - looked[key] < HOUR
    assert purchases


def test_messages_are_sent_before_they_are_delivered_opened_and_clicked(company: Company) -> None:
    stages = ({"sent", "push_sent"}, {"delivered", "push_delivered"})
    messages: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    answers = 0
    for record in company.once:
        if record["channel"] not in ("email", "mobile") or "message_id" not in record:
            continue
        done = messages[record["message_id"]]
        for stage, actions in enumerate(stages):
            done[stage] += record["action"] in actions
        assert done[0] == 1
        if direction_of(record) == "inbound":
            answers += 1
            assert done[1] == 1
    assert answers


def test_nobody_is_in_two_places_at_once(company: Company) -> None:
    # While somebody looks at a page, nothing of theirs happens but the view of the article on it. Left out: people with
    # a wrong clock, of whom this can't be told, and those whose mail gateway clicks for them.
    people = defaultdict(list)
    for record in company.once:
        if direction_of(record) == "inbound" and not is_machine(record):
            people[person_of(record)].append(record)
    looked_at = 0
    for name, records in people.items():
        person = make_customer(1, int(name))
        app_skew = person.app.skew_ms if person.app else 0
        if person.scanned or app_skew or any(browser.skew_ms for browser in person.browsers):
            continue
        for record in records:
            if record["action"] not in ("page_viewed", "screen_viewed"):
                continue
            began, ended = record["occurred_at"], record["occurred_at"] + record["engaged_ms"]
            inside = {(r["channel"], r["action"]) for r in records if began < r["occurred_at"] < ended}
            looked_at += 1
            assert inside <= {(record["channel"], "product_viewed")}
    assert looked_at > 1000


def test_identifiers_are_tied_by_logins_and_clicks(company: Company) -> None:
    def namespaces(record: Record) -> set[str]:
        return {i["namespace"] for i in record["identifiers"]}

    for channel, device in (("web", "cookie_id"), ("mobile", "device_id")):
        logins = company.of(channel, "logged_in")
        assert logins
        assert all(namespaces(r) == {device, "user_id", "email_sha256"} for r in logins)
    seen = {namespace for r in company.once for namespace in namespaces(r)}
    assert seen == {"user_id", "email_sha256", "phone_sha256", "social_handle", "device_id", "cookie_id", "click_id"}


def test_a_click_in_a_message_or_post_is_found_again_on_the_landing_page(company: Company) -> None:
    tied: dict[str, dict[str, Record]] = defaultdict(dict)
    for record in company.once:
        for identifier in record["identifiers"]:
            if identifier["namespace"] == "click_id":
                tied[identifier["value"]][record["action"]] = record
    ways: Counter[str] = Counter()
    for ends in tied.values():
        landing = ends.pop("page_viewed", None)
        if landing is None:
            continue
        # A damaged click has been taken out of `once`; its landing page stands alone then.
        for click in ends.values():
            ways[click["channel"]] += 1
            assert landing["acquisition"]["campaign"] == click["acquisition"]["campaign"]
            assert -MINUTE < landing["occurred_at"] - click["occurred_at"] < 2 * MINUTE
            assert person_of(landing) == person_of(click)
    assert ways["email"] > 40
    assert ways["social"] > 5


def test_more_than_two_people_log_in_at_a_shops_tablet() -> None:
    people = defaultdict(set)
    for record in generate(2000, 14, 1):
        if record["action"] in ("logged_in", "signed_up"):
            names = {i["namespace"]: i["value"] for i in record["identifiers"]}  # type: ignore[attr-defined]
            if "cookie_id" in names and "user_id" in names:
                people[names["cookie_id"]].add(names["user_id"])
    assert max(map(len, people.values())) >= 3


def test_human_agents_are_no_crawlers_and_crawlers_are() -> None:
    human = (*DESKTOP_AGENTS, *PHONE_AGENTS, *TABLET_AGENTS, *APP_AGENTS, KIOSK_AGENT)
    assert [agent for agent in human if is_crawler(agent)] == []
    assert [agent for agent in CRAWLER_AGENTS if agent and not is_crawler(agent)] == []
    assert {"", None} < set(CRAWLER_AGENTS)


def test_duplicates_repeat_a_record_to_the_byte_or_are_the_rare_conflicting_ones(company: Company) -> None:
    copies: dict[str, list[bytes]] = defaultdict(list)
    for record in company.delivered:
        copies[str(record["event_id"])].append(to_ndjson(record))
    repeated = [lines for lines in copies.values() if len(lines) > 1]
    same = sum(len(set(lines)) < len(lines) for lines in repeated)
    conflicting = [set(lines) for lines in repeated if len(set(lines)) > 1]
    assert 0.006 < same / len(copies) < 0.015
    assert 0 < len(conflicting) < 0.002 * len(copies)
    for lines in conflicting:
        bare = {json.dumps(json.loads(line) | {"engaged_ms": 0}) for line in lines}
        assert len(bare) == 1


def test_some_records_come_days_late_and_few_are_malformed(company: Company) -> None:
    seen = 0
    late = 0
    for record in company.delivered:
        late += record["occurred_at"] < seen - 23 * HOUR
        seen = max(seen, record["occurred_at"])
    assert 0.002 < late / len(company.delivered) < 0.008
    malformed = sum(map(is_malformed, company.delivered))
    assert 0.0002 < malformed / len(company.delivered) < 0.002


def test_most_records_are_delivered_in_the_order_of_their_time(company: Company) -> None:
    seen = 0
    behind = 0
    for record in company.delivered:
        behind += record["occurred_at"] < seen - 15 * MINUTE
        seen = max(seen, record["occurred_at"])
    assert behind / len(company.delivered) < 0.03


def test_nothing_happens_before_the_start_or_long_after_the_end(company: Company) -> None:
    times = [r["occurred_at"] for r in company.delivered]
    assert min(times) >= MONDAY_2026_03_02 - MINUTE
    assert MONDAY_2026_03_02 + (DAYS - 1) * DAY < max(times) <= MONDAY_2026_03_02 + DAYS * DAY + 4 * HOUR


def test_start_and_backfill_are_the_callers() -> None:
    start_ms = MONDAY_2026_03_02 + 2 * DAY + 13 * HOUR
    records = list(generate(50, 2, 1, start_ms=start_ms, backfill=False))
    assert all("backfill" not in r for r in records)
    assert all(start_ms - MINUTE <= int(str(r["occurred_at"])) <= start_ms + 2 * DAY + 4 * HOUR for r in records)
    assert all(r["backfill"] for r in islice(generate(50, 2, 1), 50))


@pytest.mark.parametrize(("customers", "days"), [(0, 1), (1, 0), (-5, 3)])
def test_a_company_without_customers_or_days_is_refused(customers: int, days: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        generate(customers, days, 1)


def test_what_the_company_spends_is_what_spend_takes() -> None:
    rows = read_spend(spending(customers=2_000, days=28, seed=1))
    assert len(rows) == 28 * 5
    assert {row.currency for row in rows} == {"EUR"}
    search = [row.amount_micros for row in rows if row.name == "Paid Search"]
    assert 28 * 350_000_000 <= sum(search) <= 28 * 530_000_000
    assert [*spending(2_000, 28, 1)] == [*spending(2_000, 28, 1)] != [*spending(2_000, 28, 2)]
