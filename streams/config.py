"""All settings: the only module that reads the environment.

Each setting is an environment variable ``OMNIJOURNEY_<NAME>``, typed, with default, unit and meaning; `omnijourney
config` prints them. A variable with our prefix that no setting has, and a value of the wrong kind, are errors that
name it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from streams import access
from streams.domain.identifiers import is_namespace
from streams.domain.rules import DAY_MS, MINUTE_MS
from streams.kafka_access import KafkaAccess, Mechanism, Protocol
from streams.topics import declared

PREFIX = "OMNIJOURNEY_"
_NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,29}")
#: What names of topics and groups begin with: as a namespace they would make others of them.
_TAKEN = frozenset(re.split("[.-]", topic.name)[0] for topic in declared(1, 1)) | {"sink", "attribute", "monitor"}
_LIMIT = re.compile(r"[1-9][0-9]{0,5}")
_KAFKA_ADDRESS = re.compile(r"[^\s:,]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}")
_CLUSTER = re.compile(r"[A-Za-z0-9_-]+|\{cluster\}")
#: Settings that may hold a password: no message quotes them.
_SECRET = frozenset({"clickhouse_url", "kafka_password", "clickhouse_password"})


class ConfigError(ValueError):
    """A setting is wrong; the message names the variable, the value and what was expected. The operator must act."""


@dataclass(frozen=True)
class Unit:
    """What a setting is counted in, as people read it; every setting declares one."""

    text: str


UNITLESS = "-"
Text = Annotated[str, Unit(UNITLESS)]
Names = Annotated[frozenset[str], NoDecode, Unit(UNITLESS)]
Counts = Annotated[Mapping[str, int], NoDecode, Unit(UNITLESS)]
Number = Annotated[int, Unit(UNITLESS)]
Partitions = Annotated[int, Unit("partitions")]
Replicas = Annotated[int, Unit("replicas")]
Megabytes = Annotated[int, Unit("MiB")]
Milliseconds = Annotated[int, Unit("ms")]
Seconds = Annotated[float, Unit("s")]
Secret = Annotated[SecretStr, Unit(UNITLESS)]
Level = Annotated[Literal["debug", "info", "warning", "error"], Unit(UNITLESS)]


class Settings(BaseSettings):
    """Every setting of every command and worker; the type names the unit, and `describe` shows it."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    kafka_bootstrap: Text = Field("127.0.0.1:9092", description="Kafka's addresses, host:port, comma-separated")
    kafka_security_protocol: Annotated[Protocol, Unit(UNITLESS)] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL, as the listener has it"
    )
    kafka_sasl_mechanism: Annotated[Mechanism, Unit(UNITLESS)] = Field(
        "SCRAM-SHA-512", description="SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN, with SASL"
    )
    kafka_username: Text = Field("", description="Kafka's user, with SASL")
    kafka_password: Secret = Field(SecretStr(""), description="of Kafka's user; or name a file")
    kafka_password_file: Text = Field("", description="file that has the password, and nothing else")
    kafka_ca_file: Text = Field("", description="PEM file of who signs Kafka's certificates; else the system's")
    kafka_certificate_file: Text = Field("", description="PEM file of our own certificate, where Kafka asks for one")
    kafka_key_file: Text = Field("", description="PEM file of its private key, without passphrase")
    clickhouse_url: Text = Field(
        "clickhouse://default@127.0.0.1:9000/journeys",
        repr=False,
        description="native address with user and database; clickhouses:// is TLS",
    )
    clickhouse_password: Secret = Field(SecretStr(""), description="of the user in the address; or name a file")
    clickhouse_password_file: Text = Field("", description="file that has the password, and nothing else")
    clickhouse_ca_file: Text = Field(
        "", description="PEM file of who signs ClickHouse's certificate; else the system's"
    )
    clickhouse_cluster: Text = Field(
        "",
        description="ClickHouse's cluster, for shards and replicas; empty for one node",
    )
    namespace: Text = Field("", description="of this pipeline's own topics, groups and state; '' is one, too")
    live_namespace: Text = Field("", description="that of the pipeline that serves, the same for all pipelines")
    partitions: Partitions = Field(12, ge=1, le=10_000, description="of each topic keyed by identifier")
    customer_partitions: Partitions = Field(12, ge=1, le=10_000, description="of each topic keyed by customer")
    replication: Replicas = Field(1, ge=1, le=10, description="copies of each topic's partitions")
    log_epoch: Number = Field(
        0, ge=0, le=32_767, description="raise when a topic is made anew, or new rows lose to old ones"
    )
    own_domains: Names = Field(frozenset(), description="the company's own sites, comma-separated; never a referrer")
    closing_conversions: Names = Field(
        frozenset({"purchase"}), description="types of conversion that close a journey, comma-separated"
    )
    session_gap_ms: Milliseconds = Field(
        30 * MINUTE_MS, ge=1000, description="a longer gap starts a new session or visit"
    )
    journey_gap_ms: Milliseconds = Field(30 * DAY_MS, ge=1000, description="a longer gap starts a new journey")
    lookback_ms: Milliseconds = Field(
        30 * DAY_MS, ge=0, description="touches older than this before a conversion earn nothing"
    )
    half_life_ms: Milliseconds = Field(7 * DAY_MS, ge=1000, description="half-life of the time decay model")
    lateness_budget_ms: Milliseconds = Field(
        3 * DAY_MS, ge=0, description="a touchpoint further behind the watermark is late"
    )
    future_tolerance_ms: Milliseconds = Field(
        10 * MINUTE_MS, ge=0, description="a touchpoint dated further after its receipt is a dead letter"
    )
    identity_limits: Counts = Field({}, description="most identifiers of a customer by namespace, as cookie_id=50")
    most_identifiers: Number = Field(1_000, ge=2, le=100_000, description="of a customer, of all namespaces together")
    shared_after: Number = Field(3, ge=2, le=1_000, description="users until an identifier is shared and links nobody")
    island_links: Number = Field(2_000, ge=1, le=5_000, description="what so many links connect takes no more")
    handover_piece: Number = Field(
        250, ge=1, le=5_000, description="touchpoints handed over at once when identifiers move"
    )
    state_dir: Text = Field("state", description="folder for the state of this worker alone; it may be lost")
    instance_id: Text = Field("", description="lasting name of this worker: its restart moves no partition")
    in_flight_mb: Megabytes = Field(48, ge=1, le=100_000, description="records fetched and not yet done with")
    cache_mb: Megabytes = Field(96, ge=1, le=100_000, description="decoded state in memory")
    rocksdb_mb: Megabytes = Field(64, ge=8, le=100_000, description="RocksDB's caches and write buffers")
    stop_deadline_s: Seconds = Field(
        10.0, gt=0, allow_inf_nan=False, description="how long a worker has to stop after SIGTERM"
    )
    http_host: Text = Field("127.0.0.1", description="address that /metrics, /live and /ready listen on")
    http_port: Number = Field(0, ge=0, le=65_535, description="port of /metrics, /live and /ready; 0 takes a free one")
    log_level: Level = Field("info", description="least severity that is logged")

    @cached_property
    def kafka(self) -> KafkaAccess:
        """The way to Kafka, for every client."""
        return KafkaAccess(
            bootstrap=self.kafka_bootstrap,
            protocol=self.kafka_security_protocol,
            mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_username,
            password=self.kafka_password.get_secret_value(),
            ca_file=self.kafka_ca_file,
            certificate_file=self.kafka_certificate_file,
            key_file=self.kafka_key_file,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `read` passes: the environment it was given, not also the process's own."""
        return (init_settings,)

    @field_validator("own_domains", "closing_conversions", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return frozenset(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("identity_limits", mode="before")
    @classmethod
    def _limits(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        limits = {}
        for part in filter(None, map(str.strip, value.split(","))):
            namespace, _, limit = map(str.strip, part.partition("="))
            if not is_namespace(namespace) or not _LIMIT.fullmatch(limit):
                raise ValueError("namespace=1 or more, several comma-separated")
            limits[namespace] = int(limit)
        return limits

    @field_validator("kafka_bootstrap")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        if not all(_KAFKA_ADDRESS.fullmatch(part.strip()) for part in value.split(",")):
            raise ValueError("host:port, several comma-separated")
        return value

    @field_validator("clickhouse_cluster")
    @classmethod
    def _is_cluster(cls, value: str) -> str:
        if value and not _CLUSTER.fullmatch(value):
            raise ValueError("a name of letters, digits, _ and -, or the macro {cluster}; empty for a single node")
        return value

    @field_validator("namespace", "live_namespace")
    @classmethod
    def _is_name(cls, value: str) -> str:
        if value and not _NAMESPACE.fullmatch(value):
            raise ValueError("a name of a-z, 0-9 and _, beginning with a letter, at most 30 long, or none")
        if value in _TAKEN:
            raise ValueError("a name that no topic or group of ours begins with")
        return value

    @field_validator("clickhouse_url")
    @classmethod
    def _is_native_address(cls, value: str) -> str:
        expected = ValueError("clickhouse://user:password@host:port/database")
        try:
            url = urlsplit(value)
            port = url.port
        except ValueError:
            raise expected from None
        if url.scheme not in ("clickhouse", "clickhouses") or not url.hostname or port == 0 or not url.path.strip("/"):
            raise expected
        if "@" in url.path + url.query or "#" in value or access.names_password(url.query):
            # A password that was not percent-encoded, or stands elsewhere, would pass for something else, and be shown.
            raise expected
        return value

    @property
    def serves(self) -> bool:
        """Whether this is the pipeline whose tables people ask; any other is kept apart from it."""
        return self.namespace == self.live_namespace


def _apart(url: str) -> str:
    """The one database beside that of ``url``, whatever the names of the two pipelines: they exchange their tables."""
    address = urlsplit(url)
    return address._replace(path=f"{address.path.rstrip('/')}_beside").geturl()


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in ``environment``; ConfigError with one line for each wrong one.

    OMNIJOURNEY_CLICKHOUSE_URL always names the database that serves; a pipeline that doesn't gets one of its own.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    ours = sorted(v for v in environment if v.upper().startswith(PREFIX))
    wrong = [f"{v}: no such setting; `omnijourney config` lists all" for v in ours if v.upper() not in known]
    spellings = Counter(v.upper() for v in ours)
    wrong += [f"{v}: set {n} times, in upper and lower case; leave one" for v, n in spellings.items() if n > 1]
    if wrong:
        raise ConfigError("\n".join(wrong))
    values = {v.upper().removeprefix(PREFIX).lower(): text for v, text in environment.items() if v.upper() in known}
    try:
        given = Settings(**values)  # type: ignore[arg-type]  # pydantic parses the texts
        settings = Settings(**{**values, **access.resolve(given)})  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError("\n".join(map(_complaint, error.errors()))) from None
    except access.Contradiction as error:
        told = (f"{' and '.join(PREFIX + name.upper() for name in names)}: {text}" for names, text in error.wrong)
        raise ConfigError("\n".join(told)) from None
    if settings.serves:
        return settings
    return settings.model_copy(update={"clickhouse_url": _apart(settings.clickhouse_url)})


def read_serving(environment: Mapping[str, str] = os.environ) -> Settings:
    """As `read`, of the pipeline that serves: what it writes and where, not the rules it was started with."""
    mine = read(environment)
    name = f"{PREFIX}NAMESPACE"
    others = {v: text for v, text in environment.items() if v.upper() != name}
    return read({**others, name: mine.live_namespace})


def _complaint(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    found = "" if name in _SECRET else f"found {error['input']!r}, "
    return f"{PREFIX}{name.upper()}: {found}expected {_expected(error['msg'])}"


def _expected(message: str) -> str:
    for opening in ("Input should be ", "String should ", "Value error, "):
        message = message.removeprefix(opening)
    return message


class Described(NamedTuple):
    """A setting for people, all texts: its variable, the value in force, what it is otherwise, its unit or "-"."""

    variable: str
    value: str
    default: str
    unit: str
    meaning: str


def describe(settings: Settings) -> list[Described]:
    """Every setting, in the order of their declaration; passwords are masked."""
    return [
        Described(
            variable=PREFIX + name.upper(),
            value=_text(name, getattr(settings, name)),
            default=_text(name, field.default),
            unit=next(mark.text for mark in field.metadata if isinstance(mark, Unit)),
            meaning=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _text(name: str, value: object) -> str:
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    if isinstance(value, Mapping):
        return ",".join(f"{part}={number}" for part, number in value.items())
    if isinstance(value, SecretStr):
        return "***" if value.get_secret_value() else ""
    return access.masked(str(value)) if name == "clickhouse_url" else str(value)
