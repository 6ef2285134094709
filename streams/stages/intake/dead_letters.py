"""Dead letters: what INTAKE cannot take, with the reason and the original bytes, keyed by where it was read.

The key makes them upserts: a record that is read again is the same dead letter again.
"""

from __future__ import annotations

from schemas.codec import encode
from streams import topics
from streams.domain.validation import Rejection
from streams.runtime.stage import Out, Record


def origin_key(record: Record) -> bytes:
    """``topic-partition-offset`` of ``record``."""
    return f"{record.topic}-{record.partition}-{record.offset}".encode()


def bury(record: Record, rejection: Rejection, received_at: int, out: Out) -> None:
    """Send ``record`` to the dead letters; ``received_at`` in ms UTC."""
    letter = {
        **rejection._asdict(),
        "channel": topics.channel_of(record.topic),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "received_at": received_at,
        "key": record.key,
        "original": record.value,
    }
    out.send(topics.DEAD, origin_key(record), encode("dead_letter", letter))
