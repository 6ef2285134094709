"""A pipeline that is watched: a monitor, a real Prometheus with rules that are quickened, Alertmanager, a receiver.

workers, monitor <-- Prometheus --> Alertmanager --> receiver
"""

from __future__ import annotations

import json
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner

from deploy.local.ports import HOST, free_ports
from deploy.local.processes import ProcessSpec
from deploy.local.prometheus import Target, watch
from streams.cli import main
from streams.composition import STAGES
from streams.local import LocalPipeline
from streams.producing.produce import produce_records
from tests.integration.quickened import quicken

FACTOR = 60


class Told(NamedTuple):
    """One alert of one message: which receiver got it, its name, firing or resolved, and its labels."""

    receiver: str
    alert: str
    status: str
    labels: dict[str, str]


class Receiver:
    """A webhook that keeps what Alertmanager sends, and serves what `omnijourney verify --metrics` wrote."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.metrics = b""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.told += [
                    Told(message["receiver"], one["labels"]["alertname"], one["status"], one["labels"])
                    for one in message["alerts"]
                ]
                self.send_response(200)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(receiver.metrics)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's signature
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.address = f"{HOST}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def got(self, alert: str, status: str, receiver: str, **labels: str) -> bool:
        """Whether ``receiver`` was told of an ``alert`` with these ``labels``, among others, in ``status``."""
        return any(
            (one.receiver, one.alert, one.status) == (receiver, alert, status) and labels.items() <= one.labels.items()
            for one in list(self.told)
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Watched(NamedTuple):
    """The pipeline, who is told of alerts, and where Prometheus and Alertmanager answer."""

    pipeline: LocalPipeline
    receiver: Receiver
    prometheus: str
    alertmanager: str

    def ask(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What Prometheus answers now: labels and value of each series. AssertionError where it refuses."""
        query = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"{self.prometheus}/api/v1/query?{query}", timeout=10) as answer:
                data = json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expression}: {error.read().decode()}") from None
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def alerts(self, state: str) -> set[str]:
        """Names of the alerts that Prometheus has ``state`` of: pending or firing."""
        return {labels["alertname"] for labels, _ in self.ask(f'ALERTS{{alertstate="{state}"}}')}


@contextmanager
def watched(pipeline: LocalPipeline) -> Iterator[Watched]:
    """``pipeline`` with all that watches it; ends with its stack."""
    receiver = Receiver()
    (port,) = free_ports(1)
    monitor = ProcessSpec(
        name="monitor",
        argv=(sys.executable, "-m", "streams.cli", "monitor", "--every", "1"),
        env={**pipeline.variables, "OMNIJOURNEY_HTTP_PORT": str(port)},
        ready_url=f"http://{HOST}:{port}/ready",
    )
    workers = [Target(pipeline.metrics_url(stage).split("/")[2], {"stage": stage}) for stage in STAGES]
    targets = {"workers": workers, "monitor": [Target(f"{HOST}:{port}")], "verify": [Target(receiver.address)]}
    watching = watch(pipeline.stack.folder / "prometheus", targets)
    quicken(watching.folder, FACTOR)
    _send_to(receiver.address, watching.folder / "alertmanager.yml")
    try:
        # One after the other: a Prometheus that waits for its targets would tell that they are away.
        pipeline.stack.add([monitor])
        pipeline.stack.add(watching.processes)
        yield Watched(pipeline, receiver, watching.prometheus_url, watching.alertmanager_url)
    finally:
        receiver.close()


def _send_to(address: str, configuration: Path) -> None:
    text = configuration.read_text("utf-8")
    assert text.count("http://127.0.0.1:9095/") == 3
    configuration.write_text(text.replace("127.0.0.1:9095", address), "utf-8")


def verify(of: Watched, folder: Path) -> None:
    """Have `omnijourney verify` prove the tables, and its metrics served."""
    path = folder / "verify.prom"
    done = CliRunner().invoke(main, ["verify", "--metrics", str(path)], env=of.pipeline.variables)
    assert done.exit_code == 0, done.output
    of.receiver.metrics = path.read_bytes()


def live(number: int, occurred_at: int) -> dict[str, Any]:
    """A touchpoint of one of 100 visitors, on web or email."""
    channel, action = (("web", "page_viewed"), ("email", "opened"))[number % 2]
    return {
        "event_id": f"live-{number}",
        "channel": channel,
        "action": action,
        "occurred_at": occurred_at,
        "identifiers": [{"namespace": "cookie_id", "value": f"live-{number % 100}"}],
    }


@contextmanager
def producing(bootstrap: str, rate: float) -> Iterator[None]:
    """Touchpoints of now, ``rate`` a second, on web and email, until the block ends."""
    stop = threading.Event()

    def endless() -> Iterator[dict[str, Any]]:
        while not stop.is_set():
            now_ms = int(time.time() * 1000)
            yield live(now_ms, now_ms)

    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(produce_records(endless(), bootstrap, rate=rate)))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
    assert results
    assert results[0].complete
