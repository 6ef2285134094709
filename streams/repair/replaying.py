"""Letters read again, batch by batch: mended, judged as INTAKE would judge them now, sent where they would be taken,
and logged.

    a touchpoint's        accepted   -> sent again to its topic, marked as history
                          duplicate  -> nothing is sent: what it says is there; logged
                          dead still -> nothing is sent or logged: it stays where it is
    a row that ClickHouse refused    -> inserted again, logged where it is taken
    anything else                    -> refused: only the stage that raised could read it, and it has gone on since

What is logged is known to be in Kafka, or in ClickHouse. A run that dies in between sends the rest again, and the same
touchpoint twice is one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, TypeVar

from sinks.again import REFUSED, Again
from sinks.letters import Letter, Replayed
from streams.producing.outlet import Outlet, Settled
from streams.producing.rows import Message
from streams.repair.judging import Judged, Judging
from streams.repair.mending import Mended, Setting, Unmendable, mend
from streams.stages.intake.outcomes import Accepted, Dead, Duplicate
from streams.topics import TOUCHPOINTS, channel_of

BATCH = 1_000
#: So many are kept at most to compute which tables would change: their customers are in memory.
FORESEEN = 20_000
OF_A_STAGE = "a stage could not take it, and has gone on since: `omnijourney replay --from` folds it anew"
T = TypeVar("T")
Log = Callable[[Iterable[Replayed]], None]


class Item(NamedTuple):
    """A letter of a touchpoint topic, ready to go, and what becomes of it."""

    letter: Letter
    mended: Mended
    judged: Judged


@dataclass
class Result:
    """What became of letters, counted; ``still``: (reason, field) of those that stay dead, or why they are refused.

    ``undelivered``: Kafka did not confirm them; ``stopped`` says why the run ended early, '' where it did not.
    """

    accepted: int = 0
    duplicate: int = 0
    inserted: int = 0
    undelivered: int = 0
    still: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    stopped: str = ""
    #: The first of those that would be accepted.
    foreseen: list[Judged] = field(default_factory=list)

    @property
    def read(self) -> int:
        """How many letters were looked at."""
        counts = (self.accepted, self.duplicate, self.inserted, self.undelivered)
        return sum(counts) + sum(self.still.values()) + sum(self.refused.values())

    @property
    def complete(self) -> bool:
        """True where every letter is taken, or was there already."""
        return not (self.stopped or self.undelivered or self.still or self.refused)


class Replaying:
    """Replays letters; without an ``outlet`` nothing is sent, inserted or logged: what would be is counted."""

    def __init__(
        self,
        judging: Judging,
        again: Again,
        settings: Sequence[Setting] = (),
        outlet: Outlet | None = None,
        log: Log = lambda _: None,
    ) -> None:
        self._judging = judging
        self._again = again
        self._settings = settings
        self._outlet = outlet
        self._log = log
        self.result = Result()

    def run(self, letters: Iterable[Letter]) -> Result:
        """All of ``letters``, until Kafka takes no more. Raises as `sinks.clickhouse`."""
        for batch in _batches(letters, BATCH):
            for letter in batch:
                if letter.topic not in TOUCHPOINTS:
                    self._insert(letter)
            self._send(self._judged([letter for letter in batch if letter.topic in TOUCHPOINTS]))
            if self.result.stopped:
                break
        return self.result

    def _insert(self, letter: Letter) -> None:
        why = self._again.refusal(letter) if letter.reason == REFUSED else OF_A_STAGE
        if not why and self._outlet is not None:
            why = self._again.insert(letter)
        if why:
            self.result.refused[why] += 1
            return
        self.result.inserted += 1
        self._tell([Replayed(letter, "inserted")])

    def _judged(self, letters: Sequence[Letter]) -> list[Item]:
        made: list[tuple[Letter, Mended]] = []
        for letter in letters:
            try:
                made.append((letter, mend(letter.original, channel_of(letter.topic), self._settings)))
            except Unmendable as error:
                self.result.refused[str(error)] += 1
        judged = self._judging.judge([mended for _, mended in made])
        return [Item(*one, of) for one, of in zip(made, judged, strict=True)]

    def _send(self, items: Sequence[Item]) -> None:
        going: dict[int, Item] = {}
        there: list[Replayed] = []
        for item in items:
            match item.judged.outcome:
                case Accepted():
                    going[len(going)] = item
                case Duplicate():
                    self.result.duplicate += 1
                    there.append(Replayed(item.letter, "duplicate", self._fields))
                case Dead(rejection):
                    self.result.still[rejection.reason, rejection.field] += 1
                case other:
                    raise TypeError(f"{type(other).__name__}: with one partition and no watermark it can't be")
        if self._outlet is None:
            self.result.accepted += len(going)
            room = FORESEEN - len(self.result.foreseen)
            self.result.foreseen += [item.judged for item in going.values()][:room]
            return
        messages = [_message(at, item) for at, item in going.items()]
        settled = [*self._outlet.send(messages), *self._outlet.drain()]
        self._tell([*there, *self._settled(settled, going)])

    def _settled(self, settled: Iterable[Settled], going: dict[int, Item]) -> Iterator[Replayed]:
        for messages, error in settled:
            if error:
                self.result.undelivered += len(messages)
                self.result.stopped = f"Kafka did not take a touchpoint: {error}"
                continue
            self.result.accepted += len(messages)
            yield from (Replayed(going[message.line].letter, "sent", self._fields) for message in messages)

    @property
    def _fields(self) -> list[str]:
        return [setting.path for setting in self._settings]

    def _tell(self, replayed: Sequence[Replayed]) -> None:
        if self._outlet is not None and replayed:
            self._log(replayed)


def _message(at: int, item: Item) -> Message:
    mended = item.mended
    return Message(mended.channel, mended.key, mended.value, item.letter.id, at, b"")


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := [*islice(rest, size)]:
        yield batch
