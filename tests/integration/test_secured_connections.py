"""Ways in that work, and ways that don't: one line that says what to do, soon, and never the password."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sinks.clickhouse import ClickHouse
from streams.acls import Acl
from streams.broker import admin
from streams.config import PREFIX
from streams.kafka_access import KafkaAccess
from tests.integration.guarded import GuardedStack, Papers, guarded_stack, make_papers, omnijourney
from tests.integration.tls_front import tls_front

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

FAILED, WRONG_USE, UNREACHABLE = 1, 2, 3
#: What trying a way in may take beside the start of a process.
SOON_S = 15


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return make_papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def guarded(papers: Papers) -> Iterator[GuardedStack]:
    """A broker with one topic, which one user may describe."""
    with guarded_stack("secured", papers) as made:
        made.admit("reader")
        made.allow("reader", [SEEN])
        with admin(made.addresses.kafka_bootstrap) as client:
            client.create_topics({name: {"num_partitions": 1, "replication_factor": 1} for name in ("seen", "unseen")})
        yield made


SEEN = Acl("topic", "seen", "literal", ("Describe",))


def test_a_user_gets_in_and_sees_what_he_may(guarded: GuardedStack) -> None:
    with admin(guarded.user("reader")) as client:
        assert client.list_topics() == ["seen"]


def test_a_certificate_gets_in_without_a_password(guarded: GuardedStack, papers: Papers) -> None:
    files = {"ca_file": str(papers.ca), "certificate_file": str(papers.certificate), "key_file": str(papers.key)}
    with admin(KafkaAccess(guarded.tls, "SSL", **files)) as client:
        assert client.list_topics() == []


def wrong_ways(guarded: GuardedStack) -> dict[str, tuple[dict[str, str], str]]:
    """What is wrong -> settings, and how the complaint begins and goes on after ``...``."""
    sasl, port = guarded.sasl, guarded.sasl.rpartition(":")[2]
    open_, user = guarded.addresses.kafka_bootstrap, f"Kafka at {sasl} does not let user"
    untrusted = "its certificate is not trusted:"
    return {
        "password": (
            {"KAFKA_PASSWORD_FILE": "", "KAFKA_PASSWORD": "hunter2"},
            f"{user} reader in: wrong name or password;",
        ),
        "name": (
            {"KAFKA_USERNAME": "nobody"},
            f"{user} nobody in: wrong name or password; set OMNIJOURNEY_KAFKA_USERNAME",
        ),
        "mechanism": ({"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"}, f"Kafka at {sasl} takes no SCRAM-SHA-256; set"),
        "authority": (
            {"KAFKA_CA_FILE": str(guarded.papers.stranger)},
            f"Kafka at {sasl}: {untrusted} unable to get local issuer certificate; set OMNIJOURNEY_KAFKA_CA_FILE",
        ),
        "host": (
            {"KAFKA_BOOTSTRAP": f"localhost:{port}"},
            f"Kafka at localhost:{port}: {untrusted} Hostname mismatch, certificate is not valid for 'localhost'; set",
        ),
        "unknown host": ({"KAFKA_BOOTSTRAP": "nowhere.invalid:9093"}, "no Kafka broker at nowhere.invalid:9093: "),
        "no tls there": ({"KAFKA_BOOTSTRAP": open_}, f"Kafka at {open_}: no TLS there: "),
        "no certificate": (
            {
                "KAFKA_BOOTSTRAP": guarded.tls,
                "KAFKA_SECURITY_PROTOCOL": "SSL",
                "KAFKA_USERNAME": "",
                "KAFKA_PASSWORD_FILE": "",
            },
            f"Kafka at {guarded.tls}: it does not take our certificate: ",
        ),
        "no tls here": (
            dict.fromkeys(("KAFKA_SECURITY_PROTOCOL", "KAFKA_USERNAME", "KAFKA_PASSWORD_FILE", "KAFKA_CA_FILE"), "")
            | {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"},
            f"something listens at {sasl} but answers not as Kafka does to PLAINTEXT; set",
        ),
    }


@pytest.mark.parametrize(
    "wrong",
    [
        "password",
        "name",
        "mechanism",
        "authority",
        "host",
        "unknown host",
        "no tls there",
        "no certificate",
        "no tls here",
    ],
)
def test_a_wrong_way_in_is_told_in_a_line(guarded: GuardedStack, wrong: str) -> None:
    settings, complaint = wrong_ways(guarded)[wrong]
    environment = guarded.environment("reader") | {PREFIX + name: value for name, value in settings.items()}
    # Every kind of user of a broker that starts with them: a command, and a worker.
    command = ("worker", "intake") if wrong in ("password", "authority") else ("topics", "diff")
    began = time.monotonic()
    ended = omnijourney(environment, *command)
    assert time.monotonic() - began < SOON_S
    assert (ended.exit_code, ended.shown) == (UNREACHABLE, ""), ended.said
    (line,) = ended.said.splitlines()
    assert line.startswith(f"Error: {complaint}")
    assert not any(secret in line for secret in ("hunter2", guarded.password("reader")))


def test_an_expired_certificate_is_told_to_be_expired(guarded: GuardedStack, tmp_path: Path) -> None:
    expired = make_papers(tmp_path, lasting=timedelta(hours=-1))
    port = int(guarded.addresses.kafka_bootstrap.rpartition(":")[2])
    with tls_front(port, expired.broker) as front:
        settings = {"KAFKA_BOOTSTRAP": f"127.0.0.1:{front}", "KAFKA_CA_FILE": str(expired.ca)}
        environment = guarded.environment("reader") | {PREFIX + name: value for name, value in settings.items()}
        ended = omnijourney(environment, "topics", "diff")
    assert ended.exit_code == UNREACHABLE
    assert ended.said == (
        f"Error: Kafka at 127.0.0.1:{front}: its certificate is not trusted: certificate has expired;"
        " the broker needs a new one\n"
    )


def test_an_address_that_nobody_reaches_with_tls_is_told_like_one_without(guarded: GuardedStack) -> None:
    away = replace(guarded.user("reader"), bootstrap="127.0.0.1:1")
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:1: Connection refused"), admin(away):
        pass


def test_clickhouse_is_reached_over_tls_and_only_where_it_can_be_trusted(
    guarded: GuardedStack, papers: Papers, tmp_path: Path
) -> None:
    """The real server behind a TLS front of the test's: by itself the local one can't listen for it."""
    port = urlsplit(guarded.addresses.clickhouse_url).port
    assert port
    with tls_front(port, papers.broker) as front:

        def migrate(host: str, **given: str) -> tuple[int, str]:
            settings = {"CLICKHOUSE_URL": f"clickhouses://default@{host}/journeys", **given}
            ended = omnijourney({PREFIX + name: value for name, value in settings.items()}, "migrate")
            return ended.exit_code, ended.said or ended.shown

        here, trusted = f"127.0.0.1:{front}", {"CLICKHOUSE_CA_FILE": str(papers.ca)}
        told, act = "Error: no TLS with ClickHouse: certificate verify failed: ", "; set OMNIJOURNEY_CLICKHOUSE_CA_FILE"
        code, said = migrate(here)
        assert (code, said.startswith(f"{told}unable to get local issuer certificate{act}")) == (UNREACHABLE, True)
        code, said = migrate(here, CLICKHOUSE_CA_FILE=str(papers.stranger))
        assert (code, said.startswith(f"{told}unable to get local issuer certificate{act}")) == (UNREACHABLE, True)
        code, said = migrate(f"localhost:{front}", **trusted)
        assert (code, said.startswith(f"{told}Hostname mismatch, certificate is not valid")) == (UNREACHABLE, True)
        code, said = migrate(here, **trusted)
        assert (code, said.splitlines()[0]) == (0, "applied 001_touchpoints.sql")
        url = f"clickhouses://default@{here}/journeys?ca_certs={papers.ca}"
        with ClickHouse(url) as client:
            assert client.query("SELECT currentUser()") == [("default",)]
            rows = 200_000
            assert len(client.query("SELECT number, toString(number) FROM numbers(%(rows)s)", {"rows": rows})) == rows
        # Last, because the local server ends with it.
        password = tmp_path / "password"
        password.write_text("hunter2\n")
        code, said = migrate(here, CLICKHOUSE_PASSWORD_FILE=str(password), **trusted)
        assert (code, said) == (
            FAILED,
            "Error: default: Authentication failed: password is incorrect, or there is no user with such name"
            " (code 516)\n",
        )
