"""What unit tests are made of: touchpoints with short names, records as stages read them, outputs in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

from sortedcontainers import SortedDict

from schemas.codec import decode, encode
from streams import topics
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.domain.touchpoint import Conversion, Touchpoint
from streams.runtime.partitioner import partition_of
from streams.runtime.stage import Headers, PlainRecord, Record, Records, Stage

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
#: 2024-03-01 00:00 UTC.
MIDNIGHT = 1_709_251_200_000
NOON = MIDNIGHT + 12 * HOUR

ANNA = Identifier("cookie_id", "annas-cookie")
CUSTOMER = customer_id(ANNA)


def touch(event_id: str, at: int, channel: str = "web", **more: Any) -> Touchpoint:
    """A page view of Anna's at ``at`` ms, unless ``more`` says otherwise."""
    return Touchpoint(at, event_id, channel, **{"via": ANNA.text, "action": "page_viewed"} | more)


def purchase(event_id: str, at: int, order: str = "", channel: str = "web", **more: Any) -> Touchpoint:
    """A purchase of 20 EUR; without ``order`` it names none."""
    bought = Conversion("purchase", 20_000_000, "EUR", order)
    return touch(event_id, at, channel, **{"action": "purchased", "conversion": bought} | more)


def goal(event_id: str, at: int, order: str = "", **more: Any) -> Touchpoint:
    """A conversion that closes no journey: a registration."""
    registered = Conversion("registration", 0, "", order)
    return touch(event_id, at, **{"action": "signed_up", "conversion": registered} | more)


def names(touchpoints: Iterable[Touchpoint]) -> str:
    """The event_ids, blank-separated."""
    return " ".join(t.event_id for t in touchpoints)


def touchpoint_record(**fields: Any) -> dict[str, Any]:
    """A whole touchpoint record: a page view with a browser's user agent, ``fields`` over it."""
    record: dict[str, Any] = {
        "event_id": "e1",
        "channel": "web",
        "occurred_at": NOON,
        "identifiers": [ANNA._asdict()],
        "action": "page_viewed",
        "direction": "UNKNOWN",
        "mode": "UNKNOWN",
        "acquisition": None,
        "message_id": None,
        "thread_id": None,
        "conversion": None,
        "sentiment": None,
        "satisfaction": None,
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0",
        "provider_machine": False,
        "link": None,
        "engaged_ms": None,
        "backfill": False,
        "properties": {},
    }
    assert fields.keys() <= record.keys()
    return record | fields


def acquisition(**fields: str) -> dict[str, str | None]:
    """An acquisition record with ``fields``, the others null."""
    every = ("source", "medium", "campaign", "content", "term", "click_id", "referrer", "url")
    assert fields.keys() <= set(every)
    return dict.fromkeys(every) | fields


def cookie_on(partition: int, partitions: int, name: str = "cookie") -> Identifier:
    """A cookie whose key Kafka puts on ``partition`` of ``partitions``."""
    candidates = (Identifier("cookie_id", f"{name}-{i}") for i in range(10_000))
    return next(c for c in candidates if partition_of(c.text.encode(), partitions) == partition)


class Sent(NamedTuple):
    """One output; ``fields`` are the decoded record."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None
    headers: Headers

    @property
    def fields(self) -> dict[str, Any]:
        return decode(self.value).record


class Collected:
    """Outputs that stay in memory, with what a reader of the compacted topics would find at the end."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def send(
        self, topic: str, key: bytes, value: bytes, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        self.sent.append(Sent(topic, key, value, partition, headers))

    def on(self, topic: str) -> list[Sent]:
        """What was sent to ``topic``, in order."""
        return [sent for sent in self.sent if sent.topic == topic]

    def final(self, topic: str) -> dict[bytes, dict[str, Any]]:
        """Key -> its row of the highest version; fails where one (key, version) has two contents."""
        rows: dict[bytes, dict[int, dict[str, Any]]] = {}
        for sent in self.on(topic):
            fields = sent.fields
            known = rows.setdefault(sent.key, {}).setdefault(fields["version"], fields)
            assert known == fields, f"{topic} {sent.key!r}: two contents of version {fields['version']}"
        return {key: versions[max(versions)] for key, versions in rows.items()}

    def live(self, topic: str) -> list[dict[str, Any]]:
        """The final rows that aren't deleted, without their versions, by time."""
        rows = [row for row in self.final(topic).values() if not row["deleted"]]
        rows.sort(key=lambda row: (row["started_at"], row[f"{topic.removesuffix('s')}_id"]))
        return [without_version(row) for row in rows]


