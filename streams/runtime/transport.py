"""Faust's Kafka transport, but for where reading begins.

Stock Faust seeks every partition to its committed offset, and not at all where none is committed. A stage that keeps
state in memory must instead read from behind what its state holds, which is the beginning for a new process. The seek
is made at each assignment, behind Faust's own, so that nothing buffered before it is ever folded twice or left out.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable
from typing import NoReturn, cast

import faust
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

SCHEME = "kafkafold"

if os.environ.get("NO_CYTHON"):
    raise RuntimeError("NO_CYTHON changes when Faust acknowledges; unset it")


class FoldingApp(faust.App):
    """A Faust app that keeps nothing on disk.

    ``next_offset`` tells, for a partition, the offset to go on from; None: where the group committed. ``positions``
    has, for each assigned partition, the offset of the next record to fold. ``after_stop`` is called once nothing is
    folded any more. ``on_crash`` must end the process: a crashing Faust app cancels its agents, acknowledges what they
    had in hand, and commits that on its way out.
    """

    # Classes that set none log under the name of their module, as if their events were ours.
    logger = logging.getLogger("faust.app")

    next_offset: Callable[[TP], int | None]
    positions: dict[TP, int]
    after_stop: Callable[[], Awaitable[None]]
    on_crash: Callable[[BaseException], NoReturn]

    def _crash(self, reason: BaseException) -> None:
        # Reached from whichever service crashes, before anything is cancelled.
        self.on_crash(reason)

    def _create_directories(self) -> None:
        """None: Faust would make three, for tables that we don't have."""

    async def on_shutdown(self) -> None:
        await super().on_shutdown()
        await self.after_stop()


class Consumer(stock.Consumer):
    """Seeks to where the stage's state ends, then to the group's commit, then to the earliest record."""

    logger = logging.getLogger("faust.consumer")

    async def perform_seek(self) -> None:
        await super().perform_seek()
        assigned = self.assignment()
        app = cast(FoldingApp, self.app)
        app.positions = {}
        if not assigned:
            return
        earliest = await self.earliest_offsets(*assigned)
        app.positions = {tp: self._start(tp, earliest[tp]) for tp in assigned}
        await self.seek_wait(app.positions)

    def _start(self, tp: TP, earliest: int) -> int:
        wanted = cast(FoldingApp, self.app).next_offset(tp)
        return start_offset(wanted, self._committed_offset.get(tp), earliest)


def start_offset(wanted: int | None, committed: int | None, earliest: int) -> int:
    """Where to read on: at ``wanted`` (None: a stage without state), but never behind the group's commit.

    State can be ahead of the commit, when a rebalance came between them. What lies between must be read once more,
    though it is skipped then: Faust commits nothing behind a gap in what was acknowledged.
    """
    resumed = earliest if committed is None else max(committed, earliest)
    return resumed if wanted is None else min(max(wanted, earliest), resumed)


class Transport(stock.Transport):
    """The stock transport with our consumer."""

    Consumer = Consumer


def register() -> None:
    """Make ``kafkafold://`` known to Faust."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
