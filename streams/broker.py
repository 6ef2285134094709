"""The way to Kafka for commands: check the addresses, connect, or say in one line why nobody lets us in.

Faust's workers connect by themselves; topic administration, lag and producing come through here. What is done over a
connection is decided by those who ask for it. A broker is tried before a library gets to it: the libraries try again
for as long as they are given, whatever the reason, and tell it to a log alone.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeVar

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from streams.config import PREFIX
from streams.kafka_access import KafkaAccess

SETTING = PREFIX + "KAFKA_BOOTSTRAP"
CONNECT_S = 4.0
#: ApiVersions, the one request that every listener answers to anyone: length, key, version, correlation, no client id.
_ANYBODY = struct.pack(">ihhih", 10, 18, 0, 0, -1)

# What goes wrong is told by exceptions; the library's log goes where logging was configured, not to a user's terminal.
logging.getLogger("kafka").addHandler(logging.NullHandler())

Client = TypeVar("Client")

#: What to do about a certificate, by OpenSSL's code; about all others, trust who signed it.
_CERTIFICATE = {
    9: "look at the clocks",
    10: "the broker needs a new one",
    62: f"set {SETTING} to a name that it bears",
    64: f"set {SETTING} to an address that it bears",
}


class BrokerUnreachable(ConnectionError):
    """No Kafka answers at the address, or it lets us not in; the message names the setting. The operator must act."""


class TopicMissing(LookupError):
    """A declared topic is not there; the message names it and the command that creates it. The operator must act."""

    def __init__(self, kafka: KafkaAccess | str, topics: Iterable[str]) -> None:
        kafka = KafkaAccess.to(kafka)
        super().__init__(f"no topic {', '.join(sorted(topics))} at {kafka.bootstrap}; {remedy(kafka)}")


def remedy(kafka: KafkaAccess) -> str:
    """What to do where a topic is missing: who may not describe one is told the same by the broker."""
    unseen = f", or let user {kafka.username} describe it" if kafka.sasl else ""
    return f"run `omnijourney topics apply` first{unseen}"


def connect(make: Callable[..., Client], kafka: KafkaAccess | str, **config: Any) -> Client:
    """``make(bootstrap_servers=..., **config)``, a client of kafka-python, connected within about five seconds.

    Addresses alone are those of a broker open to all. Raises BrokerUnreachable where no address is usable, or nobody
    there lets us in.
    """
    kafka = KafkaAccess.to(kafka)
    deadline = time.monotonic() + CONNECT_S
    addresses = _addresses(kafka.bootstrap)
    _find_listener(kafka, addresses, deadline)
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
            **kafka.options,
            **config,
        )
    except KafkaError as error:
        # The library leaves its thread and sockets behind when a constructor fails.
        for client in made:
            client.close()
        raise BrokerUnreachable(_refusal(kafka)) from error


@contextmanager
def admin(kafka: KafkaAccess | str) -> Iterator[KafkaAdminClient]:
    """An admin client, closed at the end; BrokerUnreachable as `connect`."""
    client = connect(KafkaAdminClient, kafka)
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


def _find_listener(kafka: KafkaAccess, addresses: list[tuple[str, int]], deadline: float) -> None:
    # What is known at once is told at once; the library would try again until its timeout.
    silences, refusals = [], []
    for host, port in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            _try(kafka, host, port, left)
        except BrokerUnreachable as refusal:
            refusals.append(str(refusal))
        except OSError as error:
            silences.append(error.strerror or str(error))
        else:
            return
    if refusals:
        raise BrokerUnreachable(refusals[0])
    raise BrokerUnreachable(
        f"no Kafka broker at {kafka.bootstrap}: {', '.join(dict.fromkeys(silences))};"
        f" start it, or set {SETTING} to its address"
    )


def _try(kafka: KafkaAccess, host: str, port: int, seconds: float) -> None:
    """Connect as far as it takes to be let in. BrokerUnreachable where somebody refuses, OSError where nobody is."""
    name = host.strip("[]")
    with socket.create_connection((name, port), timeout=min(2.0, seconds)) as connection:
        if kafka.ssl_context is not None:
            try:
                _shake_hands(kafka.ssl_context, connection, name)
            except ssl.SSLError as error:
                raise BrokerUnreachable(f"Kafka at {host}:{port}: {_tls_reason(error)}") from error
    if kafka.sasl:
        # Not `asyncio.run`, which would leave this thread without a loop for who makes one on demand.
        with closing(asyncio.new_event_loop()) as loop:
            loop.run_until_complete(_log_in(kafka, name, port, seconds))


def _shake_hands(context: ssl.SSLContext, connection: socket.socket, host: str) -> None:
    with context.wrap_socket(connection, server_hostname=host) as secured:
        # Whether our certificate will do is known with the first answer, not with the handshake.
        secured.sendall(_ANYBODY)
        secured.recv(4)


async def _log_in(kafka: KafkaAccess, host: str, port: int, seconds: float) -> None:
    # kafka-python loses the broker's refusal where the connection ends with it, and tries again until its timeout.
    from aiokafka.conn import create_conn
    from aiokafka.errors import KafkaError, SaslAuthenticationFailed, UnsupportedSaslMechanismError

    try:
        connection = await create_conn(host, port, request_timeout_ms=int(seconds * 1000), **kafka.options)
    except SaslAuthenticationFailed:
        raise BrokerUnreachable(
            f"Kafka at {host}:{port} does not let user {kafka.username} in: wrong name or password;"
            f" set {PREFIX}KAFKA_USERNAME, and {PREFIX}KAFKA_PASSWORD or {PREFIX}KAFKA_PASSWORD_FILE"
        ) from None
    except UnsupportedSaslMechanismError:
        raise BrokerUnreachable(
            f"Kafka at {host}:{port} takes no {kafka.mechanism}; set {PREFIX}KAFKA_SASL_MECHANISM to what it takes"
        ) from None
    except (KafkaError, TimeoutError):
        raise BrokerUnreachable(_refusal(kafka)) from None
    await connection.close()


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        act = _CERTIFICATE.get(error.verify_code, f"set {PREFIX}KAFKA_CA_FILE to who signed it")
        return f"its certificate is not trusted: {error.verify_message.rstrip('.')}; {act}"
    reason = (error.reason or str(error)).replace("_", " ").lower()
    if "alert" in reason and ("certificate" in reason or "unknown ca" in reason):
        return (
            f"it does not take our certificate: {reason};"
            f" set {PREFIX}KAFKA_CERTIFICATE_FILE and {PREFIX}KAFKA_KEY_FILE to one that it knows"
        )
    return f"no TLS there: {reason}; set {PREFIX}KAFKA_SECURITY_PROTOCOL to what the listener speaks"


def _refusal(kafka: KafkaAccess) -> str:
    return (
        f"something listens at {kafka.bootstrap} but answers not as Kafka does to {kafka.protocol};"
        f" set {SETTING} to Kafka's address, or {PREFIX}KAFKA_SECURITY_PROTOCOL to what the listener speaks"
    )
