"""Every stage runs with exactly the rights that `streams.acls` names, and each of those rights is needed.

One user for each stage and kind of user, all through SASL_SSL:

    operator    topics apply
    producer    a sample --> intake --> identity --> customers --> sink --> ClickHouse
    monitor     has it all arrived?
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from deploy.local.ports import free_ports
from deploy.local.processes import ProcessSpec
from sinks.clickhouse import ClickHouse
from streams.acls import acls
from streams.composition import GROUPS, STAGES
from streams.config import PREFIX
from streams.offsets import wait_until_drained
from streams.sample import generate, to_ndjson
from tests.integration.guarded import GuardedStack, guarded_stack, make_papers, omnijourney

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

EVENTS = 2_000


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedStack]:
    """A broker with topics and tables, whose users may do what the table says."""
    with guarded_stack("acls", make_papers(tmp_path_factory.mktemp("papers"))) as made:
        made.admit(*acls())
        for user, granted in acls().items():
            made.allow(user, granted)
        applied = omnijourney(made.environment("operator"), "topics", "apply")
        assert applied.exit_code == 0, applied.said
        assert omnijourney(made.environment("operator"), "topics", "diff") == (0, "", "")
        assert omnijourney(made.environment("operator"), "migrate").exit_code == 0
        yield made


def worker(guarded: GuardedStack, stage: str, suffix: str = "") -> ProcessSpec:
    (port,) = free_ports(1)
    name = f"{stage}{suffix}"
    own = {
        "HTTP_PORT": str(port),
        "STATE_DIR": str(guarded.stack.folder / "state" / name),
        "INSTANCE_ID": name,
    }
    return ProcessSpec(
        name=name,
        argv=(sys.executable, "-m", "streams.cli", "worker", stage),
        env={**guarded.environment(stage), **{PREFIX + variable: value for variable, value in own.items()}},
        ready_url=f"http://127.0.0.1:{port}/ready",
    )


def produce(guarded: GuardedStack, folder: Path, records: list[dict[str, Any]]) -> None:
    file = folder / "sample.ndjson"
    file.write_bytes(b"".join(map(to_ndjson, records)))
    sent = omnijourney(guarded.environment("producer"), "produce", str(file))
    assert f"sent {len(records):,}" in sent.shown, sent


def test_all_stages_run_with_these_rights_through_a_takeover(guarded: GuardedStack, tmp_path: Path) -> None:
    records = list(islice(generate(200, 28, 5), EVENTS))
    half = len(records) // 2
    produce(guarded, tmp_path, records[:half])
    guarded.stack.add([worker(guarded, stage) for stage in STAGES])
    wait_until_drained(guarded.user("monitor"), GROUPS, 90)
    # Another worker takes partitions over, and the epochs with them; the one that is killed leaves it the rest.
    guarded.stack.add([worker(guarded, "intake", "-other"), worker(guarded, "customers", "-other")])
    produce(guarded, tmp_path, records[half:])
    for stage in ("intake", "customers"):
        os.kill(guarded.stack.pid(stage), signal.SIGKILL)
    wait_until_drained(guarded.user("monitor"), GROUPS, 90)
    with ClickHouse(guarded.addresses.clickhouse_url) as client:
        ((accepted,),) = client.query("SELECT uniqExact(channel, source, event_id) FROM touchpoints")
    assert accepted == len({(r["channel"], r["source"], r["event_id"]) for r in records})
    verified = omnijourney(guarded.environment("monitor"), "verify")
    assert verified.exit_code == 0, verified.shown
