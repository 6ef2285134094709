"""A mapping tried on a few bytes: what becomes of each row."""

from __future__ import annotations

import tomllib
from io import BufferedReader, BytesIO
from typing import Any, NamedTuple

from schemas.codec import decode
from schemas.conformance import problems
from streams.producing.mapping.declared import Declared
from streams.producing.mapping.formats import tables
from streams.producing.mapping.reading import parse_mapping
from streams.producing.mapping.touchpoints import Touchpoints
from streams.producing.rows import Message, Reject

LEAST = """
[touchpoint]
event_id = "id"
occurred_at = "time"
channel = "channel"
action = "action"
direction = { constant = "inbound" }
[identifiers]
user_id = "user"
"""


class Tried(NamedTuple):
    """``records`` are the decoded touchpoints, ``skipped`` the rows that are none by the mapping's word."""

    messages: list[Message]
    rejects: list[Reject]
    skipped: int

    @property
    def records(self) -> list[dict[str, Any]]:
        found = [decode(message.value).record for message in self.messages]
        # What is sent has to pass what `produce` asks of NDJSON.
        assert [problem for record in found for problem in problems("touchpoint", record)] == []
        return found

    @property
    def problems(self) -> list[tuple[int, str, str]]:
        """Line, field and what was expected."""
        return [(reject.line, p.field, p.expected) for reject in self.rejects for p in reject.problems]


def declare(toml: str) -> Declared:
    return parse_mapping("m.toml", tomllib.loads(toml))


def attempt(toml: str | Declared, data: bytes | str, name: str = "f.csv", backfill: bool = False) -> Tried:
    declared = declare(toml) if isinstance(toml, str) else toml
    stream = BufferedReader(BytesIO(data.encode() if isinstance(data, str) else data))
    found = Tried([], [], 0)
    skipped = 0
    for item in Touchpoints(declared, backfill).map(tables(name, stream, declared)):
        if isinstance(item, list):
            found.messages.extend(item)
        elif isinstance(item, Reject):
            found.rejects.append(item)
        elif hasattr(item, "by_channel"):
            skipped += sum(item.by_channel.values())
    return found._replace(skipped=skipped)
