"""What operators might say while touchpoints come in, and how it is sent."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from kafka import KafkaProducer

from streams.corrections import correction, record_of
from streams.domain.identity.links import ASSERTED, LIFTED, RETRACTED, Correction, Link, pair_of
from streams.topics import LINKS, LINKS_KEY

RETRACTIONS, ASSERTIONS = 40, 20
#: 2026-03-15 12:00 UTC.
FIRST_MS = 1_773_576_000_000


def words_on(links: Iterable[Link], seed: int) -> list[Correction]:
    """Links retracted, strangers asserted to be one, and some of both taken back or said the other way round; in no
    order, some at the same time, some twice."""
    rng = random.Random(seed)
    pairs = sorted({link.pair for link in links})
    retracted = rng.sample(pairs, RETRACTIONS)
    strangers = [pair_of(rng.choice(pairs).weaker, rng.choice(pairs).stronger) for _ in range(ASSERTIONS)]
    said = [
        *((RETRACTED, pair, 0) for pair in retracted),
        *((ASSERTED, pair, 0) for pair in strangers),
        *((LIFTED, pair, 1) for pair in (*retracted[::3], *strangers[::5])),
        *((ASSERTED, pair, 1) for pair in retracted[1::5]),
        *((RETRACTED, pair, 1) for pair in strangers[1::5]),
        *((ASSERTED, pair, 2) for pair in retracted[::9]),
    ]
    words = [
        correction(kind, *pair, f"word {number}", correction_id=f"c-{seed}-{number:03}", corrected_at=FIRST_MS + later)
        for number, (kind, pair, later) in enumerate(said)
    ]
    return rng.sample(words * 2, len(words) * 3 // 2)


def send_words(bootstrap: str, words: Sequence[Correction]) -> None:
    """Send them, one behind the other; returns when all are on identity.links."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    try:
        for sent in [producer.send(LINKS, record_of(said), LINKS_KEY) for said in words]:
            sent.get(timeout=20)
    finally:
        producer.close()
