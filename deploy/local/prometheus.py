"""How the local Prometheus and Alertmanager are run: what `deploy/prometheus/` holds, with the targets of one stack.

A copy of the folder is what they read, so that who runs them may change it before they start. Both listen on localhost.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from deploy.local.debian import ALERTMANAGER, PROMETHEUS, fetch
from deploy.local.errors import StackFailed
from deploy.local.fetch import project_root
from deploy.local.ports import HOST, free_ports
from deploy.local.processes import ProcessSpec

#: Where Debian's Alertmanager looks for its templates, which would have to be installed; and a path as long that begins
#: where it runs.
_INSTALLED = b"/usr/share/prometheus/alertmanager"
_UNPACKED = b"usr/share/prometheus/alertmanager/"


class Target(NamedTuple):
    """HOST:PORT that serves /metrics, and the labels that Prometheus adds to all of it."""

    address: str
    labels: Mapping[str, str] = {}


class Watch(NamedTuple):
    """Both programs to run, where each answers, and the folder with the configuration that they read."""

    processes: tuple[ProcessSpec, ...]
    prometheus_url: str
    alertmanager_url: str
    folder: Path


def watch(folder: Path, targets: Mapping[str, Sequence[Target]]) -> Watch:
    """Copy the configuration into ``folder`` and name its ``targets``, by file: workers, monitor, verify.

    Fetches the programs where they are missing. Raises what `debian.fetch` raises; StackFailed.
    """
    prometheus, alertmanager = free_ports(2)
    shutil.copytree(project_root() / "deploy" / "prometheus", folder, dirs_exist_ok=True)
    listed = {**targets, "alertmanager": [Target(f"{HOST}:{alertmanager}")]}
    for name, found in listed.items():
        groups = [{"targets": [one.address], "labels": dict(one.labels)} for one in found]
        # JSON is YAML.
        (folder / "targets" / f"{name}.yaml").write_text(json.dumps(groups), encoding="utf-8")
    processes = (_alertmanager(folder, alertmanager), _prometheus(folder, prometheus))
    return Watch(processes, f"http://{HOST}:{prometheus}", f"http://{HOST}:{alertmanager}", folder)


def _prometheus(folder: Path, port: int) -> ProcessSpec:
    program = fetch(PROMETHEUS)
    return ProcessSpec(
        name="prometheus",
        argv=(
            str(program),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            f"--web.local-assets={program.parents[1] / 'share' / 'prometheus' / 'web'}",
            # What fires before Alertmanager is discovered would be told a minute later.
            "--rules.alert.resend-delay=2s",
            "--log.level=warn",
        ),
        ready_url=f"http://{HOST}:{port}/-/ready",
    )


def _alertmanager(folder: Path, port: int) -> ProcessSpec:
    unpacked = fetch(ALERTMANAGER)
    return ProcessSpec(
        name="alertmanager",
        argv=(
            "env",
            f"--chdir={unpacked.parents[2]}",
            str(_relocated(unpacked, folder)),
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={HOST}:{port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ),
        ready_url=f"http://{HOST}:{port}/-/ready",
    )


def _relocated(program: Path, folder: Path) -> Path:
    """A copy of Alertmanager that needs nothing installed: it finds its templates from the package's top."""
    code = program.read_bytes()
    if _INSTALLED not in code:
        raise StackFailed(f"{program} does not look for its templates in {_INSTALLED.decode()}")
    copy = folder / program.name
    copy.write_bytes(code.replace(_INSTALLED, _UNPACKED))
    copy.chmod(0o755)
    return copy
