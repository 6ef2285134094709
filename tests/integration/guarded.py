"""A Kafka that asks who comes: certificates made for the test, users by SCRAM over TLS, rights by ACLs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from deploy.local.fetch import project_root
from deploy.local.kafka import Guarded
from deploy.local.ports import HOST, free_ports
from deploy.local.processes import Addresses
from deploy.local.stack import Stack
from streams.acls import Acl
from streams.broker import admin
from streams.config import PREFIX
from streams.kafka_access import KafkaAccess

OPERATIONS = {"DescribeConfigs": ACLOperation.DESCRIBE_CONFIGS, "AlterConfigs": ACLOperation.ALTER_CONFIGS}
RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}


class Papers(NamedTuple):
    """PEM files: of the authority that signs, of another one, of a client called ``intake``, of the broker."""

    ca: Path
    stranger: Path
    certificate: Path
    key: Path
    broker: Path


def make_papers(folder: Path, *, host: str = HOST, lasting: timedelta = timedelta(days=1)) -> Papers:
    """Certificates in ``folder``; the broker's is for ``host``, and expires when ``lasting`` is over."""
    authority, names = trustme.CA(), Papers._fields
    papers = Papers(*(folder / f"{name}.pem" for name in names))
    expires = datetime.now(UTC) + lasting
    broker = authority.issue_cert(host, not_before=expires - timedelta(days=2), not_after=expires)
    client = authority.issue_cert("intake@example.org", common_name="intake")
    authority.cert_pem.write_to_path(papers.ca)
    trustme.CA().cert_pem.write_to_path(papers.stranger)
    client.cert_chain_pems[0].write_to_path(papers.certificate)
    client.private_key_pem.write_to_path(papers.key)
    # Kafka reads a key in PKCS 8 alone.
    key = load_pem_private_key(broker.private_key_pem.bytes(), None)
    chain = b"".join(pem.bytes() for pem in broker.cert_chain_pems)
    papers.broker.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + chain)
    return papers


class GuardedStack(NamedTuple):
    """A running stack whose Kafka lets in users and certificates, and who comes in the open as one who may do all."""

    stack: Stack
    addresses: Addresses
    papers: Papers
    sasl: str
    tls: str

    def user(self, name: str) -> KafkaAccess:
        """The way in for a user made by `admit`."""
        return KafkaAccess(
            self.sasl, "SASL_SSL", username=name, password=self.password(name), ca_file=str(self.papers.ca)
        )

    def password(self, name: str) -> str:
        """The password of ``name`` as of now."""
        return self._password_file(name).read_text("utf-8").removesuffix("\n")

    def _password_file(self, name: str) -> Path:
        return self.papers.ca.with_name(f"{name}.password")

    def environment(self, name: str) -> dict[str, str]:
        """The settings of a command or worker of user ``name``, whose password is in a file."""
        given = {
            "KAFKA_BOOTSTRAP": self.sasl,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_USERNAME": name,
            "KAFKA_PASSWORD_FILE": str(self._password_file(name)),
            "KAFKA_CA_FILE": str(self.papers.ca),
            "CLICKHOUSE_URL": self.addresses.clickhouse_url,
            "PARTITIONS": "2",
            "CUSTOMER_PARTITIONS": "2",
        }
        return {PREFIX + variable: value for variable, value in given.items()}

    def admit(self, *names: str) -> None:
        """Make users, who may do nothing yet; to those that there are, give a new password, also in their file."""
        for name in names:
            # With characters that a careless encoding would trip over.
            self._password_file(name).write_text(f"p@ss/w%rd 7,=ü{token_hex()}\n", "utf-8")
        with admin(self.addresses.kafka_bootstrap) as client:
            made = client.alter_user_scram_credentials(
                [
                    UserScramCredentialUpsertion(name, ScramMechanism.SCRAM_SHA_512, self.password(name))
                    for name in names
                ]
            )
        assert not any(made.values()), made

    def allow(self, name: str, acls: Iterable[Acl]) -> None:
        with admin(self.addresses.kafka_bootstrap) as client:
            made = client.create_acls([entry for acl in acls for entry in entries(name, acl)])
        assert not made["failed"], made

    def forbid(self, name: str, acls: Iterable[Acl]) -> None:
        """Take back what `allow` gave."""
        with admin(self.addresses.kafka_bootstrap) as client:
            deleted = client.delete_acls([entry for acl in acls for entry in entries(name, acl)])
        assert all(gone for _, gone, _ in deleted)


def entries(name: str, acl: Acl) -> Iterator[ACL]:
    pattern = ResourcePattern(RESOURCES[acl.resource], acl.name, ACLResourcePatternType[acl.pattern.upper()])
    for operation in acl.operations:
        kind = OPERATIONS.get(operation) or ACLOperation[operation.upper()]
        yield ACL(f"User:{name}", "*", kind, ACLPermissionType.ALLOW, pattern)


@contextmanager
def guarded_stack(name: str, papers: Papers) -> Iterator[GuardedStack]:
    """A stack for this test alone, gone afterwards."""
    sasl, tls = free_ports(2)
    stack = Stack(f"test-{os.getpid()}-{name}")
    try:
        addresses = stack.up(owner=os.getpid(), guarded=Guarded(sasl, tls, papers.broker, papers.ca))
        yield GuardedStack(stack, addresses, papers, f"{HOST}:{sasl}", f"{HOST}:{tls}")
    finally:
        stack.down(purge=True)


class Ended(NamedTuple):
    """How a command ended."""

    exit_code: int
    shown: str
    said: str


def omnijourney(environment: Mapping[str, str], *arguments: str, seconds: float = 90) -> Ended:
    """Run a command to its end with nothing of ours in its environment but ``environment``."""
    ambient = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli", *arguments],
        env={**ambient, **environment},
        cwd=project_root(),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
