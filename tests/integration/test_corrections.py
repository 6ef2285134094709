"""Operators' words on a running pipeline: customers follow them, tables stay what the definitions make of everything.

touchpoints, drained --> unlink --> drained --> the same again --> drained --> lift --> drained
          equal                     equal                          equal                equal, and as at first
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sinks.clickhouse import ClickHouse
from streams.cli import main
from streams.local import LocalPipeline
from streams.producing.produce import produce_records
from streams.sample import generate
from tests.integration.expectation import SITE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

TOUCHPOINTS = 5_000
DRAIN_S = 120
# A link that alone holds a device with its user: the device has no other.
_ONLY_LINK = """
SELECT via, other FROM
(
    SELECT via, arrayJoin(arraySlice(identifiers, 2)) AS other FROM touchpoints FINAL WHERE startsWith(via, 'user_id:')
)
WHERE startsWith(other, 'device_id:')
    AND other NOT IN (SELECT weaker FROM identity_violations FINAL)
    AND other NOT IN (SELECT via FROM touchpoints FINAL WHERE length(identifiers) > 1)
GROUP BY via, other
ORDER BY count() DESC, other LIMIT 1
"""


@pytest.fixture(scope="module")
def pipeline(local_pipeline: Any) -> Iterator[LocalPipeline]:
    records = list(islice(generate(250, 28, 11), TOUCHPOINTS))
    random.Random(11).shuffle(records)
    with local_pipeline("corrections", OMNIJOURNEY_OWN_DOMAINS=SITE) as pipeline:
        assert produce_records(records, pipeline.settings.kafka_bootstrap).complete
        pipeline.drain(DRAIN_S)
        yield pipeline


def run(pipeline: LocalPipeline, *arguments: str) -> Result:
    result = CliRunner().invoke(main, list(arguments), env=pipeline.variables)
    assert result.exit_code == 0, result.output
    return result


def customers(client: ClickHouse) -> set[tuple[Any, ...]]:
    """Who is who, as far as it is anybody else than themselves."""
    rows = client.query("SELECT DISTINCT via, toString(customer_id) FROM touchpoints_now")
    return set(rows)


def journeys(client: ClickHouse) -> list[Any]:
    """All of journeys but the versions of their rows."""
    return client.query("SELECT * EXCEPT version FROM journeys FINAL ORDER BY journey_id")


def test_what_operators_say_is_done_and_taken_back_and_tables_stay_right(pipeline: LocalPipeline) -> None:
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        assert "all equal" in run(pipeline, "verify").stdout
        before = customers(client), journeys(client)
        [(user, device)] = client.query(_ONLY_LINK)
        pair = tuple(text.replace(":", "=", 1) for text in (user, device))

        retracted = []
        for reason in ("sold", "sold, as I said"):
            run(pipeline, "unlink", *pair, "--reason", reason)
            pipeline.drain(DRAIN_S)
            assert "all equal" in run(pipeline, "verify").stdout
            retracted.append((customers(client), journeys(client)))
        assert retracted[0] == retracted[1]
        assert {via for via, _ in retracted[0][0] ^ before[0]} == {device}
        assert "retracted: sold, as I said" in run(pipeline, "customer", pair[0]).stdout
        assert user not in run(pipeline, "customer", pair[1]).stdout.partition("Links that don't count")[0]

        run(pipeline, "lift", *pair, "--reason", "bought back")
        pipeline.drain(DRAIN_S)
        assert "all equal" in run(pipeline, "verify").stdout
        assert (customers(client), journeys(client)) == before
        assert client.query(
            "SELECT kind, reason FROM identity_changes FINAL"
            " WHERE kind IN ('asserted', 'retracted', 'lifted') ORDER BY version"
        ) == [("retracted", "sold"), ("retracted", "sold, as I said"), ("lifted", "bought back")]


def test_an_asserted_link_joins_two_who_never_met(pipeline: LocalPipeline) -> None:
    with ClickHouse(pipeline.settings.clickhouse_url) as client:
        cookies = client.query(
            "SELECT via FROM touchpoints FINAL WHERE startsWith(via, 'cookie_id:')"
            " AND via NOT IN (SELECT concat(namespace, ':', value) FROM identities FINAL)"
            " GROUP BY via HAVING max(length(identifiers)) = 1 ORDER BY count() DESC, via LIMIT 2"
        )
        one, other = (via.replace(":", "=", 1) for (via,) in cookies)
        run(pipeline, "link", one, other, "--reason", "the same browser")
        pipeline.drain(DRAIN_S)
        assert "all equal" in run(pipeline, "verify").stdout
        shown = [run(pipeline, "customer", asked).stdout for asked in (one, other)]
        assert shown[0] == shown[1]
        assert "the same browser" in shown[0]
