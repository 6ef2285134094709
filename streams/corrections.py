"""An operator's word on a pair of identifiers, sent to identity.links.

It decides what may be said and how the record reads. What follows from it is IDENTITY's business; here is only told
what an operator should expect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kafka import KafkaProducer

from schemas.codec import encode
from streams.broker import TopicMissing, admin, connect
from streams.domain.identifiers import Identifier
from streams.domain.identity.links import ASSERTED, LIFTED, RETRACTED, Correction, Kind, pair_of
from streams.domain.validation import MAX_TEXT
from streams.kafka_access import KafkaAccess
from streams.topics import LINKS_KEY

DELIVERY_TIMEOUT_S = 30.0
CLOSE_S = 5.0

#: What an operator should know, by kind of correction.
CONSEQUENCES: Mapping[Kind, str] = {
    ASSERTED: (
        "The two are one customer whatever the evidence, but within the limits: a link beyond them is kept in"
        " identity_violations."
    ),
    RETRACTED: (
        "This pair links nobody, whatever the evidence. It cuts one pair, not a path: what is linked over a third"
        " identifier stays one customer. A touchpoint stays with its via, the strongest of its identifiers."
    ),
    LIFTED: "What was said of this pair before holds no more: the evidence alone decides again.",
}


class UnfitCorrection(ValueError):
    """Nothing that can be said of a pair; the message says what was found and expected. The operator must act."""


def correction(
    kind: Kind, one: Identifier, other: Identifier, reason: str, *, correction_id: str, corrected_at: int
) -> Correction:
    """What is said of two identifiers, given cleaned and in any order; ``corrected_at`` in ms UTC.

    UnfitCorrection where it can't be said.
    """
    if one == other:
        raise UnfitCorrection(f"found {one.namespace}={one.value} twice, expected two different identifiers")
    if not 0 < len(reason.strip()) <= MAX_TEXT:
        raise UnfitCorrection(f"--reason: found {len(reason.strip())} characters, expected 1 to {MAX_TEXT}")
    return Correction(correction_id, kind, *pair_of(one, other), corrected_at, reason.strip())


def record_of(said: Correction) -> bytes:
    """The record on identity.links."""
    pair = {"stronger": said.stronger._asdict(), "weaker": said.weaker._asdict()}
    return encode("correction", {**said._asdict(), **pair})


def send(kafka: KafkaAccess | str, topic: str, said: Iterable[Correction]) -> None:
    """Send what was ``said`` to ``topic``, the pipeline's identity.links, and return once all replicas have it.

    Sent twice, it says the same again. Raises BrokerUnreachable; TopicMissing; KafkaError where it was not taken.
    """
    with admin(kafka) as client:
        if topic not in client.list_topics():
            raise TopicMissing(kafka, [topic])
    producer = connect(
        KafkaProducer,
        kafka,
        acks="all",
        delivery_timeout_ms=int(DELIVERY_TIMEOUT_S * 1000),
        request_timeout_ms=int(DELIVERY_TIMEOUT_S * 500),
        max_block_ms=10_000,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
    try:
        for sent in [producer.send(topic, record_of(one), LINKS_KEY) for one in said]:
            sent.get(timeout=DELIVERY_TIMEOUT_S)
    finally:
        producer.close(timeout=CLOSE_S)
