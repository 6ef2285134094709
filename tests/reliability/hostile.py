"""Records that no producer of ours sends: bytes that are no record, and records of a schema that is yet to come."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.codec import HEADER_BYTES, MARKER, Codec, encode
from schemas.registry import FOLDER, load
from streams.runtime.partitioner import partition_of

#: A length, as Avro writes it, of some 4 exabytes.
ENDLESS = b"\xfe\xff\xff\xff\xff\xff\xff\xff\x7f"
LARGE_BYTES = 900_000


def poison(count: int, seed: int) -> Iterator[bytes]:
    """So many values that are no touchpoint, and are meant to hurt."""
    random = Random(seed)
    whole = encode("touchpoint", _touchpoint("poison", "cookie_id", "poison", 0))
    header = whole[:HEADER_BYTES]
    for number in range(count):
        kind = number % 6
        if number % 1_000 == 999:
            yield random.randbytes(LARGE_BYTES)
        elif kind == 0:
            yield random.randbytes(random.randint(1, 400))
        elif kind == 1:
            yield whole[: random.randint(HEADER_BYTES, len(whole) - 1)]
        elif kind == 2:
            yield header + ENDLESS + random.randbytes(20)
        elif kind == 3:
            yield b""
        elif kind == 4:
            yield MARKER + random.randbytes(8) + whole[HEADER_BYTES:]
        else:
            yield json.dumps({"event_id": number, "channel": "web" * random.randint(1, 50)}).encode()


def of_the_future(count: int, now_ms: int) -> tuple[Codec, list[tuple[str, dict[str, Any], bytes]]]:
    """Touchpoints of a version that has one field more, with (key, record, value) of each; who can read them."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for path in FOLDER.glob("*.avsc"):
            shutil.copy(path, folder)
        newest = max(folder.glob("touchpoint.v*.avsc"), key=lambda path: int(path.stem.rpartition(".v")[2]))
        schema = json.loads(newest.read_text(encoding="utf-8"))
        schema["fields"].append({"name": "mood", "type": "string", "default": "", "doc": "How it was said."})
        number = int(newest.stem.rpartition(".v")[2]) + 1
        (folder / f"touchpoint.v{number}.avsc").write_text(json.dumps(schema), encoding="utf-8")
        codec = Codec(load(folder))
    records = []
    for one in range(count):
        cookie = f"future-{one % 20}"
        record = _touchpoint(f"future-{one}", "cookie_id", cookie, now_ms) | {"mood": "fine"}
        records.append((f"cookie_id:{cookie}", record, codec.encode("touchpoint", record)))
    return codec, records


def send(bootstrap: str, topic: str, values: Sequence[tuple[int, bytes, bytes]]) -> None:
    """(partition, key, value) as they are; returns when all are durable."""
    asyncio.run(_send(bootstrap, topic, values))


async def _send(bootstrap: str, topic: str, values: Sequence[tuple[int, bytes, bytes]]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True) as producer:
        sent = [await producer.send(topic, value, key, partition=partition) for partition, key, value in values]
        await asyncio.gather(*sent)


def placed(key: str, value: bytes, partitions: int) -> tuple[int, bytes, bytes]:
    """Where a producer puts it."""
    return partition_of(key.encode(), partitions), key.encode(), value


def _touchpoint(event_id: str, namespace: str, value: str, occurred_at: int) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "channel": "web",
        "occurred_at": occurred_at,
        "identifiers": [{"namespace": namespace, "value": value}],
        "action": "page_viewed",
        "user_agent": "Mozilla/5.0",
    }
