"""Dead letters: what a stage cannot take, with the reason and the original bytes, keyed by where it was read.

The key makes them upserts: a record that is read again is the same dead letter again.
"""

from __future__ import annotations

from schemas.codec import encode
from streams import topics
from streams.domain.validation import Rejection
from streams.runtime.stage import Out, Record, Records
from streams.topics import SOURCE_MAX_BYTES


def origin_key(records: Records, record: Record) -> bytes:
    """``topic-partition-offset`` of ``record``, one of ``records``."""
    return f"{records.topic}-{records.partition}-{record.offset}".encode()


def stage_raised(cause: str) -> Rejection:
    """Why a record on which a stage raised is a dead letter; ``cause`` says where, and quotes no data."""
    return Rejection("stage_raised", "", cause, "a record that the stage can take")


def send_dead_letter(
    records: Records, record: Record, rejection: Rejection, out: Out, *, channel: str = "", received_at: int
) -> None:
    """Send ``record``, one of ``records``, to the dead letters; ``received_at`` in ms UTC.

    ``channel`` '': the topic is none of a channel's.
    """
    original = record.value or b""
    if len(original) > SOURCE_MAX_BYTES:
        # It came compressed. Whole it would not fit its dead letter; its place says where the rest is.
        rejection = rejection._replace(
            expected=f"{rejection.expected}; the first {SOURCE_MAX_BYTES} of {len(original)} bytes"
        )
    letter = {
        **rejection._asdict(),
        "channel": channel,
        "topic": records.topic,
        "partition": records.partition,
        "offset": record.offset,
        "received_at": received_at,
        "key": record.key,
        "original": original[:SOURCE_MAX_BYTES],
    }
    out.send(topics.DEAD, origin_key(records, record), encode("dead_letter", letter))
