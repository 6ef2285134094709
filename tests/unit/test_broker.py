"""Nobody answers: one line that names the address and the setting, soon."""

import socket
import threading
import time

import pytest

from streams import broker
from streams.broker import SETTING, BrokerUnreachable, admin


def refusal(bootstrap: str) -> str:
    began = time.monotonic()
    with pytest.raises(BrokerUnreachable) as caught, admin(bootstrap):
        pass
    assert time.monotonic() - began < 6
    (line,) = str(caught.value).splitlines()
    assert SETTING in line
    return line


def test_a_port_that_nobody_listens_on_is_known_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    line = refusal(f"127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in line
    assert "Connection refused" in line


def test_an_unknown_host_is_named() -> None:
    assert "nowhere.invalid:9092" in refusal("nowhere.invalid:9092")


@pytest.mark.parametrize("address", ["", " , ", "broker", "broker:", ":9092", "broker:kafka", "h:0", "h:65536"])
def test_what_is_no_address_is_said_to_be_none(address: str) -> None:
    assert "expected host:port" in refusal(address)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_listener_that_is_no_kafka_is_given_up_on_without_leaving_a_thread(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "CONNECT_S", 1.2)
    threads = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stranger = threading.Thread(target=_answer_all, args=(listener, answer))
        stranger.start()
        line = refusal(f"127.0.0.1:{listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
        stranger.join()
    assert "answers not as Kafka does" in line
    assert threading.active_count() == threads


def _answer_all(listener: socket.socket, answer: bytes) -> None:
    open_connections = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        open_connections.append(connection)
        if answer:
            connection.recv(1000)
            connection.sendall(answer)
    for connection in open_connections:
        connection.close()
