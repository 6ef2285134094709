"""A pipeline's tables beside those that serve: how many rows are equal, and what became of the others.

    touchpoints     ......|<-------- both have read -------->|....
                     reads_from                     the lesser of both commits

Of who has touchpoints outside of that, before or behind, the two can't say the same; all whom these may be one customer
with are left out whole, in every table, with the rows of engagement in which they count. What is left is a function of
the touchpoints that both have, so any difference comes of the rules.

Not compared: outcomes, which count from the beginning, and the logs of changes, which say how it became so;
`omnijourney verify` holds each pipeline's against its own tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from schemas.codec import Undecodable, decode
from sinks.clickhouse import Row
from sinks.comparing import BESIDE, LETTERS, SERVING, TABLES, Class, Compared, Outside, TwoDatabases
from sinks.pipelines import Pipeline
from streams.domain.identifiers import clean
from streams.domain.ids import customer_id
from streams.repair.islands import Islands
from streams.topics import touchpoint_topic
from streams.verification.differences import COLUMNS_SHOWN, Cell, differing
from streams.verification.identities import identifier_of

#: (topic, partition) -> the offset up to which both pipelines have read.
Read = Mapping[tuple[str, int], int]
EVERYONE = 1 << 31
MASK = "(not shown)"
#: Tables whose rows say what may be personal, and where in the key identifiers are.
_NAMED: Mapping[str, Collection[int]] = {
    "touchpoints": {1},
    "identities": {1},
    "identity_violations": {0, 1},
    "identity_corrections": {0, 1},
    "dead_letters": (),
    "late_touchpoints": (),
}


class Different(NamedTuple):
    """A row that differs: where it is, and the first columns in which the two differ, serving first."""

    where: str
    key: tuple[str, ...]
    cells: tuple[Cell, ...] = ()


class Table(NamedTuple):
    """What became of a table's rows, and the first of those that aren't equal."""

    name: str
    equal: int
    different: int
    serving_only: int
    beside_only: int
    examples: tuple[Different, ...]

    @property
    def differs(self) -> bool:
        """Whether any row does."""
        return bool(self.different or self.serving_only or self.beside_only)


class LeftOut(NamedTuple):
    """``before``, ``behind``: touchpoints outside of what both have read; the ``customers`` left out for them."""

    before: int
    behind: int
    customers: int


class Comparison(NamedTuple):
    """What was found."""

    left_out: LeftOut
    tables: tuple[Table, ...]

    @property
    def differs(self) -> bool:
        """Whether any row does."""
        return any(table.differs for table in self.tables)


def compare(
    databases: TwoDatabases,
    pipeline: Pipeline,
    read: Read,
    limit: int,
    on_step: Callable[[str], None] = lambda _: None,
    plainly: bool = False,
) -> Comparison:
    """Compare all tables, keeping ``limit`` examples of each kind; ``plainly``: with the identifiers in them.

    Both pipelines should be at rest behind INTAKE. Raises Unreachable or Misconfigured (`sinks.clickhouse`).
    """
    on_step("looking for touchpoints that only one of the two has read")
    outside = [one for one in databases.one_sided() if _is_before(one, pipeline) or _is_behind(one, read)]
    names = _islands(databases, {one.via for one in outside})
    known = {*databases.customers(names)} if names else set()
    customers = known | {customer_id(identifier_of(name)) for name in names}
    before = sum(_is_before(one, pipeline) for one in outside)
    tables = []
    for table in TABLES:
        on_step(f"comparing {table.name}")
        tables.append(_compare(databases, table, names, customers, limit))
    tables += [_compare_letters(databases, table, names, pipeline, read, limit) for table in LETTERS]
    if not plainly:
        tables = [table._replace(examples=tuple(map(partial(_masked, table.name), table.examples))) for table in tables]
    return Comparison(LeftOut(before, len(outside) - before, len(known)), tuple(tables))


def _is_before(one: Outside, pipeline: Pipeline) -> bool:
    return one.side == SERVING and one.received_at < pipeline.begin(touchpoint_topic(one.channel), one.partition)


def _is_behind(one: Outside, read: Read) -> bool:
    return one.offset >= read.get((touchpoint_topic(one.channel), one.partition), 0)


def _islands(databases: TwoDatabases, vias: Collection[str]) -> set[str]:
    if not vias:
        return set()
    islands = Islands()
    for one, other in databases.pairs():
        islands.join(one, other)
    return islands.of(vias)


def _compare(
    databases: TwoDatabases, table: Compared, names: Collection[str], customers: Collection[str], limit: int
) -> Table:
    # Those of identities that are equal to none are few, but have to be looked at one by one.
    classes = databases.classes(table, names, customers, EVERYONE if table.name == "identities" else max(1, limit))
    if table.name == "identities":
        classes = [_without_own(databases, table, one) for one in classes]
    counts = {(one.sides, one.differ): one.rows for one in classes}
    both = SERVING | BESIDE
    examples = [
        _example(databases, table, one, key)
        for one in classes
        if one.differ or one.sides != both
        for key in one.keys[:limit]
    ]
    return Table(
        table.name,
        counts.get((both, False), 0),
        counts.get((both, True), 0),
        counts.get((SERVING, False), 0),
        counts.get((BESIDE, False), 0),
        tuple(examples),
    )


def _without_own(databases: TwoDatabases, table: Compared, found: Class) -> Class:
    """``found`` without identifiers that came back to their own customer: in the other they never left it."""
    if found.sides == SERVING | BESIDE:
        return found
    keys = [key for key in found.keys if not _is_own(databases, table, found.sides, key)]
    return found._replace(rows=len(keys), keys=keys)


def _is_own(databases: TwoDatabases, table: Compared, side: int, key: Row) -> bool:
    stored = databases.row(table, side, key)["customer_id"]
    return str(stored) == customer_id(identifier_of(":".join(key)))


def _example(databases: TwoDatabases, table: Compared, found: Class, key: Row) -> Different:
    told = tuple(map(str, key))
    if found.sides != SERVING | BESIDE:
        return Different("only serving" if found.sides == SERVING else "only beside", told)
    one, other = (databases.row(table, side, key) for side in (SERVING, BESIDE))
    return Different("different", told, _cells(one, other))


def _masked(table: str, found: Different) -> Different:
    """``found`` without what may be personal: an identifier is told by its namespace and a hash of its value."""
    if table not in _NAMED:
        return found
    key = tuple(_mask(part, table) if at in _NAMED[table] else part for at, part in enumerate(found.key))
    return found._replace(key=key, cells=tuple(Cell(cell.column, MASK, MASK) for cell in found.cells))


def _mask(text: str, table: str) -> str:
    namespace, colon, value = ("", "", text) if table == "identities" else text.partition(":")
    return f"{namespace}{colon}#{sha256(value.encode()).hexdigest()[:12]}"


def _cells(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Cell, ...]:
    return differing([*one], [*one.values()], [*other.values()])[:COLUMNS_SHOWN]


def _compare_letters(
    databases: TwoDatabases, table: Compared, names: Collection[str], pipeline: Pipeline, read: Read, limit: int
) -> Table:
    equal, counts, examples = 0, {1: 0, 2: 0, 3: 0}, []
    for topic, partition, offset, sides, differ, original in databases.letters(table, pipeline):
        if sides == SERVING | BESIDE and not differ:
            equal += 1
        elif offset < read.get((topic, partition), 0) and _via(bytes.fromhex(original)) not in names:
            counts[sides] += 1
            if counts[sides] <= limit:
                keys = ((topic, partition, offset),)
                examples.append(_example(databases, table, Class(sides, differ, 1, keys), keys[0]))
    return Table(table.name, equal, counts[3], counts[SERVING], counts[BESIDE], tuple(examples))


def _via(original: bytes) -> str:
    """The strongest identifier of a touchpoint, '' where it is none."""
    try:
        name, record = decode(original)
    except Undecodable:
        return ""
    names = clean(record["identifiers"]) if name == "touchpoint" else []
    return names[0].text if names else ""
