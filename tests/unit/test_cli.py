"""The command line, used wrongly: one clear line, the right exit code, nothing done."""

import gzip
import io
import os
import re
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kafka.errors import KafkaTimeoutError
from rich.console import Console

from deploy.local.errors import FetchFailed, MissingTool, PortTaken, StackFailed
from sinks.clickhouse import Misconfigured, Unreachable
from sinks.migrate import MigrationError
from streams.broker import BrokerUnreachable, TopicMissing
from streams.cli import Failure, _failures, main
from streams.commands.customers import UnknownIdentifier
from streams.config import PREFIX, ConfigError, Settings, describe, read
from streams.corrections import UnfitCorrection
from streams.producing.sources import InputError
from streams.runtime.health import CannotListen
from streams.settings_table import settings_table
from streams.topic_admin import Refused

FAILED, WRONG_USE, UNREACHABLE = 1, 2, 3
UNUSED = "test-never-started"
COMMANDS = (
    ("worker", "intake"),
    ("topics", "apply"),
    ("topics", "diff"),
    ("migrate",),
    ("produce", __file__),
    ("produce", "--dry-run", __file__),
    ("sample", "--customers", "1", "--days", "1"),
    ("stack", "up", "--name", UNUSED),
    ("stack", "env", "--name", UNUSED),
    ("stack", "status", "--name", UNUSED),
    ("stack", "logs", "kafka", "--name", UNUSED),
    ("stack", "down", "--name", UNUSED),
    ("demo", "--name", UNUSED),
    ("customer", "user_id=4711"),
    ("link", "user_id=4711", "cookie_id=28dc", "--reason", "hers"),
    ("unlink", "user_id=4711", "cookie_id=28dc", "--reason", "sold"),
    ("lift", "user_id=4711", "cookie_id=28dc", "--reason", "a mistake"),
    ("verify",),
    ("dead", "list"),
    ("dead", "replay", "--dry-run"),
    ("late", "show", "touchpoints.web-0-1"),
    ("replay", "compare"),
)
PAIRED = ("link", "unlink", "lift")
TOUCHPOINT = (
    b'{"event_id":"e1","channel":"web","occurred_at":1431857114000,"action":"page_viewed",'
    b'"identifiers":[{"namespace":"cookie_id","value":"28dc"}]}\n'
)


def run(*arguments: str, settings: Mapping[str, str] | None = None) -> Result:
    """The command in this process, with ``settings`` and no other variable of ours."""
    ambient = dict.fromkeys(name for name in os.environ if name.upper().startswith(PREFIX))
    return CliRunner().invoke(main, list(arguments), env={**ambient, **(settings or {})})


def complaint(result: Result) -> str:
    """The one line that a failed command says; asserts that it is one, and no trace."""
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.splitlines()
    return line.removeprefix("Error: ")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_bad_value_stops_every_command(command: tuple[str, ...]) -> None:
    result = run(*command, settings={"OMNIJOURNEY_PARTITIONS": "many"})
    assert result.exit_code == WRONG_USE
    assert complaint(result).startswith("OMNIJOURNEY_PARTITIONS: found 'many', expected a valid integer")
    assert result.stdout == ""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_unknown_variable_stops_every_command(command: tuple[str, ...]) -> None:
    result = run(*command, settings={"OMNIJOURNEY_PARTITION": "4"})
    assert result.exit_code == WRONG_USE
    assert complaint(result) == "OMNIJOURNEY_PARTITION: no such setting; `omnijourney config` lists all"
    assert result.stdout == ""


def test_one_setting_under_two_spellings_is_a_contradiction() -> None:
    result = run("topics", "diff", settings={"OMNIJOURNEY_PARTITIONS": "4", "omnijourney_partitions": "5"})
    assert result.exit_code == WRONG_USE
    assert complaint(result) == "OMNIJOURNEY_PARTITIONS: set 2 times, in upper and lower case; leave one"


