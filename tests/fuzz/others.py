"""Damaged input of what decodes besides INTAKE: links and corrections, lines of NDJSON, files for a mapping.

Nothing raises but what says that a file can't be used; nothing that was given goes missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from io import BytesIO
from multiprocessing.connection import Connection
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.codec import encode
from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.identity.limits import Limits
from streams.producing.errors import InputError
from streams.producing.lines import MAX_LINE, read_lines
from streams.producing.produce import prepare
from streams.producing.readers import ndjson
from streams.producing.rows import Reject, Row
from streams.runtime.stage import PlainRecord, Records
from streams.sample import MONDAY_2026_03_02, to_ndjson
from streams.stages.identity import Identity, IdentityRules
from tests.fuzz.damage import Damage, pretends_newer
from tests.fuzz.intake import Broken
from tests.fuzz.mutations import touchpoints
from tests.fuzz.process import Batch, resident_mb
from tests.unit.builders import Collected, MemoryState
from tests.unit.producing.mapping.trying import LEAST, attempt

AT_ONCE = 200


def links(seed: int) -> None:
    """A batch of damaged links and corrections through IDENTITY; each is applied or a dead letter."""
    draw = Random(seed)
    values = [_said(draw) for _ in range(AT_ONCE)]
    damage = Damage(values, draw)
    stage = Identity(IdentityRules(Limits(), epoch=0, piece=7, future_tolerance_ms=600_000))
    received = MONDAY_2026_03_02 + 86_400_000
    log = [
        PlainRecord(at, received, b"links", damage.do(value) if draw.random() < 0.7 else value)
        for at, value in enumerate(values)
    ]
    log = [record for record in log if not pretends_newer(record.value)]
    state, out = MemoryState(0), Collected()
    stage.fold(Records(topics.LINKS, 0, log), state, out)
    stage.emit(state.take_changed(), state, out)


def _said(draw: Random) -> bytes:
    ends = [Identifier("user_id", f"u{draw.randrange(9)}"), Identifier("cookie_id", f"c{draw.randrange(40)}")]
    fields: dict[str, Any] = {"stronger": ends[0]._asdict(), "weaker": ends[1]._asdict()}
    at, name = MONDAY_2026_03_02 + draw.randrange(10**6), f"e{draw.randrange(99)}"
    if draw.random() < 0.6:
        return encode("link", fields | {"occurred_at": at, "event_id": name, "channel": "web"})
    kind = draw.choice(("asserted", "retracted", "lifted", "UNKNOWN"))
    return encode("correction", fields | {"corrected_at": at, "correction_id": name, "kind": kind, "reason": "because"})


def lines(seed: int) -> None:
    """Damaged NDJSON through `produce`; each line that isn't blank is a message or a reject."""
    draw = Random(seed)
    whole = [to_ndjson(record) for record in touchpoints(AT_ONCE, seed % 5)]
    damage = Damage(whole, draw)
    text = b"".join(damage.do(line) if draw.random() < 0.6 else line for line in whole)
    items = list(ndjson("f", read_lines(BytesIO(text))))
    for item in items:
        found = prepare(item) if isinstance(item, Row) else item
        if isinstance(found, Reject) and not found.text.isprintable() and "\n" not in found.text:
            raise Broken("what is told of a line is no line")
    filled = sum(1 for line in text.split(b"\n") if line.removeprefix(b"\xef\xbb\xbf").strip() and len(line) < MAX_LINE)
    if sum(isinstance(item, Row | Reject) for item in items) < filled - 1:
        raise Broken("lines went missing")


def files(seed: int) -> None:
    """A damaged CSV, NDJSON or Parquet through a mapping; it may be refused."""
    draw = Random(seed)
    rows = [
        {"id": f"e{n}", "time": f"2026-03-02T00:00:{n % 60:02}Z", "channel": "web", "action": "opened", "user": f"u{n}"}
        for n in range(AT_ONCE)
    ]
    whole = draw.choice((_csv, _ndjson, _parquet))(rows)
    damaged = Damage([whole], draw).do(whole) if draw.random() < 0.9 else whole
    try:
        attempt(LEAST, damaged)
    except InputError:
        return


def _csv(rows: Sequence[dict[str, str]]) -> bytes:
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows), ""]).encode()


def _ndjson(rows: Sequence[dict[str, str]]) -> bytes:
    return b"".join(to_ndjson(dict(row)) for row in rows)


def _parquet(rows: Sequence[dict[str, str]]) -> bytes:
    out = BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), out)
    return out.getvalue()


KINDS: Sequence[Callable[[int], None]] = (links, lines, files)


def others(told: Connection, seed: int, batches: int) -> None:
    """One of each kind in turn."""
    for number in range(batches):
        began = time.monotonic()
        KINDS[number % len(KINDS)](seed + number)
        told.send(Batch(time.monotonic() - began, resident_mb(), None))
