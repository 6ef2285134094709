"""Settings: every one can be set, a wrong one is named with what was expected."""

import pytest

from streams.config import PREFIX, ConfigError, Settings, describe, read, read_serving

GOOD = {
    "kafka_bootstrap": ("broker:1", "broker:1"),
    "clickhouse_url": ("clickhouse://u@h:1/d", "clickhouse://u@h:1/d"),
    "clickhouse_cluster": ("main", "main"),
    "partitions": ("4", 4),
    "customer_partitions": ("5", 5),
    "replication": ("3", 3),
    "log_epoch": ("1", 1),
    "own_domains": ("a.example, b.example,", frozenset({"a.example", "b.example"})),
    "closing_conversions": ("purchase,lease", frozenset({"purchase", "lease"})),
    "namespace": ("next", "next"),
    "live_namespace": ("next", "next"),
    "session_gap_ms": ("60000", 60_000),
    "journey_gap_ms": ("60000", 60_000),
    "lookback_ms": ("0", 0),
    "half_life_ms": ("1000", 1000),
    "lateness_budget_ms": ("0", 0),
    "future_tolerance_ms": ("0", 0),
    "identity_limits": ("email_sha256=7, badge=2,", {"email_sha256": 7, "badge": 2}),
    "most_identifiers": ("2", 2),
    "shared_after": ("2", 2),
    "island_links": ("1", 1),
    "handover_piece": ("1", 1),
    "state_dir": ("/var/lib/journeys", "/var/lib/journeys"),
    "instance_id": ("intake-0", "intake-0"),
    "in_flight_mb": ("1", 1),
    "cache_mb": ("1", 1),
    "rocksdb_mb": ("8", 8),
    "stop_deadline_s": ("0.5", 0.5),
    "http_host": ("0.0.0.0", "0.0.0.0"),  # noqa: S104  # a value, nothing listens
    "http_port": ("8080", 8080),
    "log_level": ("debug", "debug"),
}
NAMESPACES = {"namespace", "live_namespace"}
BAD = {
    "namespace": ("Next", "next.one", "1st", "a" * 31, "touchpoints", "identity", "sink"),
    "live_namespace": ("-",),
    "partitions": ("0", "10001", "4.5", "four", ""),
    "customer_partitions": ("0", "10001", "-1", ""),
    "replication": ("0", "11", "x"),
    "log_epoch": ("-1", "32768"),
    "session_gap_ms": ("999", "30m"),
    "journey_gap_ms": ("999", "30d"),
    "lookback_ms": ("-1",),
    "half_life_ms": ("999",),
    "lateness_budget_ms": ("-1",),
    "future_tolerance_ms": ("-1",),
    "identity_limits": ("user_id", "user_id=", "user_id=0", "user_id=-1", "user_id=1.5", "User=1", "=1", "a=1=2"),
    "most_identifiers": ("1", "100001"),
    "shared_after": ("1", "1001"),
    "island_links": ("0", "100001", ""),
    "handover_piece": ("0", "100001"),
    "in_flight_mb": ("0", "100001", "1.5"),
    "cache_mb": ("0", "100001"),
    "rocksdb_mb": ("7", "100001"),
    "stop_deadline_s": ("0", "-1", "inf", "nan", "soon"),
    "http_port": ("-1", "65536", "http"),
    "log_level": ("INFO", "loud", ""),
}


#: Settings that go together: tests/unit/test_access.py.
ACCESS = {
    "kafka_security_protocol",
    "kafka_sasl_mechanism",
    "kafka_username",
    "kafka_password",
    "kafka_password_file",
    "kafka_ca_file",
    "kafka_certificate_file",
    "kafka_key_file",
    "clickhouse_password",
    "clickhouse_password_file",
    "clickhouse_ca_file",
}


def test_the_examples_cover_every_setting() -> None:
    fields = {name: field for name, field in Settings.model_fields.items() if name not in ACCESS}
    assert set(GOOD) == set(fields)
    numbers_and_choices = {n for n, f in fields.items() if f.annotation not in (str, frozenset[str])}
    assert set(BAD) == numbers_and_choices | NAMESPACES


@pytest.mark.parametrize("name", GOOD)
def test_a_setting_is_read_from_its_variable(name: str) -> None:
    text, value = GOOD[name]
    settings = read({PREFIX + name.upper(): text})
    assert getattr(settings, name) == value
    # Where the two namespaces differ, the database is another one, too.
    derived = {"clickhouse_url"} if name in NAMESPACES else set()
    assert settings.model_dump(exclude=derived) == {**read({}).model_dump(exclude=derived), name: value}


