"""How a client gets to Kafka: the addresses, and with them how it proves who it is and whom it trusts.

One value travels to every client, so that none can be made that knows the one and not the other. Decides what the two
client libraries are given; which settings make the value, and whether they belong together, is `streams.access`'s.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeAlias

Protocol: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism: TypeAlias = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]


@dataclass(frozen=True)
class KafkaAccess:
    """``bootstrap`` is ``host:port``, several comma-separated; by itself it is a broker open to all.

    Files are PEM, '' for none: without ``ca_file`` the system's authorities are trusted. They are read once.
    """

    bootstrap: str
    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""

    @classmethod
    def to(cls, kafka: KafkaAccess | str) -> KafkaAccess:
        """``kafka`` itself; of addresses alone, the way to a broker open to all."""
        return cls(kafka) if isinstance(kafka, str) else kafka

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted, and the broker proves who it is."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def sasl(self) -> bool:
        """Whether the client says a user's name and proves it by a password."""
        return self.protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @cached_property
    def ssl_context(self) -> ssl.SSLContext | None:
        """What a TLS connection is made with, host names checked; None without TLS. OSError where a file is no good."""
        if not self.tls:
            return None
        context = trusting(self.ca_file)
        if self.certificate_file:
            load_certificate(context, self.certificate_file, self.key_file)
        return context

    @cached_property
    def options(self) -> dict[str, Any]:
        """Arguments of every client of kafka-python and aiokafka, which name them alike."""
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.tls:
            options["ssl_context"] = self.ssl_context
        if self.sasl:
            options |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options


def trusting(ca_file: str) -> ssl.SSLContext:
    """A client's context that trusts the authorities in ``ca_file``, or the system's for ''. Raises OSError."""
    return ssl.create_default_context(cafile=ca_file or None)


def load_certificate(context: ssl.SSLContext, certificate_file: str, key_file: str) -> None:
    """Have ``context`` show a client's certificate. Raises OSError, also for a key that has a passphrase."""
    # Without this OpenSSL would ask for the passphrase on the terminal.
    context.load_cert_chain(certificate_file, key_file, password=lambda: b"")
