"""Decides how touchpoints travel and what goes wrong on the way: delays, duplicates, lateness, damage.

A touchpoint leaves its system some seconds after it happened. One in a hundred is sent twice (a client that didn't see
the acknowledgement), one in two hundred comes days late, one in a thousand is wrong in its meaning though right in its
form: it names two people, or nobody, or says that the company did what the customer did.
"""

from collections.abc import Iterator
from random import Random

from streams.sample.draws import DAY, HOUR, MINUTE, SECOND, draw
from streams.sample.scene import Record

TRAVEL = {
    "email": (SECOND, 3 * SECOND, 20 * SECOND),
    "web": (200, 700, 3 * SECOND),
    "mobile": (SECOND, 5 * SECOND, 2 * MINUTE),
    "social": (5 * SECOND, MINUTE, 10 * MINUTE),
    "service": (500, 2 * SECOND, 30 * SECOND),
}
DUPLICATES, LATE, CONFLICTING, MALFORMED = 0.01, 0.005, 0.0006, 0.001
REPEATED_AFTER = (MINUTE, HOUR, 4 * HOUR, 12 * HOUR)
LATE_BY = (DAY, 2 * DAY, 3 * DAY, 6 * DAY)
BLOCKED_VALUES = ("undefined", "null", "[object Object]", "-1")
# Damage to these would undo whole chains; a custom action has no direction to contradict.
UNDAMAGED = frozenset(("sent", "delivered", "purchased", "push_sent", "push_delivered", "poll_voted"))
_SYSTEMS = ("deferred", "bounced", "push_failed", "banner_shown", "impression_shown", "survey_sent")
_PEOPLE = ("message_sent", "comment_answered", "call_placed", "call_answered", "chat_answered")
OUTBOUND = frozenset(_SYSTEMS + _PEOPLE)


def deliver(rng: Random, at_ms: int, record: Record) -> Iterator[tuple[int, Record]]:
    """Yield (time of delivery, record) for each time that a touchpoint of `at_ms` reaches the company's doors."""
    if rng.random() < MALFORMED and record["action"] not in UNDAMAGED:
        record = damage(rng, record)
    arrival = at_ms + draw(rng, TRAVEL[str(record["channel"])])
    if rng.random() < LATE:
        arrival += draw(rng, LATE_BY)
    yield arrival, record
    if rng.random() < DUPLICATES:
        yield arrival + draw(rng, REPEATED_AFTER), dict(record)
    engaged = record.get("engaged_ms")
    if isinstance(engaged, int) and rng.random() < CONFLICTING:
        yield arrival + draw(rng, REPEATED_AFTER), record | {"engaged_ms": engaged + draw(rng, (SECOND, MINUTE))}


def damage(rng: Random, record: Record) -> Record:
    """Return a copy that is well formed and wrong: two accounts, no usable identifier, or the wrong direction."""
    kind = rng.randrange(3)
    if kind == 0:
        accounts = [{"namespace": "user_id", "value": f"u-mix-{rng.randrange(10_000)}-{half}"} for half in "ab"]
        return record | {"identifiers": accounts}
    if kind == 1:
        return record | {"identifiers": [{"namespace": "cookie_id", "value": rng.choice(BLOCKED_VALUES)}]}
    return record | {"direction": "inbound" if record["action"] in OUTBOUND else "outbound"}
