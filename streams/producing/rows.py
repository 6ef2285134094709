"""What becomes of a line on its way to Kafka: the values that readers, `produce` and its callers exchange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from schemas.conformance import Problem

PROBLEMS_SHOWN = 5
#: INTAKE sends a touchpoint's bytes on with its identifiers, at most twice the size; Kafka takes 1 MiB.
MAX_RECORD = 500_000


class Row(NamedTuple):
    """A record as it was read: ``source`` and ``line`` say from where, ``raw`` are the line's bytes."""

    source: str
    line: int
    raw: bytes
    record: dict[str, Any]


class Reject(NamedTuple):
    """A line that is no touchpoint, with at least one problem; ``raw`` is the line, or the beginning of a long one.

    ``raw`` is b'' where the file could not be read further. ``channel`` is '' where the line names none of ours.
    """

    source: str
    line: int
    problems: Sequence[Problem]
    raw: bytes
    channel: str = ""

    @property
    def field(self) -> str:
        """Where the first problem is; '' for the whole line."""
        return self.problems[0].field

    @property
    def value(self) -> str:
        """What was found there, shortened."""
        return self.problems[0].value

    @property
    def expected(self) -> str:
        """What should have been there, in words."""
        return self.problems[0].expected

    @property
    def text(self) -> str:
        """``file:line: field: found value, expected ...``, one line for each of the first problems."""
        shown = [
            f"{self.source}:{self.line}: {p.field + ': ' if p.field else ''}found {p.value}, expected {p.expected}"
            for p in self.problems[:PROBLEMS_SHOWN]
        ]
        if len(self.problems) > PROBLEMS_SHOWN:
            shown.append(f"{self.source}:{self.line}: and {len(self.problems) - PROBLEMS_SHOWN} more")
        return "\n".join(shown)


class Remainder(NamedTuple):
    """A further piece of the long line that was rejected last; the last piece ends with the line."""

    raw: bytes


class Heading(NamedTuple):
    """The first line of a file with columns: without it, its rejects could not be read again."""

    source: str
    raw: bytes


class Skipped(NamedTuple):
    """Rows that a mapping says are no touchpoints, counted by channel."""

    by_channel: Mapping[str, int]


class Message(NamedTuple):
    """A touchpoint ready to go: its Kafka key and value, and the line it comes from as in `Row`."""

    channel: str
    key: bytes | None
    value: bytes
    source: str
    line: int
    raw: bytes


class Undelivered(NamedTuple):
    """A touchpoint that Kafka did not confirm; producing it again is safe, its event_id marks it as the same."""

    source: str
    line: int
    reason: str
    raw: bytes

    @property
    def text(self) -> str:
        """``file:line: not delivered: reason``."""
        return f"{self.source}:{self.line}: not delivered: {self.reason}"


Item: TypeAlias = Row | Reject | Remainder
Failure: TypeAlias = Reject | Remainder | Undelivered
