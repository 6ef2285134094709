"""The tables end where a batch computation over everything sent ends, twice in a row, whatever happens on the way.

            round 1                             round 2: the rest, and some of round 1 once more
    first   --------| kill -9 |-----------------------------------------------| stops
    second  ----------------------| stops
    third                             | joins ---------| kill -9 |-----------------------------
    fourth                                                                        | joins -----
    sent      a third      a third   a third  |  a third          a third        a third  |
                                            equal                                       equal

Touchpoints come shuffled and some of them twice, operators' words among them; limits refuse a lot, and identifiers
move in pieces.
"""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from sinks.clickhouse import ClickHouse
from streams.cli import main
from streams.composition import STAGES
from streams.domain.identity.links import Correction
from streams.local import LocalPipeline
from streams.producing.produce import produce_records
from streams.sample import generate
from tests.integration.batch import EQUAL, TABLES, Batch, compute, differing
from tests.integration.expectation import SITE, expect
from tests.integration.words import send_words, words_on

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

CUSTOMERS, EVENTS = 900, 20_000
REPEATED = 0.1
DRAIN_S = 120
SETTINGS = {
    "OMNIJOURNEY_OWN_DOMAINS": SITE,
    "OMNIJOURNEY_IDENTITY_LIMITS": "device_id=1,cookie_id=1,click_id=3",
    "OMNIJOURNEY_MOST_IDENTIFIERS": "6",
    "OMNIJOURNEY_SHARED_AFTER": "2",
    "OMNIJOURNEY_HANDOVER_PIECE": "7",
}

Record = dict[str, Any]
Part = tuple[list[Record], list[Correction]]


class Round(NamedTuple):
    """What is sent, in three parts; the workers that are killed, stopped for good, and join, by their suffixes."""

    parts: list[Part]
    killed: str
    stopped: str
    joining: str


def rounds(seed: int) -> Iterator[Round]:
    """Two rounds over one company; the second repeats some of the first."""
    rng = random.Random(seed)
    records = list(islice(generate(CUSTOMERS, 28, seed), EVENTS))
    rng.shuffle(records)
    words = words_on(expect(records).links, seed)
    first, second = records[: EVENTS // 2], records[EVENTS // 2 :]
    first = with_repeats(first, first, rng)
    second = with_repeats(second, records, rng)
    yield Round(in_thirds(first, words[::2]), killed="", stopped="-2", joining="-3")
    yield Round(in_thirds(second, words[1::2]), killed="-3", stopped="", joining="-4")


def with_repeats(records: list[Record], of: list[Record], rng: random.Random) -> list[Record]:
    """``records`` and some ``of`` those that were sent once, in no order."""
    repeats = rng.sample(of, int(len(records) * REPEATED))
    return rng.sample(records + repeats, len(records) + len(repeats))


def in_thirds(records: list[Record], words: list[Correction]) -> list[Part]:
    return [(records[n::3], words[n::3]) for n in range(3)]


@pytest.fixture(scope="module")
def pipeline(local_pipeline: Any) -> Iterator[LocalPipeline]:
    """Two workers of each stage."""
    with local_pipeline("convergence", **SETTINGS) as pipeline:
        pipeline.start_workers("-2")
        yield pipeline


def play(pipeline: LocalPipeline, this: Round) -> None:
    """Send everything while workers die, stop and join; returns when all is in the tables."""
    first, second, third = this.parts
    send(pipeline, *first)
    kill(pipeline, this.killed)
    send(pipeline, *second)
    pipeline.stack.remove(*(stage + this.stopped for stage in STAGES))
    send(pipeline, *third)
    pipeline.start_workers(this.joining)
    pipeline.drain(DRAIN_S)


def send(pipeline: LocalPipeline, records: list[Record], words: list[Correction]) -> None:
    half = len(records) // 2
    bootstrap = pipeline.settings.kafka_bootstrap
    assert produce_records(records[:half], bootstrap).complete
    send_words(bootstrap, words)
    assert produce_records(records[half:], bootstrap).complete


def kill(pipeline: LocalPipeline, suffix: str) -> None:
    """Kill -9 a worker of each stage, which its supervisor starts again."""
    for stage in STAGES:
        os.kill(pipeline.stack.pid(stage + suffix), signal.SIGKILL)


def require_equal(pipeline: LocalPipeline, batch: Batch) -> None:
    """Every table is as computed here; `verify`, which computes from touchpoints in the tables, finds the same, of all
    customers and of a few."""
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        assert {table: differing(client, table, batch) for table in TABLES} == dict.fromkeys(TABLES, EQUAL)
    for sample, customers in (("all", len(batch.customers)), ("50", 50)):
        verified = CliRunner().invoke(main, ["verify", "--customers", sample], env=pipeline.variables)
        assert verified.exit_code == 0, verified.output
        assert verified.stdout.splitlines()[-1] == f"{customers:,} customers: all equal"


def test_the_tables_end_where_the_batch_ends_twice_in_a_row(pipeline: LocalPipeline) -> None:
    sent: list[Record] = []
    said: list[Correction] = []
    for this in rounds(seed=5):
        play(pipeline, this)
        for records, words in this.parts:
            sent += records
            said += words
        batch = compute(expect(sent), pipeline.settings, said)
        require_equal(pipeline, batch)
    require_something_of_everything(pipeline, batch)


def require_something_of_everything(pipeline: LocalPipeline, batch: Batch) -> None:
    """What was compared was not easy."""
    reasons = Counter(batch.identified.violations.values())
    assert all(reasons[name] > 3 for name in ("cookie_id", "click_id", "identifiers", "shared")), reasons
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        kinds: dict[str, int] = dict(client.query("SELECT kind, count() FROM identity_changes FINAL GROUP BY kind"))
        causes: dict[str, int] = dict(client.query("SELECT cause, count() FROM journey_changes FINAL GROUP BY cause"))
    assert all(kinds[kind] > 3 for kind in ("merge", "split", "asserted", "retracted", "lifted")), kinds
    assert all(causes[cause] > 3 for cause in ("arrival", "late", "merge", "split")), causes


def test_nothing_happened_that_must_never_happen(pipeline: LocalPipeline) -> None:
    logs = sorted((pipeline.stack.folder / "logs").iterdir())
    assert len(logs) > 4 * len(STAGES)
    assert [line for log in logs for line in log.read_text().splitlines() if "invariant_broken" in line] == []
