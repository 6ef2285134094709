"""Faust's Kafka transport, but for where reading begins.

Stock Faust seeks every partition to its committed offset, and not at all where none is committed. A stage that keeps
state in memory must instead read from behind what its state holds, which is the beginning for a new process. The seek
is made at each assignment, behind Faust's own, so that nothing buffered before it is ever folded twice or left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import cast

import faust
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as stock
from faust.types import TP

SCHEME = "kafkafold"

if os.environ.get("NO_CYTHON"):
    raise RuntimeError("NO_CYTHON changes when Faust acknowledges; unset it")


class FoldingApp(faust.App):
    """A Faust app that knows, for a partition, the offset to go on from; None: where the group committed."""

    next_offset: Callable[[TP], int | None]


class Consumer(stock.Consumer):
    """Seeks to where the stage's state ends, then to the group's commit, then to the earliest record."""

    async def perform_seek(self) -> None:
        await super().perform_seek()
        assigned = self.assignment()
        if not assigned:
            return
        earliest = await self.earliest_offsets(*assigned)
        await self.seek_wait({tp: self._start(tp, earliest[tp]) for tp in assigned})

    def _start(self, tp: TP, earliest: int) -> int:
        wanted = cast(FoldingApp, self.app).next_offset(tp)
        if wanted is None:
            wanted = self._committed_offset.get(tp)
        return earliest if wanted is None else max(wanted, earliest)


class Transport(stock.Transport):
    """The stock transport with our consumer."""

    Consumer = Consumer


def register() -> None:
    """Make ``kafkafold://`` known to Faust."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
