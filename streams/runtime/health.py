"""/metrics, /live and /ready of one process, on a port of its own.

Live: the event loop has turned within the last ten seconds. Ready: the worker has joined its group and taken its
partitions, the broker answers, and it was not told to stop.

Served by one thread with an event loop of its own, so that a stuck loop of the worker still answers, with 503, and a
slow client costs a socket and nothing else: each has a few seconds for all it wants, a request of a few kilobytes and
one answer; of those that wait at the same time the oldest goes. To ask for metrics more often than once a second gives
the same text again. Nothing that a client sends is told or logged.
"""

from __future__ import annotations

import asyncio
import math
import socket
import threading
import time
from http import HTTPStatus
from typing import NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

STUCK_AFTER_S = 10.0
#: For the whole of a request and its answer; who asks for metrics asks again.
PATIENCE_S = 5.0
MOST_CONNECTIONS = 64
LONGEST_REQUEST = 8_192
#: The text of thousands of series takes tens of milliseconds to make, in which nobody is answered.
KEPT_S = 1.0
PATHS = b"/metrics, /live or /ready\n"


class CannotListen(OSError):
    """The address for /metrics, /live and /ready is taken or not ours; one line. The operator must act."""


class Health:
    """What the worker knows of itself; written by its loop, read by the server."""

    def __init__(self) -> None:
        self.assigned = False
        self.reaches_broker = True
        self.stopping = False
        self._turned_at = time.monotonic()

    def turn(self) -> None:
        """The event loop has turned."""
        self._turned_at = time.monotonic()

    @property
    def ready(self) -> bool:
        return self.live and self.assigned and self.reaches_broker and not self.stopping

    @property
    def live(self) -> bool:
        return time.monotonic() - self._turned_at < STUCK_AFTER_S


def serve(health: Health, host: str, port: int) -> int:
    """Serve in the background; returns the port (``port`` 0 takes a free one). Raises CannotListen."""
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        # It repeats the address, which stands in the line already.
        reason = str(getattr(error, "strerror", None) or error).partition(" (while attempting to bind")[0]
        raise CannotListen(f"/metrics, /live and /ready cannot listen on {host}:{port}: {reason}") from error
    threading.Thread(target=asyncio.run, args=(_Server(health).run(listening),), name="health", daemon=True).start()
    return int(listening.getsockname()[1])


class Answer(NamedTuple):
    """``body`` is left out where only the head was asked for."""

    status: HTTPStatus
    body: bytes
    content_type: str = "text/plain; charset=utf-8"

    def encode(self, head_only: bool) -> bytes:
        """As HTTP says it; the connection ends behind it."""
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            *(["Allow: GET, HEAD"] if self.status is HTTPStatus.METHOD_NOT_ALLOWED else []),
            "Connection: close",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if head_only else self.body)


class _Server:
    def __init__(self, health: Health) -> None:
        self._health = health
        #: The oldest first.
        self._waiting: dict[asyncio.Task[None], None] = {}
        self._metrics = b""
        self._keep_until = -math.inf

    async def run(self, listening: socket.socket) -> None:
        server = await asyncio.start_server(self._meet, sock=listening, limit=LONGEST_REQUEST)
        await server.serve_forever()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - this is one
        if len(self._waiting) >= MOST_CONNECTIONS:
            oldest = next(iter(self._waiting))
            del self._waiting[oldest]
            oldest.cancel()
        self._waiting[task] = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                writer.write(await self._answer(reader))
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            """Who is too slow, hangs up before the answer, or made room for another, is no event of ours."""
        finally:
            self._waiting.pop(task, None)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return Answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"too long\n").encode(head_only=False)
        match request.partition(b"\r\n")[0].split(b" "):
            case [method, target, version] if version.startswith(b"HTTP/1."):
                if method not in (b"GET", b"HEAD"):
                    return Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"GET or HEAD\n").encode(head_only=False)
                return self._found(target.partition(b"?")[0]).encode(head_only=method == b"HEAD")
        return Answer(HTTPStatus.BAD_REQUEST, b"no request\n").encode(head_only=False)

    def _found(self, path: bytes) -> Answer:
        match path:
            case b"/metrics":
                return Answer(HTTPStatus.OK, self._rendered(), CONTENT_TYPE_LATEST)
            case b"/live":
                return _say(self._health.live)
            case b"/ready":
                return _say(self._health.ready)
        return Answer(HTTPStatus.NOT_FOUND, PATHS)

    def _rendered(self) -> bytes:
        if time.monotonic() >= self._keep_until:
            self._metrics = generate_latest()
            self._keep_until = time.monotonic() + KEPT_S
        return self._metrics


def _say(yes: bool) -> Answer:
    return Answer(HTTPStatus.OK, b"yes\n") if yes else Answer(HTTPStatus.SERVICE_UNAVAILABLE, b"no\n")