@pytest.mark.parametrize(
    "value", ["", "broker", "broker:", ":9092", "broker:9092,", "broker:9092;other:9092", "http://b"]
)
def test_a_kafka_address_that_is_none_is_a_wrong_setting(value: str) -> None:
    result = run("topics", "diff", settings={"OMNIJOURNEY_KAFKA_BOOTSTRAP": value})
    assert result.exit_code == WRONG_USE
    assert complaint(result).startswith(f"OMNIJOURNEY_KAFKA_BOOTSTRAP: found {value!r}, expected host:port")


@pytest.mark.parametrize(
    "value",
    [
        "http://default:hunter2@host:8123/journeys",
        "clickhouse://default:hunter2@host:9000",
        "clickhouse://default:hunter2@host:9000/",
        "clickhouse://default:hunter2@host:port/journeys",
        "clickhouse://default:hunter2@host:99999/journeys",
        "clickhouse://default:hunt/er2@host:9000/journeys",
        "default:hunter2@host:9000/journeys",
        "clickhouse://default@host:9000/journeys?passw%6Frd=hunter2",
        "clickhouse://default@host:9000/journeys?Password=hunter2",
        "clickhouse://default@host:9000/journeys?a=1;password=hunter2",
        "clickhouse://default@host:9000/journeys?KEYPASS=hunter2",
        "clickhouse://default@host:9000/journeys#password=hunter2",
        "hunter2",
    ],
)
def test_a_clickhouse_address_that_is_none_is_a_wrong_setting_and_never_shown(value: str) -> None:
    for command in (("migrate",), ("config",)):
        result = run(*command, settings={"OMNIJOURNEY_CLICKHOUSE_URL": value})
        assert result.exit_code == WRONG_USE
        assert complaint(result) == (
            "OMNIJOURNEY_CLICKHOUSE_URL: expected clickhouse://user:password@host:port/database"
        )
        assert "hunt" not in result.output


@pytest.mark.parametrize("password", ["hunter2", "hunt%40er2", "hunt@er2", "hunt:er2", "@hunter2@"])
def test_config_masks_the_password(password: str) -> None:
    result = run("config", settings={"OMNIJOURNEY_CLICKHOUSE_URL": f"clickhouse://analyst:{password}@db:9000/j"})
    assert result.exit_code == 0
    assert "clickhouse://analyst:***@db:9000/j" in result.stdout
    assert "er2" not in result.output


@pytest.mark.parametrize("user", ["anna@example.com", "anna%40example.com"])
def test_config_masks_the_password_of_a_user_that_is_an_address(user: str) -> None:
    url = f"clickhouse://{user}:hunter2@db:9000/j?keyp%61ss=hunter2"
    result = run("config", settings={"OMNIJOURNEY_CLICKHOUSE_URL": url})
    assert f"clickhouse://{user}:***@db:9000/j" in result.stdout
    assert "hunter2" not in result.output


def test_config_lists_the_settings_in_spite_of_a_wrong_one() -> None:
    result = run("config", settings={"OMNIJOURNEY_SESION_GAP_MS": "1000", "OMNIJOURNEY_PARTITIONS": "7"})
    assert result.exit_code == WRONG_USE
    assert complaint(result).startswith("OMNIJOURNEY_SESION_GAP_MS: no such setting")
    heading, *settings = result.stdout.splitlines()
    assert heading.split() == ["variable", "default", "unit", "meaning"]
    assert any(line.startswith("OMNIJOURNEY_SESSION_GAP_MS") for line in settings)


def test_config_prints_a_line_a_setting_with_its_unit_in_a_column() -> None:
    heading, *settings = run("config", settings={"OMNIJOURNEY_STOP_DEADLINE_S": "2"}).stdout.splitlines()
    assert heading.split() == ["variable", "value", "default", "unit", "meaning"]
    assert len(settings) == len(Settings.model_fields)
    unit = slice(heading.index("unit"), heading.index("meaning"))
    shown = {line.split()[0].removeprefix(PREFIX): line[unit].strip() for line in settings}
    assert [shown[name] for name in ("STOP_DEADLINE_S", "HALF_LIFE_MS", "REPLICATION", "HTTP_PORT")] == [
        "s",
        "ms",
        "replicas",
        "-",
    ]


