"""Asks a process whether it really answers: an open port isn't enough, a request of its own protocol is.

A probe takes at most about `timeout` seconds per request and returns a bool; deciding what silence means is the
supervisor's job.
"""

import socket
import struct
import urllib.error
import urllib.parse
import urllib.request

from clickhouse_driver import Client
from clickhouse_driver.errors import Error as ClickHouseError

DATABASE = "journeys"


def answers(ready_url: str | None, timeout: float = 1.0) -> bool:
    """Whether the process behind `ready_url` (as in ProcessSpec) answers now; None always does."""
    if ready_url is None:
        return True
    url = urllib.parse.urlsplit(ready_url)
    if url.scheme == "kafka":
        return kafka_answers(url.hostname or "", url.port or 0, timeout)
    if url.scheme == "clickhouse":
        http_port = int(urllib.parse.parse_qs(url.query)["http"][0])
        return clickhouse_answers(url.hostname or "", url.port or 0, http_port, timeout)
    return http_answers(ready_url, timeout)


def http_answers(url: str, timeout: float, body: bytes | None = None) -> bool:
    """Whether `url` answers with a 2xx; a body makes it a POST."""
    try:
        with urllib.request.urlopen(url, body, timeout=timeout):  # noqa: S310 - addresses come from the stack's plan
            return True
    except (OSError, urllib.error.URLError, ValueError):
        return False


def kafka_answers(host: str, port: int, timeout: float) -> bool:
    """Whether a broker lists at least one live broker in its metadata; a fenced one (just restarted) lists none."""
    client_id = b"supervisor"
    # Metadata (3), version 4: the last without compact encodings that asks not to create topics, of no topic.
    header = struct.pack(f">hhih{len(client_id)}s", 3, 4, 1, len(client_id), client_id)
    request = header + struct.pack(">i?", 0, False)
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(request)) + request)
            # Size, correlation id, throttle time, number of brokers.
            response = b""
            while len(response) < 16:
                received = connection.recv(16 - len(response))
                if not received:
                    return False
                response += received
    except OSError:
        return False
    return int(struct.unpack(">iiii", response)[3]) > 0


def clickhouse_answers(host: str, port: int, http_port: int, timeout: float) -> bool:
    """Whether ClickHouse answers over HTTP and over its native protocol, with the database there.

    The database comes first: a native connection that names an unknown one makes the fetched ClickHouse end.
    """
    base = f"http://{host}:{http_port}"
    create = f"CREATE DATABASE IF NOT EXISTS {DATABASE} ENGINE = Atomic".encode()
    if not (http_answers(f"{base}/ping", timeout) and http_answers(base, timeout, create)):
        return False
    client = Client(host, port, DATABASE, connect_timeout=timeout, send_receive_timeout=timeout)
    try:
        return bool(client.execute("SELECT 1") == [(1,)])
    except (ClickHouseError, OSError, EOFError):
        return False
    finally:
        client.disconnect()
