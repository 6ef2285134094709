"""What the contracts of deploy/ share: settings as a container would read them, and commands as it would start them."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import trustme

from streams import config
from streams.cli import main

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
PROJECT: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
#: What the image is called wherever it is run.
IMAGE = f"omnijourney:{PROJECT['version']}"
#: Settings in which processes of one deployment may differ; in all others they must agree.
OWN = {
    "OMNIJOURNEY_INSTANCE_ID",
    "OMNIJOURNEY_KAFKA_USERNAME",
    "OMNIJOURNEY_CLICKHOUSE_URL",
    "OMNIJOURNEY_CLICKHOUSE_PASSWORD_FILE",
    "OMNIJOURNEY_STATE_DIR",
}
#: Who works with ClickHouse, and as whom.
CLICKHOUSE_USERS = {"prepare": "owner", "sink": "sink", "monitor": "monitor"}


def ours(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(config.PREFIX)}


def read(environment: Mapping[str, str], folder: Path) -> config.Settings:
    """The settings, with files in ``folder`` in place of those that a container finds mounted. ConfigError."""
    password, authority = folder / "password", folder / "ca.crt"
    password.write_text("secret")
    if not authority.exists():
        trustme.CA().cert_pem.write_to_path(authority)
    files = {"_PASSWORD_FILE": str(password), "_CA_FILE": str(authority)}
    there = {
        name: next((path for ending, path in files.items() if name.endswith(ending)), value)
        for name, value in ours(environment).items()
    }
    return config.read(there)


def require_command(arguments: Sequence[str]) -> None:
    """click's own error where omnijourney has no command that takes ``arguments``; nothing is run."""
    command: click.Command = main
    words = list(arguments)
    context = click.Context(command)
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, info_name=name, parent=context)
    command.parse_args(context, words)
