"""Where touchpoints go: Kafka (`streams.producing.kafka_outlet`), each confirmed or named, or nowhere in a dry run.

What is sent, and in which order, is decided by `streams.producing.produce`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from streams.producing.rows import Message


class Settled(NamedTuple):
    """What became of messages; ``error`` '' is delivered.

    After an error nothing should be sent: what could be tried again was tried until the delivery timeout.
    """

    messages: Sequence[Message]
    error: str = ""


class Outlet(Protocol):
    """Takes messages, and tells of each once, now or later, what became of it."""

    def send(self, messages: Sequence[Message]) -> Sequence[Settled]:
        """Take ``messages``; returns what was settled meanwhile."""

    def drain(self) -> Iterator[Settled]:
        """Wait for all that is under way, one after the other."""


class DryRun:
    """Settles everything at once and sends nothing."""

    def send(self, messages: Sequence[Message]) -> Sequence[Settled]:
        """As `Outlet.send`."""
        return (Settled(messages),)

    def drain(self) -> Iterator[Settled]:
        """As `Outlet.drain`."""
        yield from ()
