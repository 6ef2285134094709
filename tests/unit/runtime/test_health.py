"""/live and /ready follow what the worker knows of itself; an address that is taken is one line."""

import re
import socket
import struct
import urllib.error
import urllib.request

import pytest

from streams.runtime import health
from streams.runtime.health import CannotListen, Health, serve


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_ready_is_what_the_worker_says() -> None:
    state = Health()
    port = serve(state, "127.0.0.1", 0)
    assert (status(port, "/live"), status(port, "/ready")) == (200, 503)
    state.assigned = True
    assert (status(port, "/live"), status(port, "/ready")) == (200, 200)
    state.reaches_broker = False
    assert (status(port, "/live"), status(port, "/ready")) == (200, 503)
    state.reaches_broker, state.stopping = True, True
    assert (status(port, "/live"), status(port, "/ready")) == (200, 503)


def test_a_loop_that_no_longer_turns_is_neither_live_nor_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    state = Health()
    state.assigned = True
    port = serve(state, "127.0.0.1", 0)
    monkeypatch.setattr(health, "STUCK_AFTER_S", 0.0)
    assert (status(port, "/live"), status(port, "/ready")) == (503, 503)


def test_only_three_paths_are_there() -> None:
    port = serve(Health(), "127.0.0.1", 0)
    assert [status(port, path) for path in ("/metrics", "/", "/metrics/x", "/table/")] == [200, 404, 404, 404]


def test_an_address_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CannotListen, match=re.escape(f"listen on 127.0.0.1:{port}: Address already in use")):
            serve(Health(), "127.0.0.1", port)


def test_who_hangs_up_before_the_answer_leaves_no_trace(capfd: pytest.CaptureFixture[str]) -> None:
    port = serve(Health(), "127.0.0.1", 0)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            # Closed with a reset, so that the answer meets nobody.
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert status(port, "/live") == 200
    assert capfd.readouterr() == ("", "")
