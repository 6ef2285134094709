"""Who gets in: the settings by which clients reach Kafka and ClickHouse, checked against each other.

Decides what contradicts what, reads passwords from files, and tries every certificate before anything connects. What
a client of Kafka is then given is `streams.kafka_access`; clients of ClickHouse find all of it in their URL. Nothing
here quotes a password, nor a URL that may hold one.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pydantic import SecretStr

from streams.kafka_access import KafkaAccess, load_certificate, trusting

#: Of the passwords that a query can name, the only one that clickhouse-driver reads: that of a certificate's key.
KEY_PASSWORD = "keypass"  # noqa: S105 - a name  # nosec B105
#: What stands between the parts of a query, also for those who write it otherwise.
_BETWEEN = re.compile("([&;?])")


class Given(Protocol):
    """The settings that are looked at here, as they were given or resolved."""

    @property
    def kafka(self) -> KafkaAccess: ...
    @property
    def kafka_password(self) -> SecretStr: ...
    @property
    def kafka_password_file(self) -> str: ...
    @property
    def clickhouse_url(self) -> str: ...
    @property
    def clickhouse_password(self) -> SecretStr: ...
    @property
    def clickhouse_password_file(self) -> str: ...
    @property
    def clickhouse_ca_file(self) -> str: ...


class Wrong(NamedTuple):
    """What is wrong with ``settings`` (names of fields), in words that say what was found and expected."""

    settings: tuple[str, ...]
    text: str


class Contradiction(ValueError):
    """Settings that can't be used together, or name a file that can't be used: all of ``wrong``."""

    def __init__(self, wrong: list[Wrong]) -> None:
        super().__init__("settings contradict each other")
        self.wrong = wrong


def resolve(given: Given) -> dict[str, object]:
    """The settings that follow from others, by name: passwords from their files, and the whole of ClickHouse's URL.

    Raises Contradiction.
    """
    passwords, wrong = {}, []
    for server, text, file in (
        ("kafka", given.kafka_password, given.kafka_password_file),
        ("clickhouse", given.clickhouse_password, given.clickhouse_password_file),
    ):
        try:
            passwords[server] = _password(server, text.get_secret_value(), file)
        except Contradiction as error:
            wrong += error.wrong
            passwords[server] = ""
    wrong += _wrong_kafka(given.kafka, given.kafka_password_file)
    wrong += _wrong_clickhouse(given)
    if wrong:
        raise Contradiction(wrong)
    return {
        "kafka_password": SecretStr(passwords["kafka"]),
        "clickhouse_password": SecretStr(passwords["clickhouse"]),
        "clickhouse_url": _whole_url(given.clickhouse_url, passwords["clickhouse"], given.clickhouse_ca_file),
    }


def _password(server: str, text: str, file: str) -> str:
    names = f"{server}_password", f"{server}_password_file"
    if text and file:
        raise Contradiction([Wrong(names, "both are set, expected one of the two")])
    if not file:
        return text
    try:
        found = Path(file).read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Contradiction([Wrong(names[1:], _unreadable(file, error))]) from None
    if not found:
        raise Contradiction([Wrong(names[1:], f"found {file!r} without a password in it")])
    return found


def _wrong_kafka(kafka: KafkaAccess, password_file: str) -> Iterator[Wrong]:
    given = {"kafka_username": kafka.username, "kafka_password": kafka.password, "kafka_password_file": password_file}
    files = {
        "kafka_ca_file": kafka.ca_file,
        "kafka_certificate_file": kafka.certificate_file,
        "kafka_key_file": kafka.key_file,
    }
    if kafka.sasl and not kafka.username:
        yield Wrong(("kafka_username",), f"not set, expected with security protocol {kafka.protocol}")
    if kafka.sasl and not (kafka.password or password_file):
        names = ("kafka_password", "kafka_password_file")
        yield Wrong(names, f"neither is set, expected one of the two with security protocol {kafka.protocol}")
    if not kafka.sasl and any(given.values()):
        text = f"set, but security protocol {kafka.protocol} names no user; expected SASL_SSL or SASL_PLAINTEXT"
        yield Wrong(tuple(name for name, value in given.items() if value), text)
    if not kafka.tls and any(files.values()):
        text = f"set, but security protocol {kafka.protocol} has no certificates; expected SSL or SASL_SSL"
        yield Wrong(tuple(name for name, value in files.items() if value), text)
    elif bool(kafka.certificate_file) != bool(kafka.key_file):
        yield Wrong(("kafka_certificate_file", "kafka_key_file"), "one is set without the other, expected both")
    elif kafka.tls:
        yield from _wrong_files(kafka)


def _wrong_files(kafka: KafkaAccess) -> Iterator[Wrong]:
    ca, certificate, key = kafka.ca_file, kafka.certificate_file, kafka.key_file
    if ca:
        yield from _tried("kafka_ca_file", ca, lambda: trusting(ca))
    if not certificate:
        return
    unreadable = [
        *_tried("kafka_certificate_file", certificate, Path(certificate).read_bytes),
        *_tried("kafka_key_file", key, Path(key).read_bytes),
    ]
    yield from unreadable
    if unreadable:
        return
    try:
        load_certificate(ssl.create_default_context(), certificate, key)
    except OSError as error:
        text = f"found {certificate!r} and {key!r}, expected a certificate and its key, PEM: {_reason(error)}"
        yield Wrong(("kafka_certificate_file", "kafka_key_file"), text)


def _wrong_clickhouse(given: Given) -> Iterator[Wrong]:
    url = urlsplit(given.clickhouse_url)
    if url.password and (given.clickhouse_password.get_secret_value() or given.clickhouse_password_file):
        yield Wrong(("clickhouse_url",), "has a password, and there is one beside it; expected one of the two")
    if not given.clickhouse_ca_file:
        return
    if url.scheme != "clickhouses":
        yield Wrong(("clickhouse_ca_file",), "set, but the address is clickhouse://; expected clickhouses://, for TLS")
    elif "ca_certs" in parse_qs(url.query):
        yield Wrong(("clickhouse_ca_file",), "set, and the address has ca_certs; expected one of the two")
    else:
        file = given.clickhouse_ca_file
        yield from _tried("clickhouse_ca_file", file, lambda: trusting(file))


def _tried(name: str, file: str, use: Callable[[], object]) -> Iterator[Wrong]:
    try:
        use()
    except ssl.SSLError as error:
        yield Wrong((name,), f"found {file!r}, expected certificates, PEM: {_reason(error)}")
    except OSError as error:
        yield Wrong((name,), _unreadable(file, error))


def _unreadable(file: str, error: Exception) -> str:
    return f"found {file!r}, expected a file that can be read: {_reason(error)}"


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return getattr(error, "strerror", None) or type(error).__name__


def _whole_url(url: str, password: str, ca_file: str) -> str:
    """``url`` with what is set beside it, as clickhouse-driver reads it."""
    parts = urlsplit(url)
    if password:
        user = parts.username or "default"
        parts = parts._replace(netloc=f"{user}:{quote(password, safe='')}@{parts.netloc.rpartition('@')[2]}")
    if ca_file:
        parts = parts._replace(query="&".join(filter(None, (parts.query, f"ca_certs={quote(ca_file, safe='')}"))))
    return parts.geturl()


def names_password(query: str) -> bool:
    """Whether ``query`` of an address has a password under a name that clickhouse-driver takes for another thing."""
    names = {_name(part) for part in _BETWEEN.split(query)}
    return any(name != KEY_PASSWORD and re.search("pass|pwd", name, re.IGNORECASE) for name in names)


def masked(url: str) -> str:
    """``url``, an address without `names_password`, with *** for each password in it."""
    parts = urlsplit(url)
    if parts.password is not None:
        user, _, host = parts.netloc.rpartition("@")
        parts = parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}")
    query = (f"{KEY_PASSWORD}=***" if _name(part) == KEY_PASSWORD else part for part in _BETWEEN.split(parts.query))
    return parts._replace(query="".join(query)).geturl()


def _name(part: str) -> str:
    return unquote(part.partition("=")[0])
