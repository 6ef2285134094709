"""The mappings that come with omnijourney, on rows written by hand in the shapes that the vendors document.

GA4: support.google.com/analytics/answer/7029846; Segment: segment.com/docs/connections/storage/warehouses/schema;
RudderStack: rudderstack.com/docs/data-warehouse-integrations/warehouse-schemas; Snowplow: docs.snowplow.io, "Enriched
stream TSV file format".
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streams.domain.validation import check
from streams.producing.mapping.reading import read_mapping, shipped
from tests.unit.producing.mapping.trying import Tried, attempt

NOON = 1_772_366_400_000  # 2026-03-01T12:00:00Z


def run(name: str, data: bytes | str, file: str) -> Tried:
    tried = attempt(read_mapping(name), data, file)
    # What a shipped mapping makes has to be something that INTAKE accepts.
    assert [found for record in tried.records if (found := check(record, record["channel"]))] == []
    return tried


def sent(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: record[name] for name in names}


def pairs(record: dict[str, Any]) -> dict[str, str]:
    return {entry["namespace"]: entry["value"] for entry in record["identifiers"]}


def parameter(key: str, **value: Any) -> dict[str, Any]:
    types = {"string_value": None, "int_value": None, "float_value": None, "double_value": None}
    return {"key": key, "value": {**types, **value}}


GA4 = [
    {
        "event_date": "20260301",
        "event_timestamp": 1772366400123456,
        "event_name": "page_view",
        "event_params": [
            parameter("page_location", string_value="https://shop.example/p?utm_source=news&utm_medium=email&gclid=g1"),
            parameter("page_referrer", string_value="https://www.google.com/"),
            parameter("ga_session_id", int_value=1772366400),
            parameter("engagement_time_msec", int_value=1500),
        ],
        "event_bundle_sequence_id": 1,
        "user_id": None,
        "user_pseudo_id": "123.456",
        "platform": "WEB",
        "device": {"category": "desktop", "web_info": {"browser": "Chrome"}},
        "ecommerce": {"transaction_id": None, "purchase_revenue": None},
        "collected_traffic_source": {"manual_source": "newsletter", "gclid": None},
    },
    {
        "event_timestamp": 1772366460000000,
        "event_name": "purchase",
        "event_params": [parameter("currency", string_value="EUR"), parameter("value", double_value=12.3)],
        "event_bundle_sequence_id": 2,
        "user_id": "u1",
        "user_pseudo_id": "123.456",
        "platform": "IOS",
        "device": {"category": "mobile", "web_info": {"browser": None}},
        "ecommerce": {"transaction_id": "T-1", "purchase_revenue": 12.34},
        "collected_traffic_source": {"manual_source": None, "gclid": None},
    },
    {
        "event_timestamp": 1772366460000000,
        "event_name": "session_start",
        "user_pseudo_id": "123.456",
        "platform": "WEB",
    },
    {"event_timestamp": 1772366470000000, "event_name": "scroll", "user_pseudo_id": None, "platform": "WEB"},
]


def test_ga4_rows_as_bigquery_exports_them_to_json() -> None:
    # BigQuery writes INT64 as text in JSON.
    lines = json.dumps(GA4).replace("1772366400123456", '"1772366400123456"')
    tried = run("ga4", "\n".join(json.dumps(row) for row in json.loads(lines)), "events_000.json")
    view, purchase = tried.records
    assert sent(view, "channel", "action", "occurred_at", "engaged_ms", "user_agent") == {
        "channel": "web",
        "action": "page_viewed",
        "occurred_at": NOON + 123,
        "engaged_ms": 1500,
        "user_agent": "Chrome",
    }
    assert {name: value for name, value in view["acquisition"].items() if value} == {
        "source": "newsletter",
        "medium": "email",
        "click_id": "g1",
        "referrer": "https://www.google.com/",
        "url": "https://shop.example/p?utm_source=news&utm_medium=email&gclid=g1",
    }
    assert pairs(view) == {"cookie_id": "123.456"}
    assert view["properties"] == {"device": "desktop", "ga_session_id": "1772366400"}
    assert pairs(purchase) == {"user_id": "u1", "cookie_id": "123.456"}
    assert sent(purchase, "channel", "action") == {"channel": "mobile", "action": "purchased"}
    assert purchase["conversion"] == {
        "type": "purchase",
        "value_micros": 12_340_000,
        "currency": "EUR",
        "order_id": "T-1",
    }
    assert tried.skipped == 1
    assert tried.problems == [(4, "identifiers", "at least one of user_id, cookie_id")]


def test_ga4_rows_in_parquet_are_the_same() -> None:
    out = BytesIO()
    pq.write_table(pa.Table.from_pylist(GA4[:2]), out)
    parquet = run("ga4", out.getvalue(), "events.parquet").records
    assert parquet == run("ga4", "\n".join(json.dumps(row) for row in GA4[:2]), "events.json").records


STANDARD = (
    "id,received_at,sent_at,original_timestamp,timestamp,anonymous_id,user_id,context_library_name,context_user_agent"
)
TIMES = "2026-03-01 12:00:05,2026-03-01 12:00:04,2026-03-01 12:00:03,2026-03-01 12:00:00"
LIBRARY = {
    "segment": ("analytics.js", "analytics-android"),
    "rudderstack": ("RudderLabs JavaScript SDK", "rudder-ios-library"),
}
VENDORS = pytest.mark.parametrize("vendor", ["segment", "rudderstack"])


@VENDORS
def test_pages(vendor: str) -> None:
    data = f"{STANDARD},url,referrer,title,path,context_campaign_source,context_campaign_name\n"
    data += f"m1,{TIMES},anon1,,{LIBRARY[vendor][0]},Mozilla/5.0,https://shop.example/?utm_medium=email,,Home,/,news,spring\n"
    (page,) = run(f"{vendor}_pages", data, "pages.csv").records
    assert sent(page, "event_id", "channel", "action", "occurred_at", "user_agent") == {
        "event_id": "m1",
        "channel": "web",
        "action": "page_viewed",
        "occurred_at": NOON,
        "user_agent": "Mozilla/5.0",
    }
    assert pairs(page) == {"cookie_id": "anon1"}
    came = {name: value for name, value in page["acquisition"].items() if value and name != "url"}
    assert came == {"source": "news", "medium": "email", "campaign": "spring"}
    assert page["properties"] == {"title": "Home", "path": "/"}


@VENDORS
def test_tracks(vendor: str) -> None:
    web, app = LIBRARY[vendor]
    data = f"{STANDARD},event,event_text,revenue,currency,order_id\n"
    data += f"m1,{TIMES},anon1,u1,{web},Mozilla/5.0,order_completed,Order Completed,39.95,eur,O-1\n"
    data += f"m2,{TIMES},anon1,u1,{app},,application_opened,Application Opened,,,\n"
    data += f"m3,{TIMES},anon1,u1,{app},,level_up,Level Up,,,\n"
    data += f"m4,{TIMES},,u1,,,email_delivered,Email Delivered,,,\n"
    data += f"m5,{TIMES},,,,,order_completed,Order Completed,1,,\n"
    tried = run(f"{vendor}_tracks", data, "tracks.csv")
    assert [(r["channel"], r["action"], r["direction"]) for r in tried.records] == [
        ("web", "purchased", "UNKNOWN"),
        ("mobile", "app_opened", "UNKNOWN"),
        ("mobile", "level_up", "inbound"),
        ("email", "delivered", "UNKNOWN"),
    ]
    order = tried.records[0]["conversion"]
    assert order == {"type": "purchase", "value_micros": 39_950_000, "currency": "EUR", "order_id": "O-1"}
    assert pairs(tried.records[0]) == {"user_id": "u1", "cookie_id": "anon1"}
    assert {field.split(" ")[0] for _, field, _ in tried.problems} == {"identifiers", "conversion.currency"}


@VENDORS
def test_identifies_hash_the_address(vendor: str) -> None:
    data = f"{STANDARD},email,first_name\nm1,{TIMES},anon1,u1,{LIBRARY[vendor][0]},,Jane.Doe@example.com ,Jane\n"
    tried = run(f"{vendor}_identifies", data, "identifies.csv")
    (record,) = tried.records
    assert sent(record, "channel", "action", "direction") == {
        "channel": "web",
        "action": "identified",
        "direction": "inbound",
    }
    # printf jane.doe@example.com | sha256sum
    digest = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"
    assert pairs(record) == {"user_id": "u1", "email_sha256": digest, "cookie_id": "anon1"}
    assert b"jane" not in tried.messages[0].value.lower()


@VENDORS
def test_screens(vendor: str) -> None:
    data = f"{STANDARD},name,context_device_id\nm1,{TIMES},anon1,,{LIBRARY[vendor][1]},,Cart,dev1\n"
    (record,) = run(f"{vendor}_screens", data, "screens.csv").records
    assert sent(record, "channel", "action") == {"channel": "mobile", "action": "screen_viewed"}
    assert pairs(record) == {"device_id": "dev1", "cookie_id": "anon1"}
    assert record["properties"] == {"name": "Cart"}


def snowplow(**given: str) -> str:
    header = read_mapping("snowplow").shape.header
    assert header is not None
    assert len(header) == 131
    assert set(given) <= set(header)
    return "\t".join(given.get(name, "") for name in header) + "\n"


def test_snowplow_columns_stand_where_its_documentation_has_them() -> None:
    header = read_mapping("snowplow").shape.header or ()
    # Property indexes of docs.snowplow.io, "Enriched stream TSV file format".
    indexes = {"app_id": 0, "event_id": 6, "user_id": 12, "domain_userid": 15, "page_url": 29, "mkt_campaign": 51}
    indexes |= {"se_value": 57, "tr_orderid": 59, "useragent": 77, "tr_currency": 108, "mkt_clickid": 116}
    indexes |= {"derived_tstamp": 124, "event_name": 126, "true_tstamp": 130}
    assert {name: header.index(name) for name in indexes} == indexes


def test_snowplow_events() -> None:
    both = {
        "platform": "web",
        "derived_tstamp": "2026-03-01 12:00:00.123",
        "domain_userid": "d1",
        "network_userid": "n1",
    }
    data = snowplow(
        event_id="e1", event_name="page_view", page_url='https://x.example/?q="a', mkt_source="g", useragent="M", **both
    )
    data += snowplow(
        event_id="e2",
        event_name="transaction",
        tr_orderid="O1",
        tr_total="9.99",
        tr_currency="USD",
        user_id="u",
        **both,
    )
    data += snowplow(event_id="e3", event_name="page_ping", **both)
    data += snowplow(event_id="e4", event_name="heartbeat", **{**both, "platform": "iot"})
    tried = run("snowplow", data + "too\tshort\n", "part-00000.gz")
    view, order = tried.records
    assert sent(view, "event_id", "channel", "action", "occurred_at", "user_agent") == {
        "event_id": "e1",
        "channel": "web",
        "action": "page_viewed",
        "occurred_at": NOON + 123,
        "user_agent": "M",
    }
    assert (view["acquisition"]["source"], view["acquisition"]["url"]) == ("g", 'https://x.example/?q="a')
    assert pairs(order) == {"user_id": "u", "cookie_id": "d1", "network_userid": "n1"}
    assert order["conversion"] == {"type": "purchase", "value_micros": 9_990_000, "currency": "USD", "order_id": "O1"}
    assert tried.skipped == 1
    assert [(reject.line, reject.problems[0].value) for reject in tried.rejects] == [(5, "2 columns"), (4, "'iot'")]


def test_a_plain_clickstream() -> None:
    data = "user,time,event,channel\nu1,2026-03-01T12:00:00Z,page_view,web\nu1,2026-03-01T12:00:01Z,Waved,service\n"
    tried = run("clickstream", data + "u2,2026-03-01,page_view,web\nu3,2026-03-01T12:00:00Z,opened,fax\n", "c.csv")
    view, waved = tried.records
    assert sent(view, "channel", "action", "occurred_at") == {
        "channel": "web",
        "action": "page_viewed",
        "occurred_at": NOON,
    }
    assert view["event_id"] != waved["event_id"]
    assert sent(waved, "action", "direction") == {"action": "Waved", "direction": "inbound"}
    assert [line for line, _, _ in tried.problems] == [4, 5]


def test_every_shipped_mapping_is_tried_here() -> None:
    tried = {"clickstream", "ga4", "snowplow"}
    tried |= {f"{v}_{t}" for v in LIBRARY for t in ("pages", "tracks", "identifies", "screens")}
    assert tried == set(shipped())


def test_ga4_purchases_without_a_transaction_are_two_orders() -> None:
    rows = [
        {**GA4[1], "event_timestamp": 1772366460000000 + at, "ecommerce": {"transaction_id": "(not set)"}}
        for at in (0, 5_000_000)
    ]
    records = run("ga4", "\n".join(json.dumps(row) for row in rows), "events.json").records
    assert [record["conversion"]["order_id"] for record in records] == [None, None]
