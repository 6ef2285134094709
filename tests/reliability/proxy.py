"""A TCP proxy whose path can be made slow, narrow, or cut: then it lets nothing through and keeps what is under way."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from deploy.local.ports import HOST, free_ports

CHUNK_BYTES = 16_384


class Proxy:
    """Listens on a port of its own until `close`; ``delay_s`` is for each chunk, ``bytes_per_s`` of a connection."""

    def __init__(self, target_port: int) -> None:
        (self.port,) = free_ports(1)
        self.delay_s = 0.0
        self.bytes_per_s: float | None = None
        #: What went through so far, to the server.
        self.passed_bytes = 0
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._open.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def cut(self) -> None:
        """Nothing goes through any more, in either direction; nobody is told."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def mend(self) -> None:
        """What was held back goes on."""
        self._loop.call_soon_threadsafe(self._open.set)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, HOST, self.port)

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._open.wait()
            there, back = await asyncio.open_connection(HOST, self._target_port)
        except (OSError, asyncio.CancelledError):
            writer.close()
        else:
            pumps = [
                asyncio.ensure_future(self._pump(reader, back, True)),
                asyncio.ensure_future(self._pump(there, writer)),
            ]
            with suppress(asyncio.CancelledError):
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            writer.close()
            back.close()
        self._tasks.discard(task)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, counted: bool = False) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                await asyncio.sleep(self.delay_s + (len(data) / self.bytes_per_s if self.bytes_per_s else 0))
                await self._open.wait()
                target.write(data)
                await target.drain()
                self.passed_bytes += len(data) if counted else 0
