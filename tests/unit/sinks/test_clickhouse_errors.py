"""What a failure of ClickHouse asks for: the same again, a bisection, or a person."""

import pytest
from clickhouse_driver.errors import NetworkError, ServerException, SocketTimeoutError, TypeMismatchError

from sinks.clickhouse import ClickHouse, Misconfigured, Rejected, Unreachable, error_of, parse_address
from streams.runtime.logs import trace_of

TOO_MANY_PARTS, MEMORY, NOT_ENOUGH_SPACE, VIOLATED_CONSTRAINT = 252, 241, 243, 469
CANNOT_PARSE_TEXT, UNKNOWN_TABLE, SYNTAX_ERROR, DIVISION, AUTHENTICATION_FAILED = 6, 60, 62, 153, 516


@pytest.mark.parametrize("code", [TOO_MANY_PARTS, MEMORY, NOT_ENOUGH_SPACE, 9999])
def test_a_server_in_trouble_never_has_its_data_dead_lettered(code: int) -> None:
    assert isinstance(error_of(ServerException("DB::Exception: no", code), "journeys"), Unreachable)


def test_a_server_that_answers_is_told_from_one_that_is_away_by_its_number() -> None:
    full, away = error_of(ServerException("DB::Exception: no", NOT_ENOUGH_SPACE), "journeys"), error_of(EOFError())
    assert isinstance(full, Unreachable)
    assert isinstance(away, Unreachable)
    assert (full.code, away.code) == (NOT_ENOUGH_SPACE, 0)


def test_data_that_the_server_refuses_is_rejected_with_its_table() -> None:
    error = error_of(ServerException("DB::Exception: bad value. Stack trace:\n\n0. x", VIOLATED_CONSTRAINT), "journeys")
    assert isinstance(error, Rejected)
    assert (error.table, str(error)) == ("journeys", "journeys: bad value. (code 469)")


@pytest.mark.parametrize(
    "error", [AttributeError("no encode"), TypeMismatchError("x"), "\ud800", ValueError("x"), KeyError("x")]
)
def test_data_that_the_driver_cannot_pack_is_rejected(error: Exception | str) -> None:
    if isinstance(error, str):
        with pytest.raises(UnicodeEncodeError) as caught:
            error.encode()
        error = caught.value
    assert isinstance(error_of(error, "sessions"), Rejected)


@pytest.mark.parametrize("error", [NetworkError("x"), SocketTimeoutError("x"), EOFError(), ConnectionResetError("x")])
@pytest.mark.parametrize("table", [None, "journeys"])
def test_a_lost_connection_is_unreachable(error: Exception, table: str | None) -> None:
    assert isinstance(error_of(error, table), Unreachable)


@pytest.mark.parametrize("code", [UNKNOWN_TABLE, SYNTAX_ERROR, AUTHENTICATION_FAILED])
@pytest.mark.parametrize("table", [None, "journeys"])
def test_a_wrong_request_needs_a_person(code: int, table: str | None) -> None:
    assert isinstance(error_of(ServerException("no", code), table), Misconfigured)


def test_a_query_that_fails_in_itself_is_not_retried_but_a_busy_server_is() -> None:
    assert isinstance(error_of(ServerException("no", DIVISION)), Misconfigured)
    assert isinstance(error_of(ServerException("no", MEMORY)), Unreachable)


def test_of_a_query_that_fails_in_itself_a_trace_shows_no_message() -> None:
    server = "DB::Exception: Cannot parse string 'anna@example.com' as UInt8"
    for code in (CANNOT_PARSE_TEXT, UNKNOWN_TABLE, SYNTAX_ERROR, DIVISION):
        error = error_of(ServerException(server, code))
        assert trace_of((type(error), error, None)) == "sinks.clickhouse.Misconfigured", code
    for told in (
        error_of(ServerException("DB::Exception: no such user", AUTHENTICATION_FAILED)),
        error_of(ServerException("DB::Exception: no table journeys", UNKNOWN_TABLE), "journeys"),
        Misconfigured("no database"),
    ):
        assert trace_of((type(told), told, None)) == f"sinks.clickhouse.Misconfigured: {told}"


def test_every_message_is_one_line() -> None:
    assert "\n" not in str(error_of(ServerException("a\nb\nStack trace:\nc", DIVISION)))
    assert "\n" not in str(error_of(OSError("a\nb")))


def test_an_address_has_host_database_and_options() -> None:
    address = parse_address("clickhouse://anna:se%40cret@ch.example:9001/shop?connect_timeout=2")
    assert (address.host, address.database) == ("ch.example", "shop")
    assert address.options["user"] == "anna"
    assert address.options["password"] == "se@cret"  # noqa: S105 - a made-up one
    assert address.options["port"] == 9001


@pytest.mark.parametrize(
    "url",
    ["http://u:secret@h:8123/d", "clickhouse://u:secret@h:9000", "clickhouse://u:secret@h:99999/d", "h:9000", ""],
)
def test_a_wrong_address_is_told_without_its_password(url: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        ClickHouse(url)
    assert "secret" not in str(caught.value)
    assert "ClickHouse address" in str(caught.value)


def test_columns_must_be_as_many_as_their_names_and_equally_long() -> None:
    client = ClickHouse("clickhouse://default@127.0.0.1:1/d")
    with pytest.raises(ValueError, match="t: 2 column names"):
        client.insert("t", ["a", "b"], [[1]])
    with pytest.raises(ValueError, match="of one length"):
        client.insert("t", ["a", "b"], [[1], [1, 2]])


def test_no_rows_ask_no_server() -> None:
    assert ClickHouse("clickhouse://default@127.0.0.1:1/d").insert("t", ["a"], [[]]) == 0
