"""Where a stage's outputs go: collected while it folds, all out before the state that they come from is durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from streams.runtime.failures import Superseded
from streams.runtime.stage import Headers

__all__ = ["Output", "Outputs", "Patience", "Superseded"]

#: True while it is right to go on waiting for what is away; looked at every quarter of a second at the latest.
Patience = Callable[[], bool]


class Output(NamedTuple):
    """One record to send; ``partition`` None leaves it to Kafka's default partitioner."""

    topic: str
    key: bytes
    value: bytes
    partition: int | None
    headers: Headers


class Outputs(Protocol):
    """What a stage writes to, as the runtime sees it. `flush` is never called twice at once."""

    async def start(self) -> None:
        """Called once, before anything is collected."""

    async def flush(self, patient: Patience) -> None:
        """Return once everything collected is durable.

        What is away is tried again while ``patient()``; Superseded where it is not. TooLarge where an output can't be
        sent at all; then nothing was.
        """

    def discard(self) -> None:
        """Throw away what was collected."""

    async def stop(self) -> None:
        """Called once, after the last flush."""
