"""Ways in that work, and ways that don't: one line that says what to do, soon, and never the password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sinks.clickhouse import ClickHouse
from streams.acls import Acl
from streams.broker import BrokerUnreachable, admin
from streams.config import PREFIX
from streams.kafka_access import KafkaAccess
from tests.integration.guarded import GuardedStack, Papers, guarded_stack, make_papers, omnijourney
from tests.integration.tls_front import tls_front

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

FAILED, UNREACHABLE = 1, 3
NOT_MINE = "hunter2"


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


def wrong_ways(guarded: GuardedStack) -> dict[str, tuple[KafkaAccess, str]]:
    """What is wrong -> the way in, and how the complaint begins."""
    right, papers = guarded.user("reader"), guarded.papers
    sasl, open_ = guarded.sasl, guarded.addresses.kafka_bootstrap
    elsewhere = f"localhost:{sasl.rpartition(':')[2]}"
    refused, untrusted = f"Kafka at {sasl} does not let user", "its certificate is not trusted:"
    return {
        "password": (replace(right, password=NOT_MINE), f"{refused} reader in: wrong name or password; set"),
        "name": (replace(right, username="nobody"), f"{refused} nobody in: wrong name or password; set"),
        "mechanism": (replace(right, mechanism="SCRAM-SHA-256"), f"Kafka at {sasl} takes no SCRAM-SHA-256; set"),
        "authority": (
            replace(right, ca_file=str(papers.stranger)),
            f"Kafka at {sasl}: {untrusted} unable to get local issuer certificate; set OMNIJOURNEY_KAFKA_CA_FILE",
        ),
        "the system's authorities": (
            replace(right, ca_file=""),
            f"Kafka at {sasl}: {untrusted} unable to get local issuer certificate; set OMNIJOURNEY_KAFKA_CA_FILE",
        ),
        "host": (
            replace(right, bootstrap=elsewhere),
            f"Kafka at {elsewhere}: {untrusted} Hostname mismatch, certificate is not valid for 'localhost'; set",
        ),
        "unknown host": (replace(right, bootstrap="nowhere.invalid:1"), "no Kafka broker at nowhere.invalid:1: "),
        "nobody": (
            replace(right, bootstrap="127.0.0.1:1"),
            "no Kafka broker at 127.0.0.1:1: Connection refused; start",
        ),
        "no tls there": (replace(right, bootstrap=open_), f"Kafka at {open_}: no TLS there: "),
        "no sasl there": (
            KafkaAccess(open_, "SASL_PLAINTEXT", username="reader", password=NOT_MINE),
            f"something listens at {open_} but answers not as Kafka does to SASL_PLAINTEXT; set",
        ),
        "no certificate": (
            KafkaAccess(guarded.tls, "SSL", ca_file=str(papers.ca)),
            f"Kafka at {guarded.tls}: it does not take our certificate: ",
        ),
        "no tls here": (
            KafkaAccess(sasl),
            f"something listens at {sasl} but answers not as Kafka does to PLAINTEXT; set",
        ),
    }


WRONG = [
    "password",
    "name",
    "mechanism",
    "authority",
    "the system's authorities",
    "host",
    "unknown host",
    "nobody",
    "no tls there",
    "no sasl there",
    "no certificate",
    "no tls here",
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_way_in_is_told_in_a_line(guarded: GuardedStack, wrong: str) -> None:
    kafka, complaint = wrong_ways(guarded)[wrong]
    with pytest.raises(BrokerUnreachable) as caught, admin(kafka):
        pass
    (line,) = str(caught.value).splitlines()
    assert line.startswith(complaint)
    assert not any(secret in line for secret in (NOT_MINE, guarded.password("reader")))


def test_the_right_way_is_found_behind_a_wrong_one(guarded: GuardedStack) -> None:
    reader = guarded.user("reader")
    with admin(replace(reader, bootstrap=f"127.0.0.1:1,{guarded.addresses.kafka_bootstrap},{guarded.sasl}")) as client:
        assert client.list_topics() == ["seen"]


@pytest.mark.parametrize("command", [("topics", "diff"), ("worker", "intake")], ids=" ".join)
def test_commands_and_workers_that_are_not_let_in_end_with_a_line(guarded: GuardedStack, command: Any) -> None:
    environment = guarded.environment("reader")
    environment |= {PREFIX + "KAFKA_PASSWORD_FILE": "", PREFIX + "KAFKA_PASSWORD": NOT_MINE}
    ended = omnijourney(environment, *command)
    assert (ended.exit_code, ended.shown) == (UNREACHABLE, "")
    assert ended.said == (
        f"Error: Kafka at {guarded.sasl} does not let user reader in: wrong name or password;"
        " set OMNIJOURNEY_KAFKA_USERNAME, and OMNIJOURNEY_KAFKA_PASSWORD or OMNIJOURNEY_KAFKA_PASSWORD_FILE\n"
    )


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
        password.write_text(NOT_MINE + "\n")
        code, said = migrate(here, CLICKHOUSE_PASSWORD_FILE=str(password), **trusted)
        assert (code, said) == (
            FAILED,
            "Error: default: Authentication failed: password is incorrect, or there is no user with such name"
            " (code 516)\n",
        )
