"""The way to Kafka for commands: check the addresses, connect, or say in one line that nobody answers.

Faust's workers connect by themselves; topic administration, lag and producing come through here. What is done over a
connection is decided by those who ask for it.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from streams.config import PREFIX

SETTING = PREFIX + "KAFKA_BOOTSTRAP"
CONNECT_S = 4.0

# What goes wrong is told by exceptions; the library's log goes where logging was configured, not to a user's terminal.
logging.getLogger("kafka").addHandler(logging.NullHandler())

Client = TypeVar("Client")


class BrokerUnreachable(ConnectionError):
    """No Kafka answers at the address; the message names it and the setting. The operator must act."""


class TopicMissing(LookupError):
    """A declared topic is not there; the message names it and the command that creates it. The operator must act."""

    def __init__(self, bootstrap: str, topics: Iterable[str]) -> None:
        super().__init__(f"no topic {', '.join(sorted(topics))} at {bootstrap}; run `omnijourney topics apply` first")


def connect(make: Callable[..., Client], bootstrap: str, **config: Any) -> Client:
    """``make(bootstrap_servers=..., **config)``, a client of kafka-python, connected within about five seconds.

    ``bootstrap`` is ``host:port``, several comma-separated. Raises BrokerUnreachable where no address is usable.
    """
    deadline = time.monotonic() + CONNECT_S
    addresses = _addresses(bootstrap)
    _find_listener(bootstrap, addresses, deadline)
    made: list[KafkaNetClient] = []

    def remember(**options: Any) -> KafkaNetClient:
        made.append(KafkaNetClient(**options))
        return made[-1]

    timeout_ms = max(1000, int((deadline - time.monotonic()) * 1000))
    try:
        return make(
            bootstrap_servers=[f"{host}:{port}" for host, port in addresses],
            bootstrap_timeout_ms=timeout_ms,
            kafka_client=remember,
            **config,
        )
    except KafkaError as error:
        # The library leaves its thread and sockets behind when a constructor fails.
        for client in made:
            client.close()
        raise BrokerUnreachable(_message(bootstrap, "something listens there but answers not as Kafka does")) from error


@contextmanager
def admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """An admin client, closed at the end; BrokerUnreachable as `connect`."""
    client = connect(KafkaAdminClient, bootstrap)
    try:
        yield client
    finally:
        client.close()


def _addresses(bootstrap: str) -> list[tuple[str, int]]:
    found = []
    for address in filter(None, (part.strip() for part in bootstrap.split(","))):
        host, _, port = address.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
            raise BrokerUnreachable(f"{SETTING}: found {address!r}, expected host:port")
        found.append((host, int(port)))
    if not found:
        raise BrokerUnreachable(f"{SETTING}: found no address, expected host:port")
    return found


def _find_listener(bootstrap: str, addresses: list[tuple[str, int]], deadline: float) -> None:
    # A refused connection or an unknown name is known at once; the library would try again until its timeout.
    reasons = []
    for host, port in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            socket.create_connection((host.strip("[]"), port), timeout=min(2.0, left)).close()
        except OSError as error:
            reasons.append(error.strerror or str(error))
        else:
            return
    raise BrokerUnreachable(_message(bootstrap, ", ".join(dict.fromkeys(reasons))))


def _message(bootstrap: str, reason: str) -> str:
    return f"no Kafka broker at {bootstrap}: {reason}; start it, or set {SETTING} to its address"