@pytest.mark.parametrize("width", [80, 100, 149])
def test_a_narrow_terminal_gets_variables_and_units_in_one_piece(width: int) -> None:
    output = io.StringIO()
    settings = describe(read({}))
    Console(file=output, width=width).print(settings_table(settings, with_values=True, narrow=True))
    text = output.getvalue()
    for setting in settings:
        assert re.search(rf"^{setting.variable} .* {setting.unit} *$", text, re.MULTILINE), setting.variable
    assert "  half-life of the time decay" in text


def test_an_unknown_stage_is_told_the_known_ones() -> None:
    result = run("worker", "nonsense")
    assert result.exit_code == WRONG_USE
    last = result.stderr.splitlines()[-1]
    assert (
        last == "Error: Invalid value for 'STAGE': 'nonsense' is not one of 'intake', 'identity', 'customers', 'sink'."
    )


@pytest.mark.parametrize("value", ["4711", "user_id", "=4711", "User=4711", "user id=4711", "user_id=" + "x" * 1025])
def test_what_is_no_identifier_is_told_the_form_and_the_namespaces(value: str) -> None:
    for command in (("customer", value), *((c, "user_id=1", value, "--reason", "x") for c in PAIRED)):
        result = run(*command)
        assert result.exit_code == WRONG_USE
        last = result.stderr.splitlines()[-1]
        assert f"found {value!r}, expected NAMESPACE=VALUE" in last
        assert "user_id, email_sha256, phone_sha256, social_handle, device_id, cookie_id, click_id" in last


@pytest.mark.parametrize("value", ["user_id=", "cookie_id= null ", "device_id=000-0", "click_id=[object Object]"])
def test_a_value_that_names_nobody_is_refused(value: str) -> None:
    for command in (("customer", value), *((c, "user_id=1", value, "--reason", "x") for c in PAIRED)):
        result = run(*command)
        assert result.exit_code == WRONG_USE
        assert f"found {value!r}" in result.stderr.splitlines()[-1]
        assert "names nobody" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", PAIRED)
def test_a_correction_needs_two_identifiers_and_a_reason(command: str) -> None:
    for arguments, said in (
        (("user_id=1", "cookie_id=2"), "Missing option '--reason'"),
        (("user_id=1", "--reason", "x"), "Missing argument"),
        (("user_id=1", " user_id = 1 ", "--reason", "x"), "found user_id=1 twice, expected two different identifiers"),
        (("user_id=1", "cookie_id=2", "--reason", "  "), "--reason: found 0 characters, expected 1 to 1024"),
    ):
        result = run(command, *arguments)
        assert result.exit_code == WRONG_USE
        assert said in result.stderr.splitlines()[-1]


def test_a_correction_that_no_broker_takes_says_nothing_of_success() -> None:
    settings = {"OMNIJOURNEY_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    result = run("link", "user_id=1", "cookie_id=2", "--reason", "x", settings=settings)
    assert (result.exit_code, result.stdout) == (UNREACHABLE, "")
    assert complaint(result).startswith("no Kafka broker at 127.0.0.1:1")


@pytest.mark.parametrize("command", [("customer", "user_id=1"), ("verify",)], ids=" ".join)
def test_a_clickhouse_that_does_not_answer_is_one_line(command: tuple[str, ...]) -> None:
    result = run(*command, settings={"OMNIJOURNEY_CLICKHOUSE_URL": "clickhouse://default@127.0.0.1:1/journeys"})
    assert (result.exit_code, result.stdout) == (UNREACHABLE, "")
    assert "OMNIJOURNEY_CLICKHOUSE_URL" in complaint(result)


@pytest.mark.parametrize(
    "command", [("up",), ("down", "--purge"), ("status",), ("env",), ("logs", "kafka")], ids=" ".join
)
def test_an_unfit_name_of_a_stack_is_refused(command: tuple[str, ...]) -> None:
    result = run("stack", *command, "--name", "../elsewhere")
    assert result.exit_code == WRONG_USE
    assert "a stack's name is made of letters" in result.stderr.splitlines()[-1]


def test_the_log_of_a_process_that_never_ran_is_one_line() -> None:
    result = run("stack", "logs", "kafka", "--name", UNUSED)
    assert (result.exit_code, complaint(result)) == (FAILED, f"stack {UNUSED} has no log of kafka")


@pytest.mark.parametrize("command", [("produce",), ("produce", "--dry-run"), ("demo", "--input")], ids=" ".join)
def test_a_file_that_is_none_of_ours_is_refused_before_anything_starts(
    command: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "binary").write_bytes(b"PK\x03\x04\x14\x00\x00" + bytes(range(256)))
    for name, reason in (
        ("missing", "(No such file or directory|does not exist)"),
        (".", "is a (folder|directory)"),
        ("binary", r"is no text \(byte 6 is zero\), expected NDJSON, plain, gzip or zstd"),
    ):
        result = run(*command, str(tmp_path / name))
        assert result.exit_code == WRONG_USE
        last = result.stderr.splitlines()[-1]
        assert str(tmp_path) in last
        assert re.search(reason, last), last


def test_a_file_that_only_calls_itself_gzip_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "plain.ndjson.gz").write_bytes(TOUCHPOINT)
    result = run("produce", "--dry-run", str(tmp_path / "plain.ndjson.gz"))
    assert result.exit_code == FAILED
    assert "plain.ndjson.gz:1: found the gzip stream is damaged before byte" in result.stderr
    assert "read 1 = sent 0 + rejected 1" in result.stdout