def without_version(row: Mapping[str, Any]) -> dict[str, Any]:
    """``row`` but for its version."""
    return {name: value for name, value in row.items() if name != "version"}


def cut(
    records: Sequence[Record], sizes: Iterable[int], topic: str = topics.ACTIVITY, partition: int = 0
) -> Iterator[Records]:
    """``records`` of one topic and partition in slices of ``sizes``, which begin again where they end."""
    start = 0
    for size in cycle(sizes):
        if start >= len(records):
            return
        yield Records(topic, partition, records[start : start + size])
        start += size


class MemoryState:
    """A `View` of one partition in memory, whose values are never packed."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self._entries: SortedDict[bytes, Any] = SortedDict()
        self._changed: dict[bytes, int] = {}

    def get(self, key: bytes) -> Any:
        return self._entries.get(key)

    def put(self, key: bytes, value: Any) -> None:
        self._entries[key] = value

    def delete(self, key: bytes) -> None:
        self._entries.pop(key, None)

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, Any]]:
        entries = self._entries
        for key in entries.irange(start, stop, inclusive=(True, False), reverse=reverse):
            yield key, entries[key]

    def touch(self, key: bytes, version: int) -> None:
        self._changed[key] = version

    def account(self, topic: str, records: int) -> None:
        """Nobody holds it against what was read."""

    def take_changed(self) -> dict[bytes, int]:
        """What was touched since the last call, each with the version of its last touch."""
        changed, self._changed = self._changed, {}
        return changed

    def __len__(self) -> int:
        return len(self._entries)


def run_batches(
    stage: Stage[Any], batches: Iterable[Records], out: Collected, state: MemoryState | None = None
) -> MemoryState:
    """Fold and emit ``batches`` as the runtime does; returns the state."""
    state = MemoryState(0) if state is None else state
    for batch in batches:
        stage.fold(batch, state, out)
        stage.emit(state.take_changed(), state, out)
    return state


def resolved_record(touchpoint: Touchpoint, offset: int = 0, **fields: Any) -> PlainRecord:
    """``touchpoint`` as a record of customers.activity, as INTAKE would have resolved it but for ``fields``."""
    namespace, value = touchpoint.via.split(":", 1)
    via = Identifier(namespace, value)
    conversion = touchpoint.conversion
    inner = touchpoint_record(
        event_id=touchpoint.event_id,
        channel=touchpoint.channel,
        occurred_at=touchpoint.occurred_at,
        identifiers=[via._asdict()],
        action=touchpoint.action,
        acquisition=acquisition(source="x") if touchpoint.has_acquisition else None,
        conversion=None if conversion is None else {**conversion._asdict(), "order_id": conversion.order_id or None},
        engaged_ms=touchpoint.engaged_ms or None,
    )
    outer = {
        "to": customer_id(via),
        "via": via._asdict(),
        "version": 0,
        "actor": "human",
        "rules_version": "test",
        "direction": "inbound",
        "mode": "asynchronous",
        "marketing_channel": touchpoint.marketing_channel,
        "has_acquisition": touchpoint.has_acquisition,
        "campaign": touchpoint.campaign,
        "content": touchpoint.content,
        "identifiers": [via._asdict()],
        "received_at": touchpoint.occurred_at,
        "intake_offset": offset,
        "intake_partition": 0,
        "touchpoint": encode("touchpoint", inner),
    }
    value = encode("resolved_touchpoint", outer | fields)
    return PlainRecord(offset, touchpoint.occurred_at, outer["to"].encode(), value)


def activity(touchpoints: Iterable[Touchpoint]) -> Records:
    """``touchpoints`` as the log of partition 0 of customers.activity."""
    return Records(topics.ACTIVITY, 0, [resolved_record(t, offset) for offset, t in enumerate(touchpoints)])
