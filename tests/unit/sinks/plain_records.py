"""Records with nothing in them but what a test is about."""

from typing import Any

from tests.unit.schemas.record_strategies import source

MS = 1_431_857_114_123
RESOLVED = {
    "to": "8c0c1f8e-4b0f-5f0c-9f5f-0d5a3f0e6a11",
    "via": {"namespace": "email_sha256", "value": "ab12"},
    "version": 77,
    "actor": "human",
    "rules_version": "1",
    "direction": "inbound",
    "mode": "asynchronous",
    "marketing_channel": "Email",
    "has_acquisition": True,
    "campaign": "spring",
    "content": "",
    "identifiers": [
        {"namespace": "email_sha256", "value": "ab12"},
        {"namespace": "social_handle", "value": "net:anna"},
    ],
    "received_at": MS + 5,
    "intake_offset": 42,
    "intake_partition": 3,
    "touchpoint": b"",
}
BARE_TOUCHPOINT = {
    "event_id": "e1",
    "channel": "web",
    "occurred_at": MS,
    "identifiers": [{"namespace": "cookie_id", "value": "undefined"}],
    "action": "page_viewed",
    "direction": "UNKNOWN",
    "mode": "UNKNOWN",
    "acquisition": None,
    "message_id": None,
    "thread_id": None,
    "conversion": None,
    "sentiment": None,
    "satisfaction": None,
    "user_agent": None,
    "provider_machine": False,
    "link": None,
    "engaged_ms": None,
    "backfill": False,
    "properties": {"path": "/"},
}


def bare(record: str, **fields: Any) -> dict[str, Any]:
    """A ``record`` with nothing in it but ``fields``."""
    return _empty(source(record), {}) | fields


def _empty(kind: Any, named: dict[str, Any]) -> Any:
    """A value of the type ``kind`` with nothing in it; ``named`` are the types declared on the way."""
    if isinstance(kind, list):
        return None
    kind = named.get(kind, kind) if isinstance(kind, str) else kind
    if isinstance(kind, str):
        return {"string": "", "int": 0, "long": 0, "boolean": False, "bytes": b""}[kind]
    if "name" in kind:
        named[kind["name"]] = kind
    if kind["type"] == "record":
        return {field["name"]: _empty(field["type"], named) for field in kind["fields"]}
    return {"array": [], "map": {}, "enum": "UNKNOWN"}[kind["type"]]
