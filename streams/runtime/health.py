"""/metrics, /live and /ready of one worker, on a port of its own.

Live: the event loop has turned within the last ten seconds. Ready: the worker has joined its group and taken its
partitions, the broker answers, and it was not told to stop. Served by a thread, so that a stuck loop still answers,
with 503.
"""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

STUCK_AFTER_S = 10.0


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

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
            elif self.path == "/live":
                self._say(health.live)
            elif self.path == "/ready":
                self._say(health.ready)
            else:
                self._answer(404, b"/metrics, /live or /ready\n", "text/plain")

        def _say(self, yes: bool) -> None:
            self._answer(200 if yes else 503, b"yes\n" if yes else b"no\n", "text/plain")

        def _answer(self, status: int, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
            """Probes are not worth a line."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Who hangs up before the answer is no event of ours; the standard one prints a trace."""

    try:
        server = Server((host, port), Handler)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CannotListen(f"/metrics, /live and /ready cannot listen on {host}:{port}: {reason}") from error
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return int(server.server_address[1])