def test_a_right_file_under_any_name_is_exit_code_0(tmp_path: Path) -> None:
    (tmp_path / "packed").write_bytes(gzip.compress(TOUCHPOINT))
    result = run("produce", "--dry-run", str(tmp_path / "packed"))
    assert result.exit_code == 0
    assert "web        read 1 = sent 1 + rejected 0" in result.stdout


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ConfigError("x"), WRONG_USE),
        (MissingTool("x"), WRONG_USE),
        (InputError("x"), WRONG_USE),
        (UnfitCorrection("x"), WRONG_USE),
        (BrokerUnreachable("x"), UNREACHABLE),
        (Unreachable("x"), UNREACHABLE),
        (KafkaTimeoutError("x"), FAILED),
        (TopicMissing("b:1", ["x"]), FAILED),
        (Refused("x"), FAILED),
        (Misconfigured("x"), FAILED),
        (MigrationError("x"), FAILED),
        (PortTaken("x"), FAILED),
        (FetchFailed("x"), FAILED),
        (StackFailed("x"), FAILED),
        (CannotListen("x"), FAILED),
        (TimeoutError("x"), FAILED),
        (UnknownIdentifier("x"), FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_failure_that_is_expected_has_its_exit_code(error: Exception, exit_code: int) -> None:
    with pytest.raises(Failure) as caught, _failures():
        raise error
    assert caught.value.exit_code == exit_code
    assert "x" in caught.value.message


def test_a_defect_keeps_its_trace() -> None:
    with pytest.raises(ZeroDivisionError), _failures():
        raise ZeroDivisionError


@pytest.mark.parametrize("asked", ["email_sha256=anna@example.org", "phone_sha256=+4930123456"])
def test_an_address_itself_is_refused_and_not_repeated(asked: str) -> None:
    result = run("customer", asked)
    assert result.exit_code == WRONG_USE
    assert "an address itself, expected its SHA-256" in " ".join(result.output.split())
    assert asked.partition("=")[2] not in result.output


def test_a_crash_shows_types_and_places_and_nothing_that_it_quotes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    assert CliRunner().invoke(main, ["config"]).exit_code == 0
    try:
        {}["user_id:4711"]
    except KeyError as error:
        sys.excepthook(KeyError, error, error.__traceback__)
    told = capsys.readouterr().err
    assert told.startswith(f"KeyError\n  {__file__}:")
    assert "4711" not in told


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_so_does_what_a_thread_or_the_end_of_an_object_raises(capsys: pytest.CaptureFixture[str]) -> None:
    assert CliRunner().invoke(main, ["config"]).exit_code == 0
    thread = threading.Thread(target=lambda: int("4711 anna"))
    thread.start()
    thread.join()
    Raising()
    told = capsys.readouterr().err
    assert [line for line in told.splitlines() if not line.startswith("  ")] == ["ValueError", "KeyError"]
    assert "4711" not in told


class Raising:
    def __del__(self) -> None:
        raise KeyError("4711")
