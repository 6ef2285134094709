"""Reads a Dockerfile as far as ours goes: stages of instructions, with ARG and ENV put in. Runs nothing."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

#: What Debian's images begin with.
BASE_PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass
class Stage:
    """One FROM and what follows: (instruction, text) in order, and what a container of it would be started with."""

    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    folder: str = "/"
    entrypoint: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    stop_signal: str = "SIGTERM"
    volumes: list[str] = field(default_factory=list)


def read(path: Path) -> list[Stage]:
    """The stages of the Dockerfile at ``path``. ValueError with an instruction that this reader doesn't know."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    stages: list[Stage] = []
    arguments: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        word, _, rest = line.partition(" ")
        rest = re.sub(r" +", " ", rest.strip())
        if word == "ARG":
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif word == "FROM":
            stages.append(Stage(rest.partition(" AS ")[2]))
        else:
            _take(stages[-1], word, rest, arguments)
    return stages


def _take(stage: Stage, word: str, rest: str, arguments: dict[str, str]) -> None:
    known = {"PATH": BASE_PATH, **arguments, **stage.env}
    if word == "ENV":
        for part in rest.split():
            name, _, value = part.partition("=")
            stage.env[name] = _VARIABLE.sub(lambda found: known[found[1]], value)
    elif word in ("RUN", "COPY", "WORKDIR"):
        stage.steps.append((word, rest))
        stage.folder = rest if word == "WORKDIR" else stage.folder
    elif word == "USER":
        stage.user = rest
    elif word == "VOLUME":
        stage.volumes.append(rest)
    elif word == "STOPSIGNAL":
        stage.stop_signal = rest
    elif word == "ENTRYPOINT":
        stage.entrypoint = json.loads(rest)
    elif word == "HEALTHCHECK":
        stage.health = json.loads(rest[rest.index("[") :])
    elif word not in ("LABEL", "EXPOSE", "CMD"):
        raise ValueError(f"{word} {rest}: no instruction that tests.image knows")