@pytest.mark.parametrize(
    ("namespace", "live", "database"),
    [
        ("", "", "journeys"),
        ("next", "", "journeys_beside"),
        ("next", "next", "journeys"),
        ("", "next", "journeys_beside"),
        ("third", "next", "journeys_beside"),
    ],
)
def test_a_pipeline_beside_the_one_that_serves_has_a_database_of_its_own(
    namespace: str, live: str, database: str
) -> None:
    """The two exchange their tables: before and after, one writes journeys, the other the database beside."""
    url = "clickhouse://default:secret@db:9000/{}?secure=true"
    environment = {
        f"{PREFIX}NAMESPACE": namespace,
        f"{PREFIX}LIVE_NAMESPACE": live,
        f"{PREFIX}CLICKHOUSE_URL": url.format("journeys"),
    }
    settings = read(environment)
    assert settings.clickhouse_url == url.format(database)
    assert settings.serves == (namespace == live)
    serving = read_serving(environment)
    assert (serving.namespace, serving.clickhouse_url) == (live, url.format("journeys"))


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_a_bad_value_is_named_with_its_variable(name: str, text: str) -> None:
    variable = PREFIX + name.upper()
    with pytest.raises(ConfigError) as caught:
        read({variable: text})
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{variable}: found {text!r}, expected ")


def test_all_bad_values_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        read({f"{PREFIX}PARTITIONS": "x", f"{PREFIX}LOG_LEVEL": "y"})
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("variable", ["OMNIJOURNEY_PARTITION", "OMNIJOURNEY_", "omnijourney_partitons"])
def test_an_unknown_variable_with_our_prefix_is_named(variable: str) -> None:
    with pytest.raises(ConfigError, match=f"^{variable}: no such setting"):
        read({variable: "4"})


def test_other_variables_are_nobodys_business() -> None:
    assert read({"PARTITIONS": "x", "OMNI_JOURNEY_PARTITIONS": "x"}) == read({})


def test_only_the_environment_that_was_given_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIJOURNEY_PARTITIONS", "4")
    assert read({}).partitions == 12
    assert read().partitions == 4


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read({}).partitions = 4


def test_every_setting_is_described_with_value_default_unit_and_meaning() -> None:
    set_ = {"OWN_DOMAINS": "b.example,a.example", "IN_FLIGHT_MB": "7", "IDENTITY_LIMITS": "badge=2, cookie_id=9"}
    rows = describe(read({PREFIX + name: text for name, text in set_.items()}))
    assert [row.variable for row in rows] == [PREFIX + name.upper() for name in Settings.model_fields]
    assert all(row.unit and row.meaning for row in rows)
    shown = {row.variable: row[1:4] for row in rows}
    assert shown["OMNIJOURNEY_OWN_DOMAINS"] == ("a.example,b.example", "", "-")
    assert shown["OMNIJOURNEY_IDENTITY_LIMITS"] == ("badge=2,cookie_id=9", "", "-")
    assert shown["OMNIJOURNEY_IN_FLIGHT_MB"] == ("7", "48", "MiB")


def test_a_description_shows_no_password() -> None:
    rows = describe(read({"OMNIJOURNEY_CLICKHOUSE_URL": "clickhouse://analyst:hunter2@db.example:9000/journeys"}))
    values = {row.variable: row.value for row in rows}
    assert values["OMNIJOURNEY_CLICKHOUSE_URL"] == "clickhouse://analyst:***@db.example:9000/journeys"


def test_a_unit_stands_in_its_column_and_nowhere_else() -> None:
    by_ending = {"MS": "ms", "S": "s", "PARTITIONS": "partitions", "MB": "MiB"}
    for row in describe(read({})):
        assert row.unit == by_ending.get(row.variable.rpartition("_")[2], row.unit)
        assert row.unit not in row.meaning.split(), row.variable
        assert row.unit == "-" or row.default.removesuffix(".0").isdigit(), row.variable


@pytest.mark.parametrize("name", ["a b", "main'", "{shard}", "main,other"])
def test_a_cluster_is_a_name_or_the_servers_own_macro(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^OMNIJOURNEY_CLICKHOUSE_CLUSTER: found .*, expected a name of letters"):
        read({f"{PREFIX}CLICKHOUSE_CLUSTER": name})
    assert read({f"{PREFIX}CLICKHOUSE_CLUSTER": "{cluster}"}).clickhouse_cluster == "{cluster}"
