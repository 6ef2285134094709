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
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "OMNIJOURNEY_"
MINUTE_MS = 60_000
DAY_MS = 86_400_000
_PASSWORD = re.compile(r"(://[^:/@]*:)[^/]*@")
_KAFKA_ADDRESS = re.compile(r"[^\s:,]+:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\]:[0-9]{1,5}")
#: Settings that may hold a password: no message quotes them.
_SECRET = frozenset({"clickhouse_url"})


class ConfigError(ValueError):
    """A setting is wrong; the message names the variable, the value and what was expected. The operator must act."""


class Settings(BaseSettings):
    """Every setting of every command and worker. Durations are milliseconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Kafka's addresses, host:port, comma-separated")
    clickhouse_url: str = Field(
        "clickhouse://default@127.0.0.1:9000/journeys", description="ClickHouse's native address with user and database"
    )
    partitions: int = Field(12, ge=1, le=10_000, description="partitions of topics keyed by identifier")
    customer_partitions: int = Field(12, ge=1, le=10_000, description="partitions of topics keyed by customer")
    replication: int = Field(1, ge=1, le=10, description="replicas of each topic")
    log_epoch: int = Field(
        0, ge=0, le=32_767, description="raise when a topic is made anew, or its new rows lose to the old ones"
    )
    own_domains: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="the company's own sites, comma-separated; a referrer on one of them is none"
    )
    closing_conversions: Annotated[frozenset[str], NoDecode] = Field(
        frozenset({"purchase"}), description="types of conversion that close a journey, comma-separated"
    )
    session_gap_ms: int = Field(30 * MINUTE_MS, ge=1000, description="ms; a longer gap starts a new session or visit")
    journey_gap_ms: int = Field(30 * DAY_MS, ge=1000, description="ms; a longer gap starts a new journey")
    lookback_ms: int = Field(
        30 * DAY_MS, ge=0, description="ms; touches older than this before a conversion earn nothing"
    )
    half_life_ms: int = Field(7 * DAY_MS, ge=1000, description="ms; half-life of the time decay model")
    lateness_budget_ms: int = Field(
        3 * DAY_MS, ge=0, description="ms behind the watermark; beyond it a touchpoint is late"
    )
    future_tolerance_ms: int = Field(
        10 * MINUTE_MS, ge=0, description="ms after its receipt; a touchpoint dated later is a dead letter"
    )
    batch_records: int = Field(2000, ge=1, le=100_000, description="records that a stage takes at once at most")
    batch_wait_ms: int = Field(100, ge=1, le=60_000, description="ms that a stage waits for a batch to fill")
    stop_deadline_s: float = Field(
        10.0, gt=0, allow_inf_nan=False, description="s that a worker has to stop after SIGTERM"
    )
    http_host: str = Field("127.0.0.1", description="address that /metrics, /live and /ready listen on")
    http_port: int = Field(0, ge=0, le=65_535, description="port of /metrics, /live and /ready; 0 takes a free one")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severity that is logged")

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

    @field_validator("kafka_bootstrap")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        if not all(_KAFKA_ADDRESS.fullmatch(part.strip()) for part in value.split(",")):
            raise ValueError("host:port, several comma-separated")
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
        return value


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings in ``environment``; ConfigError with one line for each wrong one."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    ours = sorted(v for v in environment if v.upper().startswith(PREFIX))
    wrong = [f"{v}: no such setting; `omnijourney config` lists all" for v in ours if v.upper() not in known]
    spellings = Counter(v.upper() for v in ours)
    wrong += [f"{v}: set {n} times, in upper and lower case; leave one" for v, n in spellings.items() if n > 1]
    if wrong:
        raise ConfigError("\n".join(wrong))
    values = {v.upper().removeprefix(PREFIX).lower(): text for v, text in environment.items() if v.upper() in known}
    try:
        return Settings(**values)  # type: ignore[arg-type]  # pydantic parses the texts
    except ValidationError as error:
        raise ConfigError("\n".join(map(_complaint, error.errors()))) from None


def _complaint(error: ErrorDetails) -> str:
    name = str(error["loc"][0])
    found = "" if name in _SECRET else f"found {error['input']!r}, "
    return f"{PREFIX}{name.upper()}: {found}expected {_expected(error['msg'])}"


def _expected(message: str) -> str:
    for opening in ("Input should be ", "String should ", "Value error, "):
        message = message.removeprefix(opening)
    return message


def describe(settings: Settings) -> list[tuple[str, str, str, str]]:
    """(variable, value in force, default, meaning) of every setting, for people; passwords are masked."""
    rows = []
    for name, field in Settings.model_fields.items():
        value, default = getattr(settings, name), field.default
        rows.append((PREFIX + name.upper(), _text(value), _text(default), field.description or ""))
    return rows


def _text(value: object) -> str:
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return _PASSWORD.sub(r"\1***@", str(value))
