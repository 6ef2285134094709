"""What clients may ask of /metrics, /live and /ready, and what those who are slow, wrong or many can't do to others."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from prometheus_client import REGISTRY, Gauge

from streams.runtime import health
from streams.runtime.health import LONGEST_REQUEST, MOST_CONNECTIONS, Health, serve

#: More than the small sockets of clients that never read let through.
LARGE = 1_000_000
CLIENTS = 200
GONE = (ConnectionError, TimeoutError)


@pytest.fixture
def port() -> int:
    state = Health()
    state.assigned = True
    return serve(state, "127.0.0.1", 0)


@pytest.fixture
def large_metrics() -> Iterator[None]:
    gauge = Gauge("journey_test_large", "x" * LARGE)
    yield
    REGISTRY.unregister(gauge)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow clients aren't let go meanwhile, and whoever asks is answered on a machine that is slow itself."""
    monkeypatch.setattr(health, "PATIENCE_S", 120.0)


def connect(port: int, sent: bytes = b"") -> socket.socket:
    client = socket.socket()
    client.settimeout(60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    client.connect(("127.0.0.1", port))
    client.sendall(sent)
    return client


def read_all(client: socket.socket) -> bytes:
    """Until the server ends it."""
    found = bytearray()
    while part := client.recv(65_536):
        found += part
    return bytes(found)


def ask(port: int, sent: bytes) -> tuple[str, bytes]:
    """Status and body of the answer to ``sent``."""
    with connect(port, sent) as client:
        head, _, body = read_all(client).partition(b"\r\n\r\n")
    return head.decode().splitlines()[0].removeprefix("HTTP/1.1 "), body


def get(port: int, path: str) -> str:
    return ask(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())[0]


def are_open(clients: list[socket.socket]) -> int:
    """How many of ``clients``, which never get an answer, the server still waits for."""
    count = 0
    for client in clients:
        client.setblocking(False)
        try:
            client.recv(1)
        except BlockingIOError:
            count += 1
        except GONE:
            pass
    return count


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "X" * 50])
def test_only_get_and_head_are_answered(port: int, method: str) -> None:
    assert ask(port, f"{method} /metrics HTTP/1.1\r\n\r\n".encode()) == ("405 Method Not Allowed", b"GET or HEAD\n")


def test_head_gives_the_length_and_no_body(port: int) -> None:
    with connect(port, b"HEAD /live HTTP/1.1\r\n\r\n") as client:
        answer = read_all(client).decode()
    assert answer.startswith("HTTP/1.1 200 OK\r\n")
    assert "\r\nContent-Length: 4\r\n" in answer
    assert answer.endswith("\r\n\r\n")


def test_parameters_change_nothing_and_other_paths_are_not_there(port: int) -> None:
    assert [get(port, path) for path in ("/live?verbose", "/ready?", "/metrics?name[]=x")] == ["200 OK"] * 3
    for path in ("/live/", "//live", "/LIVE", "/metrics/../live", "/%6cive", "http://x/live", "*", "/table/", ""):
        assert get(port, path) == "404 Not Found", path


@pytest.mark.parametrize(
    "line", [b"", b"\0\xff", b"GET /live", b"GET /live FTP/1.1", b"GET /li ve HTTP/1.1", b" " * 99]
)
def test_what_is_no_request_is_told_so_and_not_quoted(port: int, line: bytes) -> None:
    assert ask(port, line + b"\r\n\r\n") == ("400 Bad Request", b"no request\n")


def test_a_request_has_an_end(port: int) -> None:
    for endless in (b"GET /" + b"x" * LONGEST_REQUEST, b"GET /live HTTP/1.1\r\n" + b"a: b\r\n" * LONGEST_REQUEST):
        found = b""
        with connect(port) as client, suppress(*GONE):
            client.sendall(endless)
            found = read_all(client)
        # Told or, in the middle of sending, cut off.
        assert found.startswith(b"HTTP/1.1 431 ") or not found
    assert get(port, "/live") == "200 OK"


@pytest.mark.usefixtures("patient")
def test_many_who_send_a_byte_now_and_then_keep_nobody_waiting(port: int) -> None:
    threads = threading.active_count()
    with ExitStack() as held:
        slow = [held.enter_context(connect(port)) for _ in range(CLIENTS)]
        for byte in b"GET /":
            for client in slow:
                with suppress(*GONE):
                    client.sendall(bytes([byte]))
            assert [get(port, path) for path in ("/live", "/ready", "/metrics")] == ["200 OK"] * 3
        assert threading.active_count() == threads
        assert are_open(slow) <= MOST_CONNECTIONS


@pytest.mark.usefixtures("patient", "large_metrics")
def test_many_who_never_read_a_large_answer_keep_nobody_waiting(port: int) -> None:
    threads = threading.active_count()
    with ExitStack() as held:
        for _ in range(CLIENTS):
            held.enter_context(connect(port, b"GET /metrics HTTP/1.1\r\n\r\n"))
        assert [get(port, path) for path in ("/live", "/ready")] == ["200 OK"] * 2
        status, body = ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
        assert (status, len(body) > LARGE) == ("200 OK", True)
        assert threading.active_count() == threads


def test_metrics_are_rendered_once_for_all_who_ask_within_a_second(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a second that never ends and with one that has none, so that it doesn't matter how fast this machine is."""
    texts = iter(f"x {number}\n".encode() for number in range(99))
    monkeypatch.setattr(health, "generate_latest", lambda: next(texts))
    monkeypatch.setattr(health, "KEPT_S", 3_600.0)
    assert {ask(port, b"GET /metrics HTTP/1.1\r\n\r\n") for _ in range(CLIENTS)} == {("200 OK", b"x 0\n")}
    monkeypatch.setattr(health, "KEPT_S", 0.0)
    other = serve(Health(), "127.0.0.1", 0)
    assert [ask(other, b"GET /metrics HTTP/1.1\r\n\r\n")[1] for _ in range(3)] == [b"x 1\n", b"x 2\n", b"x 3\n"]


@pytest.mark.usefixtures("patient")
def test_who_makes_room_for_another_is_no_event(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with ExitStack() as held:
        waiting = [held.enter_context(connect(port)) for _ in range(MOST_CONNECTIONS + 30)]
        assert get(port, "/live") == "200 OK"
        for gone in waiting[:30]:
            with suppress(*GONE):
                assert gone.recv(1) == b""
    # Answered by the same loop after all that it had to say of those who went.
    assert get(port, "/live") == "200 OK"
    assert caplog.records == []


def test_who_takes_too_long_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE_S", 0.05)
    with connect(port, b"GET /live HTTP/1.1\r\n") as client:
        assert read_all(client) == b""
