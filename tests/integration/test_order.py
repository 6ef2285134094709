"""One file of touchpoints, read forwards, backwards and shuffled, fills every table and view with the same rows.

    forwards    a b c d ... z + words        each on a Kafka and a ClickHouse of its own
    backwards   words + z ... d c b a
    shuffled    k c x ... + words + b q ...

What tells of the way itself is left out: the logs of changes, in tables versions, offsets and times of receipt, and in
`identities` that somebody was away and came home again (`identities_now` shows whose everybody is). Left out of the
file is what depends on the way by definition: of two records of one touchpoint that differ the first stays, and one
without an identifier has no key, so that its producer puts it anywhere.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from sinks.clickhouse import ClickHouse
from streams.cli import main
from streams.domain.identifiers import clean
from streams.domain.identity.links import Correction
from streams.local import LocalPipeline
from streams.producing.produce import produce_records
from streams.sample import generate
from tests.integration.expectation import SITE, expect
from tests.integration.words import send_words, words_on

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

EVENTS = 6_000
DRAIN_S = 60
SETTINGS = {
    "OMNIJOURNEY_OWN_DOMAINS": SITE,
    "OMNIJOURNEY_IDENTITY_LIMITS": "device_id=1,cookie_id=1,click_id=2",
    "OMNIJOURNEY_SHARED_AFTER": "2",
}
TABLES_OF_THE_WAY = {"identity_changes", "journey_changes", "attribution_changes", "attribution_drift", "identities"}
#: What commands write, and views of that alone; and nothing is late in this file.
EMPTY = {
    *("attribution_runs", "attribution_run_credits", "attribution_results", "attribution_results_now"),
    *("spend", "return_on_spend", "late_touchpoints", "replays", "pipelines"),
}
COLUMNS_OF_THE_WAY = {"version", "offset", "received_at"}
# But the list of applied migrations, the only plain MergeTree, and views that ask for an argument.
_TABLES = """
SELECT name, engine LIKE 'Replacing%' FROM system.tables
WHERE database = currentDatabase() AND engine != 'MergeTree' AND empty(parameterized_view_parameters) ORDER BY name
"""
# Neither rows nor maps have an order.
_HASH = """
SELECT count(), lower(hex(SHA256(arrayStringConcat(arraySort(groupArray(toString(tuple({columns})))), '\n'))))
FROM {table}
"""

Record = dict[str, Any]


class Hash(NamedTuple):
    rows: int
    sha256: str


def file() -> list[Record]:
    """Touchpoints of the sample company, marked as backfill, whose place in the file says nothing."""
    records: list[Record] = [*islice(generate(400, 28, 13), EVENTS)]
    first = {(record["channel"], record["event_id"]): record for record in reversed(records)}
    return [r for r in records if clean(r["identifiers"]) and r == first[r["channel"], r["event_id"]]]


def orders() -> dict[str, list[Sequence[Record] | Sequence[Correction]]]:
    """What is sent one behind the other, by the order's name."""
    records = file()
    words = words_on(expect(records).links, 13)
    shuffled = random.Random(13).sample(records, len(records))
    half = len(records) // 2
    return {
        "forwards": [records, words],
        "backwards": [words[::-1], records[::-1]],
        "shuffled": [shuffled[:half], random.Random(14).sample(words, len(words)), shuffled[half:]],
    }


def send(pipeline: LocalPipeline, sent: Sequence[Any]) -> None:
    if isinstance(sent[0], Correction):
        send_words(pipeline.settings.kafka_bootstrap, sent)
    else:
        assert produce_records(sent, pipeline.settings.kafka_bootstrap).complete


def hashes(client: ClickHouse) -> dict[str, Hash]:
    """The number of rows and a hash of the contents of each table and view."""
    tables = [(name, replacing) for name, replacing in client.query(_TABLES) if name not in TABLES_OF_THE_WAY]
    return {name: hash_of(client, name, "FINAL" if replacing else "") for name, replacing in tables}


def hash_of(client: ClickHouse, table: str, final: str) -> Hash:
    columns = [
        comparable(name, type_)
        for name, type_, *_ in client.query(f"DESCRIBE TABLE {table}")
        if name not in COLUMNS_OF_THE_WAY
    ]
    ((rows, digest),) = client.query(_HASH.format(columns=", ".join(columns), table=f"{table} {final}"))
    return Hash(rows, digest)


def comparable(column: str, type_: str) -> str:
    """SQL of ``column`` as a text of it should show it."""
    if type_.startswith("Map("):
        return f"mapSort({column})"
    # In its last digits a sum of floats depends on which of its parts was read first.
    return f"round({column}, 9)" if type_ in ("Float64", "Nullable(Float64)") else column


def fill(local_pipeline: Any, name: str, sent: Sequence[Sequence[Any]]) -> dict[str, Hash]:
    """What the tables hold once all of ``sent`` has gone through new topics into new tables."""
    with local_pipeline(name, **SETTINGS) as pipeline:
        for part in sent:
            send(pipeline, part)
        pipeline.drain(DRAIN_S)
        verified = CliRunner().invoke(main, ["verify"], env=pipeline.variables)
        assert verified.exit_code == 0, verified.output
        with ClickHouse(pipeline.settings.clickhouse_url) as client:
            return hashes(client)


def table_of(found: dict[str, dict[str, Hash]]) -> str:
    """Hashes for people: a line a table, a column an order."""
    tables = next(iter(found.values()))
    lines = [f"{'table':<24}{'rows':>6}" + "".join(f"  {order:<16}" for order in found)]
    lines += [
        f"{table:<24}{rows:>6,}" + "".join(f"  {hashes[table].sha256[:16]}" for hashes in found.values())
        for table, (rows, _) in tables.items()
    ]
    return "\n".join(lines)


def test_forwards_backwards_and_shuffled_give_identical_tables(local_pipeline: Any) -> None:
    found = {name: fill(local_pipeline, name, sent) for name, sent in orders().items()}
    print(table_of(found))
    assert found["backwards"] == found["forwards"]
    assert found["shuffled"] == found["forwards"]
    assert {table for table, (rows, _) in found["forwards"].items() if not rows} == EMPTY
