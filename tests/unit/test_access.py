"""Settings of TLS and users: what they give, what contradicts what, and that no password is ever shown."""

from __future__ import annotations

import ssl
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
from click.testing import CliRunner
from clickhouse_driver.util.helpers import parse_url
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from streams.cli import main
from streams.config import PREFIX, ConfigError, describe, read
from streams.kafka_access import KafkaAccess
from streams.runtime import faust_seam

SECRET = "hunter2:p@ss/w%rd ü"  # noqa: S105 - a made-up one
#: As it may turn up in a text: itself, percent-encoded, and the part that no encoding changes.
TRACES = (SECRET, quote(SECRET, safe=""), "hunter2")
SASL = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_USERNAME": "intake"}


def settings_of(**given: str):  # type: ignore[no-untyped-def]
    return read({PREFIX + name: value for name, value in given.items()})


def refusal(**given: str) -> list[str]:
    """The lines that are told of wrong settings, none of which shows a secret, nor does the trace."""
    with pytest.raises(ConfigError) as caught:
        settings_of(**given)
    told = "".join(traceback.format_exception(caught.value))
    assert not any(trace in told for trace in TRACES)
    return str(caught.value).splitlines()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Paths: an authority, a certificate that it signed, its key, another's key, one with a passphrase, prose."""
    authority = trustme.CA()
    mine, others = authority.issue_cert("intake.example"), authority.issue_cert("other.example")
    locked = load_pem_private_key(mine.private_key_pem.bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"passphrase")
    )
    contents = {
        "ca": authority.cert_pem.bytes(),
        "certificate": mine.cert_chain_pems[0].bytes(),
        "key": mine.private_key_pem.bytes(),
        "other_key": others.private_key_pem.bytes(),
        "locked_key": locked,
        "prose": b"no certificate at all\n",
        "password": f"{SECRET}\n".encode(),
        "bytes": b"\xff\xfe",
        "empty": b"\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in (*contents, "absent")}


def test_without_settings_kafka_is_open_and_addresses_alone_say_the_same() -> None:
    kafka = settings_of(KAFKA_BOOTSTRAP="broker:1").kafka
    assert kafka == KafkaAccess("broker:1") == KafkaAccess.to("broker:1") == KafkaAccess.to(kafka)
    assert kafka.options == {"security_protocol": "PLAINTEXT"}
    assert faust_seam.credentials(kafka) is None


def test_a_user_with_a_password_is_what_every_client_gets(files: dict[str, str]) -> None:
    kafka = settings_of(**SASL, KAFKA_PASSWORD=SECRET, KAFKA_CA_FILE=files["ca"]).kafka
    context = kafka.ssl_context
    assert kafka.options == {
        "security_protocol": "SASL_SSL",
        "ssl_context": context,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "intake",
        "sasl_plain_password": SECRET,
    }
    credentials = faust_seam.credentials(kafka)
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    assert (credentials.username, credentials.password, credentials.ssl_context) == ("intake", SECRET, context)


def test_tls_checks_who_signed_and_what_the_host_is_called(files: dict[str, str]) -> None:
    for given in ({"KAFKA_CA_FILE": files["ca"]}, {}):
        context = settings_of(KAFKA_SECURITY_PROTOCOL="SSL", **given).kafka.ssl_context
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    host, options = parse_url(
        settings_of(CLICKHOUSE_URL="clickhouses://u@h/d", CLICKHOUSE_CA_FILE=files["ca"]).clickhouse_url
    )
    assert (host, options) == ("h", {"database": "d", "user": "u", "secure": True, "ca_certs": files["ca"]})


def test_a_certificate_of_our_own_goes_with_its_key(files: dict[str, str]) -> None:
    given = {"KAFKA_CERTIFICATE_FILE": files["certificate"], "KAFKA_KEY_FILE": files["key"]}
    kafka = settings_of(KAFKA_SECURITY_PROTOCOL="SSL", **given).kafka
    assert faust_seam.credentials(kafka).context is kafka.options["ssl_context"] is kafka.ssl_context


@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_password_file_is_read_without_one_newline_at_its_end(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "password"
    file.write_text(SECRET + ending, encoding="utf-8")
    found = settings_of(**SASL, KAFKA_PASSWORD_FILE=str(file), CLICKHOUSE_PASSWORD_FILE=str(file))
    assert found.kafka.password == SECRET
    assert parse_url(found.clickhouse_url)[1]["password"] == SECRET
    file.write_text(f"{SECRET}\n\n")
    assert settings_of(**SASL, KAFKA_PASSWORD_FILE=str(file)).kafka.password == f"{SECRET}\n"


@pytest.mark.parametrize(
    ("url", "user"),
    [
        ("clickhouse://h:1/d", "default"),
        ("clickhouses://sink@[::1]:9440/d?compression=lz4", "sink"),
        ("clickhouse://s%40nk@h/d", "s@nk"),
    ],
)
def test_a_clickhouse_password_beside_the_address_is_part_of_what_clients_get(url: str, user: str) -> None:
    _, before = parse_url(url)
    _, after = parse_url(settings_of(CLICKHOUSE_URL=url, CLICKHOUSE_PASSWORD=SECRET).clickhouse_url)
    assert after == {**before, "user": user, "password": SECRET}


CONTRADICTIONS = {
    "sasl without a user": (
        {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_PASSWORD": SECRET},
        "OMNIJOURNEY_KAFKA_USERNAME: not set, expected with security protocol SASL_SSL",
    ),
    "sasl without a password": (
        SASL,
        "OMNIJOURNEY_KAFKA_PASSWORD and OMNIJOURNEY_KAFKA_PASSWORD_FILE: neither is set, expected one of the two",
    ),
    "both passwords": (
        {**SASL, "KAFKA_PASSWORD": SECRET, "KAFKA_PASSWORD_FILE": "{password}"},
        "OMNIJOURNEY_KAFKA_PASSWORD and OMNIJOURNEY_KAFKA_PASSWORD_FILE: both are set, expected one of the two",
    ),
    "a user whom nobody asks for": (
        {"KAFKA_USERNAME": "u", "KAFKA_PASSWORD": SECRET},
        "OMNIJOURNEY_KAFKA_USERNAME and OMNIJOURNEY_KAFKA_PASSWORD: set, but security protocol PLAINTEXT names no user",
    ),
    "an authority without tls": (
        {"KAFKA_CA_FILE": "{ca}"},
        "OMNIJOURNEY_KAFKA_CA_FILE: set, but security protocol PLAINTEXT has no certificates; expected SSL or SASL_SSL",
    ),
    "a certificate without its key": (
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CERTIFICATE_FILE": "{certificate}"},
        "OMNIJOURNEY_KAFKA_CERTIFICATE_FILE and OMNIJOURNEY_KAFKA_KEY_FILE: one is set without the other",
    ),
    "an unknown protocol": (
        {"KAFKA_SECURITY_PROTOCOL": "TLS"},
        "OMNIJOURNEY_KAFKA_SECURITY_PROTOCOL: found 'TLS', expected 'PLAINTEXT', 'SSL', 'SASL_PLAINTEXT' or 'SASL_SSL'",
    ),
    "an unknown mechanism": (
        {"KAFKA_SASL_MECHANISM": "GSSAPI"},
        "OMNIJOURNEY_KAFKA_SASL_MECHANISM: found 'GSSAPI', expected 'SCRAM-SHA-512', 'SCRAM-SHA-256' or 'PLAIN'",
    ),
    "no such file": (
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA_FILE": "{absent}"},
        "OMNIJOURNEY_KAFKA_CA_FILE: found '{absent}', expected a file that can be read: No such file or directory",
    ),
    "no certificate": (
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CA_FILE": "{prose}"},
        "OMNIJOURNEY_KAFKA_CA_FILE: found '{prose}', expected certificates, PEM: no certificate or crl found",
    ),
    "no such key": (
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CERTIFICATE_FILE": "{certificate}", "KAFKA_KEY_FILE": "{absent}"},
        "OMNIJOURNEY_KAFKA_KEY_FILE: found '{absent}', expected a file that can be read: No such file or directory",
    ),
    "another's key": (
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CERTIFICATE_FILE": "{certificate}", "KAFKA_KEY_FILE": "{other_key}"},
        "OMNIJOURNEY_KAFKA_CERTIFICATE_FILE and OMNIJOURNEY_KAFKA_KEY_FILE: found '{certificate}' and '{other_key}',"
        " expected a certificate and its key, PEM: key values mismatch",
    ),
    "a key with a passphrase": (
        {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_CERTIFICATE_FILE": "{certificate}", "KAFKA_KEY_FILE": "{locked_key}"},
        "OMNIJOURNEY_KAFKA_CERTIFICATE_FILE and OMNIJOURNEY_KAFKA_KEY_FILE: found '{certificate}' and '{locked_key}',"
        " expected a certificate and its key, PEM: ",
    ),
    "no such password file": (
        {**SASL, "KAFKA_PASSWORD_FILE": "{absent}"},
        "OMNIJOURNEY_KAFKA_PASSWORD_FILE: found '{absent}', expected a file that can be read: No such file",
    ),
    "a password file of bytes": (
        {**SASL, "KAFKA_PASSWORD_FILE": "{bytes}"},
        "OMNIJOURNEY_KAFKA_PASSWORD_FILE: found '{bytes}', expected a file that can be read: not UTF-8",
    ),
    "an empty password file": (
        {"CLICKHOUSE_PASSWORD_FILE": "{empty}"},
        "OMNIJOURNEY_CLICKHOUSE_PASSWORD_FILE: found '{empty}' without a password in it",
    ),
    "clickhouse's password twice": (
        {"CLICKHOUSE_PASSWORD": SECRET, "CLICKHOUSE_PASSWORD_FILE": "{password}"},
        "OMNIJOURNEY_CLICKHOUSE_PASSWORD and OMNIJOURNEY_CLICKHOUSE_PASSWORD_FILE: both are set",
    ),
    "a password in the address and beside it": (
        {"CLICKHOUSE_URL": "clickhouse://u:hunter2@h/d", "CLICKHOUSE_PASSWORD": SECRET},
        "OMNIJOURNEY_CLICKHOUSE_URL: has a password, and there is one beside it; expected one of the two",
    ),
    "clickhouse's authority without tls": (
        {"CLICKHOUSE_CA_FILE": "{ca}"},
        "OMNIJOURNEY_CLICKHOUSE_CA_FILE: set, but the address is clickhouse://; expected clickhouses://, for TLS",
    ),
    "clickhouse's authority twice": (
        {"CLICKHOUSE_URL": "clickhouses://h/d?ca_certs=x", "CLICKHOUSE_CA_FILE": "{ca}"},
        "OMNIJOURNEY_CLICKHOUSE_CA_FILE: set, and the address has ca_certs; expected one of the two",
    ),
    "clickhouse's authority is none": (
        {"CLICKHOUSE_URL": "clickhouses://h/d", "CLICKHOUSE_CA_FILE": "{prose}"},
        "OMNIJOURNEY_CLICKHOUSE_CA_FILE: found '{prose}', expected certificates, PEM: no certificate or crl found",
    ),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_settings_that_contradict_each_other_are_named(name: str, files: dict[str, str]) -> None:
    given, expected = CONTRADICTIONS[name]
    (line,) = refusal(**{variable: value.format(**files) for variable, value in given.items()})
    assert line.startswith(expected.format(**files))


def test_all_contradictions_are_told_at_once(files: dict[str, str]) -> None:
    lines = refusal(KAFKA_USERNAME="u", KAFKA_CA_FILE=files["ca"], CLICKHOUSE_CA_FILE=files["ca"])
    assert len(lines) == 3


def test_no_text_of_settings_shows_a_password(files: dict[str, str]) -> None:
    given = {**SASL, "KAFKA_PASSWORD": SECRET, "CLICKHOUSE_PASSWORD_FILE": files["password"]}
    found = settings_of(**given)
    described = {row.variable: row.value for row in describe(found)}
    assert described["OMNIJOURNEY_KAFKA_PASSWORD"] == described["OMNIJOURNEY_CLICKHOUSE_PASSWORD"] == "***"  # noqa: S105 - a made-up one
    assert described["OMNIJOURNEY_CLICKHOUSE_URL"] == "clickhouse://default:***@127.0.0.1:9000/journeys"
    texts = [
        repr(found),
        str(found),
        repr(found.kafka),
        str(found.kafka),
        str(described),
        repr(faust_seam.credentials(found.kafka)),
    ]
    for text in texts:
        assert not any(trace in text for trace in TRACES), text
    assert found.kafka.password == SECRET


def test_config_masks_every_secret(files: dict[str, str]) -> None:
    given = {**SASL, "KAFKA_PASSWORD_FILE": files["password"], "CLICKHOUSE_PASSWORD": SECRET}
    shown = CliRunner().invoke(main, ["config"], env={PREFIX + name: value for name, value in given.items()})
    assert shown.exit_code == 0, shown.output
    for variable in ("OMNIJOURNEY_KAFKA_PASSWORD", "OMNIJOURNEY_CLICKHOUSE_PASSWORD"):
        assert any(line.split()[:2] == [variable, "***"] for line in shown.output.splitlines())
    assert not any(trace in shown.output for trace in TRACES)


@pytest.mark.parametrize(
    "url",
    [
        "clickhouse://u:12/d?hunter2@h",
        "clickhouse://u:12/hunter2@h/d",
        "clickhouse://u:1?hunter2@h/d",
        "clickhouse://u:1#hunter2@h/d",
    ],
)
def test_a_password_that_is_not_percent_encoded_passes_for_nothing_else(url: str) -> None:
    assert refusal(CLICKHOUSE_URL=url) == [
        "OMNIJOURNEY_CLICKHOUSE_URL: expected clickhouse://user:password@host:port/database"
    ]


def test_a_secret_among_the_options_of_the_address_is_masked() -> None:
    rows = describe(settings_of(CLICKHOUSE_URL="clickhouses://u@h/d?keypass=hunter2&verify=1"))
    shown = {row.variable: row.value for row in rows}["OMNIJOURNEY_CLICKHOUSE_URL"]
    assert shown == "clickhouses://u@h/d?keypass=***&verify=1"


def test_no_client_is_made_of_kafkas_addresses_alone() -> None:
    """Commands give clients the whole way in, `settings.kafka`; addresses alone are those of a broker open to all."""
    folder = Path(__file__).parents[2] / "streams"
    users = [str(file.relative_to(folder)) for file in folder.rglob("*.py") if ".kafka_bootstrap" in file.read_text()]
    assert sorted(users) == ["config.py", "demo.py", "local.py"]


def test_what_cannot_be_reached_is_told_without_the_password(files: dict[str, str]) -> None:
    given = {"CLICKHOUSE_URL": "clickhouse://sink@127.0.0.1:1/journeys", "CLICKHOUSE_PASSWORD": SECRET}
    given |= SASL | {"KAFKA_BOOTSTRAP": "127.0.0.1:1", "KAFKA_PASSWORD_FILE": files["password"]}
    environment = {PREFIX + name: value for name, value in given.items()}
    for command in (["migrate"], ["topics", "diff"], ["worker", "sink"]):
        ended = CliRunner().invoke(main, command, env=environment)
        assert ended.exit_code == 3
        assert "Connection refused" in ended.output
        assert not any(trace in ended.output + repr(ended.exception) for trace in TRACES)
