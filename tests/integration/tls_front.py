"""TLS in front of a server that has none: the local ClickHouse can't listen for it, clients are to be tried with it."""

from __future__ import annotations

import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.ports import HOST


class _Front(socketserver.ThreadingTCPServer):
    daemon_threads = True
    context: ssl.SSLContext
    behind: int


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        front = self.server
        assert isinstance(front, _Front)
        try:
            with (
                front.context.wrap_socket(self.request, server_side=True) as outside,
                socket.create_connection((HOST, front.behind)) as inside,
            ):
                back = threading.Thread(target=_copy, args=(inside, outside), daemon=True)
                back.start()
                _copy(outside, inside)
                back.join()
        except OSError:
            # Who doesn't trust the certificate, or speaks no TLS, goes away.
            return


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@contextmanager
def tls_front(port: int, papers: Path) -> Iterator[int]:
    """The port of a TLS server whose key and certificate are in ``papers``, and behind which ``port`` answers."""
    with _Front((HOST, 0), _Connection) as front:
        front.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        front.context.load_cert_chain(papers)
        front.behind = port
        serving = threading.Thread(target=front.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield front.server_address[1]
        finally:
            front.shutdown()
            serving.join()
