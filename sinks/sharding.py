"""The migrations' SQL for a cluster of shards and replicas, made from the one source for a single node.

It decides where each table's rows live, and how a statement reads on a cluster. It leaves applying to `sinks.migrate`.
Statements are taken in the forms that the migrations have; any other is refused, so that nothing is half translated.

A sharded table `t` becomes `t_local`, replicated within its shard, and `t`, a Distributed table over it. All versions
of a row must land on one shard, or `FINAL` shows several of them: so a sharding key is a function of the sorting key
alone (`via_customer` is one of `via`, `customer_id` one of `journey_id` and of `session_id`), and never changes. A
table of few rows that others are joined with stands whole on each node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from clickhouse_migrations.migrator import split_statement_tokens

LOCAL: Final = "_local"
#: Shards by table; the others stand whole on each node. ADR 16 says why each is a function of the sorting key.
SHARDING_KEYS: Mapping[str, str] = {
    "touchpoints": "cityHash64(via_customer)",
    "journeys": "cityHash64(customer_id)",
    "sessions": "cityHash64(customer_id)",
    "journey_changes": "cityHash64(customer_id)",
    "engagement": "cityHash64(channel, campaign, hour)",
    "identity_changes": "cityHash64(from_customer)",
    "late_touchpoints": "cityHash64(topic, partition, offset)",
    "dead_letters": "cityHash64(topic, partition, offset)",
}
EVERYWHERE: Final = frozenset(
    {
        "outcomes",
        "identities",
        "identity_violations",
        "identity_corrections",
        "attribution_runs",
        "attribution_run_credits",
        "spend",
        "replays",
        "pipelines",
    }
)
#: Of the table in which applied migrations are noted.
BOOKKEEPING_ENGINE: Final = "ReplicatedMergeTree('/clickhouse/tables/{database}/{table}/all', '{shard}-{replica}')"

_ENGINE = "ENGINE = ReplacingMergeTree("
_CREATE_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)\n")
_VIEW = re.compile(r"(CREATE VIEW IF NOT EXISTS|CREATE OR REPLACE VIEW|DROP VIEW IF EXISTS) (\w+)(?=\s|$)")
_DROP_TABLE = re.compile(r"DROP TABLE IF EXISTS (\w+)$")
_ALTER = re.compile(r"ALTER TABLE (\w+) ")
#: What a Distributed table has, too; settings and the rows themselves are the local table's alone.
_OF_COLUMNS = re.compile(r"(COMMENT|ADD|MODIFY|DROP|RENAME) COLUMN ")
_OF_ROWS = re.compile(r"(MODIFY|RESET) SETTING |(UPDATE|DELETE|MATERIALIZE) ")
_READ = re.compile(r"\b(FROM|(?<!ARRAY )JOIN) ([a-z]\w*)\b(?!\()")
#: A subquery is asked once, for all shards. And each shard is asked alike: over a mix of its own and others' parts the
#: initiator fails where two ARRAY JOINs stand in each other (seen on 26.7).
_VIEW_SETTINGS = "distributed_product_mode = 'global', prefer_localhost_replica = 0"
_COMMENT = r"(?P<comment>\nCOMMENT '(?:[^'\\]|\\.|'')*')$"
_TABLE_END = re.compile(_COMMENT)
_VIEW_END = re.compile(rf"(?:\nSETTINGS (?P<settings>[^\n]+))?{_COMMENT}")


class Untranslatable(ValueError):
    """A statement has no known form on a cluster; the message shows its beginning."""


def render(script: str, database: str, cluster: str) -> str:
    """``script``, a migration's text, for ``database`` on ``cluster``.

    Untranslatable where a statement is of no known form. Names of tables and views are qualified: on the other nodes a
    statement runs without a current database.
    """
    database = f"`{database}`"
    parts = _statements(script, database)
    return "".join(f"{text};\n\n" for part in parts for text in _rendered(part, database, cluster))


def _statements(script: str, database: str) -> list[str]:
    """Statements without comments and semicolons, in which what is read is qualified."""
    return [
        "".join(
            _READ.sub(rf"\1 {database}.\2", token.text) if token.kind == "other" else token.text
            for token in tokens
            if token.kind != "line_comment"
        ).strip()
        for tokens in split_statement_tokens(script)
    ]


def _rendered(statement: str, database: str, cluster: str) -> list[str]:
    on = f"ON CLUSTER '{cluster}'"
    if match := _CREATE_TABLE.match(statement):
        return _tables(match[1], statement, database, cluster)
    if match := _VIEW.match(statement):
        body = statement[match.end() :]
        return [f"{match[1]} {database}.{match[2]} {on}{_with_settings(body)}"]
    if match := _DROP_TABLE.match(statement):
        return [f"DROP TABLE IF EXISTS {database}.{name} {on} SYNC" for name in reversed(_names(match[1]))]
    if match := _ALTER.match(statement):
        action = statement[match.end() :]
        if _OF_COLUMNS.match(action):
            return [f"ALTER TABLE {database}.{name} {on} {action}" for name in _names(match[1])]
        if _OF_ROWS.match(action):
            return [f"ALTER TABLE {database}.{_names(match[1])[0]} {on} {action}"]
    raise Untranslatable(f"no form on a cluster is known of {statement.partition(chr(10))[0][:100]!r}")


def _with_settings(body: str) -> str:
    """``body`` of a view with the settings that it needs over Distributed tables."""
    match = _VIEW_END.search(body)
    if match is None:
        return body
    given = f"{match['settings']}, " if match["settings"] else ""
    return f"{body[: match.start()]}\nSETTINGS {given}{_VIEW_SETTINGS}{match['comment']}"


def _names(table: str) -> list[str]:
    """The table that holds the rows, and the one that is asked where it is another."""
    if table in SHARDING_KEYS:
        return [table + LOCAL, table]
    if table in EVERYWHERE:
        return [table]
    raise Untranslatable(f"table {table} is neither sharded nor everywhere: say which in sinks/sharding.py")


def _tables(table: str, statement: str, database: str, cluster: str) -> list[str]:
    """The statements that make ``table``: the replicated one, and the Distributed one where it is sharded."""
    if statement.count(_ENGINE) != 1:
        raise Untranslatable(f"table {table}: expected once {_ENGINE}...)")
    on = f"ON CLUSTER '{cluster}'"
    names = _names(table)
    sharded = len(names) > 1
    place, replica = ("{shard}", "{replica}") if sharded else ("all", "{shard}-{replica}")
    path = f"'/clickhouse/tables/{{database}}/{{table}}/{place}', '{replica}'"
    columns = statement.partition("\n")[2].replace(_ENGINE, f"ENGINE = ReplicatedReplacingMergeTree({path}, ")
    made = [f"CREATE TABLE IF NOT EXISTS {database}.{names[0]} {on}\n{columns}"]
    if sharded:
        comment = _TABLE_END.search(statement)
        made.append(
            f"CREATE TABLE IF NOT EXISTS {database}.{table} {on} AS {database}.{names[0]}\n"
            f"ENGINE = Distributed('{cluster}', {database}, '{names[0]}', {SHARDING_KEYS[table]})"
            f"{comment[0] if comment else ''}"
        )
    return made
