"""What can become of a record that INTAKE reads: exactly one of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from streams.domain.identifiers import Identifier
from streams.domain.validation import Rejection


@dataclass(frozen=True, slots=True)
class Accepted:
    """A touchpoint that counts. ``identifiers`` are cleaned, strongest first; the first is the via."""

    name: ClassVar[str] = "accepted"
    touchpoint: dict[str, Any]
    identifiers: tuple[Identifier, ...]
    received_at: int
    digest: bytes

    @property
    def via(self) -> Identifier:
        return self.identifiers[0]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same touchpoint with the same content again."""

    name: ClassVar[str] = "duplicate"


@dataclass(frozen=True, slots=True)
class Late:
    """A touchpoint further behind the watermark than the lateness budget; ``late_by_ms`` is how far."""

    name: ClassVar[str] = "late"
    touchpoint: dict[str, Any]
    received_at: int
    late_by_ms: int


@dataclass(frozen=True, slots=True)
class Dead:
    """A record that cannot be taken, and why."""

    name: ClassVar[str] = "dead"
    rejection: Rejection
    received_at: int


@dataclass(frozen=True, slots=True)
class Rerouted:
    """A record on the wrong partition for its key, to be sent to the right one."""

    name: ClassVar[str] = "rerouted"
    key: bytes
    partition: int
    received_at: int


Outcome = Accepted | Duplicate | Late | Dead | Rerouted
