"""Rows for tests of tables and views: records with short names, inserted as the sink inserts them."""

from datetime import UTC, datetime
from typing import Any

from schemas.codec import encode
from schemas.columns import decode_columns
from sinks.clickhouse import ClickHouse
from sinks.tables import CORRECTIONS, TABLES, TOUCHPOINTS, Accepted, Logged
from streams.domain.ids import uuid5
from tests.unit.sinks.plain_records import bare

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOON = datetime(2026, 3, 31, 12, 0, 0, 123_000, tzinfo=UTC)
NOON_MS = 1_774_958_400_123
CREDITS = ("first", "last", "last_non_direct", "linear", "position", "j_shaped", "inverse_j", "time_decay")


def insert(client: ClickHouse, record: str, *rows: dict[str, Any]) -> None:
    """Inserts records as the sink gets them: encoded and decoded again."""
    table = TABLES[record]
    decoded = decode_columns([encode(record, row) for row in rows], record)
    assert client.insert(table.name, table.columns, table.data_of(decoded, 0)) == len(rows)


def insert_touchpoints(client: ClickHouse, *pairs: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Inserts ResolvedTouchpoints with the touchpoints inside them."""
    outer = [resolved | {"touchpoint": encode("touchpoint", touchpoint)} for resolved, touchpoint in pairs]
    values = [encode("resolved_touchpoint", record) for record in outer]
    resolved = decode_columns(values, "resolved_touchpoint")
    accepted = Accepted(resolved, decode_columns(resolved.column("touchpoint"), "touchpoint"))
    client.insert(TOUCHPOINTS.name, TOUCHPOINTS.columns, TOUCHPOINTS.data_of(accepted, 0))


def insert_corrections(client: ClickHouse, *rows: dict[str, Any]) -> None:
    """Inserts Corrections read at offsets from 0."""
    decoded = decode_columns([encode("correction", row) for row in rows], "correction")
    logged = Logged(decoded, range(len(rows)))
    client.insert(CORRECTIONS.name, CORRECTIONS.columns, CORRECTIONS.data_of(logged, 0))


def rows(client: ClickHouse, view: str, clauses: str = "") -> list[dict[str, Any]]:
    """All of a view or table, with the names of its columns."""
    names = [name for name, *_ in client.query(f"DESCRIBE TABLE {view}")]
    return [dict(zip(names, row, strict=True)) for row in client.query(f"SELECT * FROM {view} {clauses}")]  # noqa: S608 - composed of what stands here


def journey(name: str, *touches: tuple[str, str], version: int = 1, **fields: Any) -> dict[str, Any]:
    """A journey with one step an hour; each of ``touches`` is (channel, marketing channel) of one step."""
    at = [fields.get("started_at", NOON_MS) + i * HOUR_MS for i in range(len(touches))]
    converted = fields.get("converted", True)
    share = [1 / len(touches)] * len(touches) if converted else []
    first = [1.0, *[0.0] * (len(touches) - 1)] if converted else []
    credit = {f"credit_{model}": share for model in CREDITS} | {"credit_first": first, "credit_last": first[::-1]}
    steps = [
        {"at": t, "channel": channel, "action": "page_viewed", "via": "cookie_id:a", "event_id": f"e{i}"}
        for i, (t, (channel, _)) in enumerate(zip(at, touches, strict=True))
    ]
    return (
        {
            "journey_id": uuid5("journey", name),
            "customer_id": uuid5("customer", name),
            "version": version,
            "deleted": False,
            "started_at": at[0],
            "ended_at": at[-1],
            "first_channel": touches[0][0],
            "last_channel": touches[-1][0],
            "touchpoints": len(touches),
            "converted": converted,
            "conversion_type": "purchase" if converted else "",
            "value_micros": 10_000_000 if converted else 0,
            "currency": "EUR" if converted else "",
            "order_id": "",
            "goals": 0,
            "steps": steps,
            "touches": [
                {"at": t, "channel": c, "marketing_channel": m, "campaign": "spring", "content": "", "touchpoints": 1}
                for t, (c, m) in zip(at, touches, strict=True)
            ],
        }
        | credit
        | fields
    )


def tombstone(name: str, version: int) -> dict[str, Any]:
    """The deletion of a journey, as the stage writes it: nothing but its ids."""
    bare = journey(name, ("web", "Direct"), version=version, converted=False)
    return bare | {"deleted": True, "steps": [], "touches": [], "started_at": 0, "ended_at": 0, "touchpoints": 0}


def engaged(**fields: Any) -> dict[str, Any]:
    """An engagement row of e-mail, campaign spring, humans, partition 0, in the hour of NOON."""
    return {
        "channel": "email",
        "campaign": "spring",
        "hour": NOON_MS // HOUR_MS * HOUR_MS,
        "currency": "",
        "actor": "human",
        "source_partition": 0,
        "version": 1,
        "touchpoints": 0,
        "inbound": 0,
        "outbound": 0,
        "unique_openers": 0,
        "unique_clickers": 0,
        "engaged_ms": 0,
        "conversions": 0,
        "revenue_micros": 0,
        "actions": {},
    } | fields


def session(name: str, **fields: Any) -> dict[str, Any]:
    """An engaged web session of one customer."""
    return {
        "session_id": uuid5("session", name),
        "customer_id": uuid5("customer", name),
        "channel": "web",
        "version": 1,
        "deleted": False,
        "started_at": NOON_MS,
        "ended_at": NOON_MS + 60_000,
        "touchpoints": 3,
        "page_views": 2,
        "engaged_ms": 1500,
        "conversions": 0,
        "engaged": True,
        "marketing_channel": "Direct",
        "campaign": "",
        "content": "",
    } | fields


def touchpoint(event_id: str = "e1", **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A page view with nothing optional, and what INTAKE made of it; ``fields`` go to whichever record has them."""
    cookie = {"namespace": "cookie_id", "value": "a"}
    resolved = {
        "to": uuid5("customer", "a"),
        "via": cookie,
        "version": 0,
        "actor": "human",
        "rules_version": "1",
        "direction": "inbound",
        "mode": "asynchronous",
        "marketing_channel": "Direct",
        "has_acquisition": False,
        "campaign": "",
        "content": "",
        "identifiers": [cookie],
        "received_at": NOON_MS + 7,
        "intake_offset": 5,
        "intake_partition": 2,
    }
    sent = {
        "event_id": event_id,
        "channel": "web",
        "occurred_at": NOON_MS,
        "identifiers": [cookie],
        "action": "page_viewed",
        "properties": {},
    }
    mine = {key: value for key, value in fields.items() if key in resolved}
    return resolved | mine, sent | {key: value for key, value in fields.items() if key not in resolved}


def outcome(kind: str, records: int, **fields: Any) -> dict[str, Any]:
    """A total of e-mail's partition 0."""
    total = {"topic": "touchpoints.email", "channel": "email", "partition": 0, "outcome": kind, "reason": ""}
    return total | {"version": 1, "records": records} | fields


def fill(client: ClickHouse) -> None:
    """A little of everything, so that whatever is asked has something to say."""
    paths = [("email", "Email"), ("web", "Email"), ("service", "Direct")]
    insert(client, "journey", journey("a", *paths), journey("open", ("web", "Direct"), converted=False))
    insert(
        client,
        "engagement",
        engaged(inbound=2, outbound=9, unique_openers=1, actions={"sent": 5, "delivered": 4, "opened": 2}),
        engaged(currency="EUR", conversions=1, revenue_micros=1_234_567_890_000, inbound=1),
        engaged(actor="machine", inbound=1, actions={"opened": 1}),
    )
    insert(client, "session", session("a"))
    login, cookie = {"namespace": "user_id", "value": "4711"}, {"namespace": "cookie_id", "value": "28dc"}
    insert_touchpoints(client, touchpoint(via=login, identifiers=[login, cookie], properties={"path": "/"}))
    assigned = [{"identifier": known, "customer": uuid5("customer", "a"), "version": 1} for known in (login, cookie)]
    insert(client, "assignment", *assigned)
    insert(client, "identity_change", bare("identity_change", kind="merge"))
    tablet = {"stronger": login, "weaker": {"namespace": "device_id", "value": "tablet"}}
    insert(client, "identity_violation", bare("identity_violation", **tablet, reason="shared"))
    now_ms = client.query("SELECT toUnixTimestamp64Milli(now64(3))")[0][0]
    after = bare("journey_change")["after"] | {"touches": journey("a", *paths)["touches"], "credit_linear": [1 / 3] * 3}
    changed = bare(
        "journey_change", conversion_event_id="e", after=after, changed_at=now_ms, cause="merge", currency="EUR"
    )
    insert(client, "journey_change", changed | {"customer_id": uuid5("customer", "a")})
    insert(client, "outcome", outcome("accepted", 12_345_678), outcome("dead", 2, reason="invalid"))
    letter = dict.fromkeys(("field", "value", "expected", "channel"), "x") | {"reason": "invalid", "topic": "t"}
    insert(client, "dead_letter", letter | {"partition": 0, "offset": 1, "received_at": 1, "original": b""})
