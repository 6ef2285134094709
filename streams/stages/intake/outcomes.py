"""What can become of a record that INTAKE reads: exactly one of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from streams.domain.validation import Rejection
from streams.stages.intake.contents import Content
from streams.stages.intake.meaning import Meaning
from streams.stages.intake.via import Via


class Accepted(NamedTuple):
    """A touchpoint that counts; ``identity`` is the key under which ``digest`` of its content is remembered."""

    content: Content
    via: Via
    meaning: Meaning
    received_at: int
    identity: bytes
    digest: bytes


class Duplicate(NamedTuple):
    """The same touchpoint with the same content again."""


class Late(NamedTuple):
    """A touchpoint further behind the watermark than the lateness budget; ``late_by_ms`` is how far."""

    event_id: str
    occurred_at: int
    received_at: int
    late_by_ms: int


class Dead(NamedTuple):
    """A record that cannot be taken, and why."""

    rejection: Rejection
    received_at: int


class Rerouted(NamedTuple):
    """A record on the wrong partition for its key, to be sent to the right one."""

    key: bytes
    partition: int
    received_at: int


Outcome = Accepted | Duplicate | Late | Dead | Rerouted

#: How each is called in outcomes and metrics.
NAMES: Mapping[type[Outcome], str] = {
    Accepted: "accepted",
    Duplicate: "duplicate",
    Late: "late",
    Dead: "dead",
    Rerouted: "rerouted",
}
