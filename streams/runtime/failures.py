"""What can go wrong in a batch, named after what is to be done about it.

    Failure
    +- StageRaised      the data makes the stage raise: bisect to the record, bury it
    +- TooLarge         the changes don't fit one Kafka record batch: bisect to the record, bury it
    +- Superseded       the partition is, or will be, somebody else's: drop the batch and what follows it
    +- TooManyRaised    the stage is wrong, not the data: stop, an operator must roll back
    +- NewerSchema      a newer release wrote it: stop, the restart is to be of that release
    +- Discontinuous    records are missing before this one: crash, the restart reads again
    +- StateLost        the changelog has less than was committed: stop, an operator must act
    +- StateOutdated    the state was made with other settings: stop, an operator must act
    +- StateInUse       another worker has the folder of our state open: stop, an operator must act
    +- StoreFailed      the disk doesn't take or give what is asked: crash, the restart tries again
       +- StoreBroken   files of a store are damaged: crash, the restart sets them aside and rebuilds

Broker or ClickHouse away is none of these: who writes waits and tries again, until it is told not to (`Superseded`).
Everything else is unknown and crashes.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.runtime.stage import Records


class Failure(Exception):
    """Any of the above; the messages name topics, partitions and offsets, and never quote data."""

    quotes_no_data = True


class StageRaised(Failure):
    """A step of the stage raised; ``cause`` says what and where, without data."""

    def __init__(self, error: Exception) -> None:
        self.cause = cause_of(error)
        super().__init__(self.cause)


class TooLarge(Failure):
    """What a batch changes, or one of its outputs, is larger than a Kafka record batch may be."""

    @property
    def cause(self) -> str:
        """As of `StageRaised`."""
        return f"TooLarge: {self}"


class Superseded(Failure):
    """The batch must not be finished: the partition moves away, or the worker stops and cannot wait any longer."""


class TooManyRaised(Failure):
    """The stage raised on more of its records than bad data explains."""


class NewerSchema(Failure):
    """A record on a topic that only we write is of a schema that this release does not know. As a dead letter it would
    be missing from what is folded."""


class Discontinuous(Failure):
    """The records handed over begin behind where the ones before ended."""


class StateLost(Failure):
    """The recovered state does not reach to where the group committed: folding on would leave records out."""


class StateOutdated(Failure):
    """The state depends on settings that have changed since."""


class StateInUse(Failure):
    """The folder of the state is locked by another process."""


class StoreFailed(Failure):
    """RocksDB refuses to read or write: the disk is full, say."""


class StoreBroken(StoreFailed):
    """RocksDB found its own files damaged."""


def cause_of(error: BaseException) -> str:
    """The type of ``error`` and the line that raised it, such as ``KeyError at judge.py:88``."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


def refuse_newer(errors: Mapping[int, Exception], records: Records) -> None:
    """NewerSchema where one of ``errors``, by the position in ``records`` of what can't be decoded, is for want of a
    schema (`may_be_newer`, as `schemas.codec.UnknownSchema` says)."""
    for at, error in errors.items():
        if getattr(error, "may_be_newer", False):
            raise NewerSchema(
                f"{records.topic}-{records.partition} at offset {records[at].offset}: {error};"
                " a newer release wrote it: upgrade this worker"
            ) from error
