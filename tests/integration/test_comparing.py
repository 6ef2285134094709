"""Two databases compared as a replay does: what is equal, what differs, and who is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from sinks.clickhouse import ClickHouse
from sinks.comparing import TwoDatabases
from sinks.pipelines import Pipeline
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.repair.comparing import Comparison, compare
from tests.integration.filled import HOUR_MS, START_MS, database, fill, insert, touchpoint

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

ALL = 1 << 40
RECORDS = [
    touchpoint("ann 1", 0, "web", "page_viewed", "cookie_id:ann", "click_id:a"),
    touchpoint(
        "ann 2", HOUR_MS, "email", "clicked", "email_sha256:a", "click_id:a", acquisition={"campaign": "spring"}
    ),
    touchpoint("ben 1", 0, "web", "page_viewed", "cookie_id:ben"),
    touchpoint("ben 2", 30 * HOUR_MS, "web", "page_viewed", "cookie_id:ben"),
    touchpoint("cem 1", 2 * HOUR_MS, "web", "page_viewed", "cookie_id:cem"),
]
#: Table, and what takes a row of it away.
ROWS = {
    "touchpoints": "event_id = 'ann 1'",
    "identities": "value = 'ann'",
    "journeys": "customer_id = toUUID('{cem}')",
    "sessions": "customer_id = toUUID('{cem}')",
    "engagement": "campaign = 'spring'",
}


class Two(NamedTuple):
    """Addresses of both, and what is asked of them."""

    serving: str
    beside: str

    def compared(self, reads_from: int = 0, until: int = ALL) -> Comparison:
        return compare(
            TwoDatabases(self.serving, self.beside), Pipeline("next", False, reads_from), self.read(until), 3
        )

    @staticmethod
    def read(until: int) -> dict[tuple[str, int], int]:
        return {(f"touchpoints.{channel}", 0): until for channel in ("web", "email")}


@pytest.fixture
def two(stack: Any) -> Iterator[Two]:
    """Both have the same."""
    with database(stack, "serving") as serving, database(stack, "beside") as beside:
        for url in (serving, beside):
            with ClickHouse(url) as client:
                fill(client, RECORDS)
        yield Two(serving, beside)


def test_without_examples_the_counts_are_the_same(two: Two) -> None:
    with ClickHouse(two.beside) as client:
        client.query("DELETE FROM sessions WHERE customer_id = %(cem)s", {"cem": customer("cem")})
    found = compare(TwoDatabases(two.serving, two.beside), Pipeline("next", False, 0), two.read(ALL), 0)
    assert told(found) == {"sessions": (0, 1, 0)}
    assert not any(table.examples for table in found.tables)


def told(comparison: Comparison) -> dict[str, tuple[int, int, int]]:
    """Of tables that differ: different, only serving, only beside."""
    return {t.name: (t.different, t.serving_only, t.beside_only) for t in comparison.tables if t.differs}


def customer(name: str) -> str:
    return customer_id(Identifier("cookie_id", name))


def test_the_same_tables_are_equal_and_all_of_them_are_looked_at(two: Two) -> None:
    found = two.compared()
    assert not found.differs
    assert found.left_out == (0, 0, 0)
    equal = {table.name: table.equal for table in found.tables}
    assert {name for name in ROWS if not equal[name]} == set()
    assert equal["touchpoints"] == len(RECORDS)


@pytest.mark.parametrize("table", ROWS)
def test_a_row_that_one_lacks_is_found_on_either_side(two: Two, table: str) -> None:
    condition = ROWS[table].format(cem=customer("cem"))
    for url, sides in ((two.beside, (0, 1, 0)), (two.serving, (0, 0, 1))):
        with ClickHouse(url) as client:
            client.query(f"CREATE TABLE kept AS {table}")
            client.query(f"INSERT INTO kept SELECT * FROM {table}")  # noqa: S608 - of what stands in the test
            client.query(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608 - of what stands in the test
            found = two.compared()
            client.query(f"INSERT INTO {table} SELECT * FROM kept WHERE {condition}")  # noqa: S608 - of what stands in the test
            client.query("DROP TABLE kept SYNC")
        assert told(found) == {table: sides}


def test_a_row_that_says_something_else_is_shown_with_both(two: Two) -> None:
    with ClickHouse(two.beside) as client:
        client.query(
            "ALTER TABLE sessions UPDATE page_views = 7 WHERE customer_id = %(cem)s SETTINGS mutations_sync = 1",
            {"cem": customer("cem")},
        )
    found = two.compared()
    assert told(found) == {"sessions": (1, 0, 0)}
    (example,) = [one for table in found.tables for one in table.examples]
    assert [(cell.column, cell.expected, cell.found) for cell in example.cells] == [("page_views", 1, 7)]


def test_an_identifier_that_came_back_to_its_own_customer_is_as_one_that_never_left(two: Two) -> None:
    own = {"identifier": {"namespace": "cookie_id", "value": "ben"}, "customer": customer("ben"), "version": 1}
    with ClickHouse(two.serving) as client:
        insert(client, "assignment", [own])
    assert not two.compared().differs
    with ClickHouse(two.serving) as client:
        insert(client, "assignment", [{**own, "customer": customer("cem"), "version": 2}])
    assert told(two.compared()) == {"identities": (0, 1, 0)}


@pytest.mark.parametrize(
    ("reads_from", "until", "left_out"),
    [
        # ann 1 and ben 1 were received before; ann 2 is left out with ann 1, by the click that both bear.
        pytest.param(START_MS + HOUR_MS, ALL, (2, 0, 2), id="before"),
        # ben 2 and cem 1 lie at offsets 3 and 4.
        pytest.param(0, 3, (0, 2, 2), id="behind"),
    ],
)
def test_whoever_has_touchpoints_outside_is_left_out_whole(
    stack: Any, reads_from: int, until: int, left_out: tuple[int, int, int]
) -> None:
    outside = RECORDS[3:] if until < ALL else [RECORDS[0], RECORDS[2]]
    kept = [record for record in RECORDS if record not in outside]
    with database(stack, "serving") as serving, database(stack, "beside") as beside:
        for url, records in ((serving, RECORDS), (beside, kept)):
            with ClickHouse(url) as client:
                fill(client, records)
        found = Two(serving, beside).compared(reads_from, until)
        assert (found.left_out, told(found)) == (left_out, {})
        journeys = next(table for table in found.tables if table.name == "journeys")
        assert journeys.equal == 1
        # Without that, it is seen.
        assert told(Two(serving, beside).compared())


def test_examples_tell_no_identifier_unless_asked(two: Two) -> None:
    with ClickHouse(two.beside) as client:
        client.query("DELETE FROM identities WHERE value = 'ann'")
        client.query("DELETE FROM touchpoints WHERE event_id = 'ben 1'")
    databases, pipeline = TwoDatabases(two.serving, two.beside), Pipeline("next", False, 0)
    masked = str(compare(databases, pipeline, two.read(ALL), 3).tables)
    plain = str(compare(databases, pipeline, two.read(ALL), 3, plainly=True).tables)
    assert ("'ann'" in plain, "cookie_id:ben" in plain) == (True, True)
    assert ("'ann'" in masked, "cookie_id:ben" in masked, "cookie_id:#" in masked) == (False, False, True)
