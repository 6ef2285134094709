"""How long the documented questions take on a large company: 5 million touchpoints, 400,000 journeys.

    python tests/bench/queries.py [--touchpoints 5000000] [--runs 5] [--view NAME]...

ClickHouse runs in a stack of its own, and makes the tables itself (large_company.sql). Months that are over are one
part each, as the tables' settings bring about; the last two are as inserts left them. Each question of sinks/questions
is asked once to warm up, and then --runs times, without the cache of conditions. CPU seconds are the server's, and hold
on a busy machine: on 2 free cores a question that uses both takes half of them. The base line is
`SELECT count() FROM table FINAL`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from urllib.request import Request, urlopen

sys.path.insert(0, str(Path(__file__).parents[2]))

from deploy.local.stack import Stack
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from sinks.questions import read_questions
from tests.bench.figures import Spread, cpu_s

COMPANY = Path(__file__).with_name("large_company.sql")
BASE_TABLES = (
    *("touchpoints", "journeys", "sessions", "engagement", "identities", "journey_changes"),
    *("spend", "attribution_run_credits"),
)
MONTHS_OPEN = 2
VISITS_PER_TOUCHPOINT, CUSTOMERS_PER_TOUCHPOINT = 0.2, 0.08
#: What a question may take on 2 free cores.
BUDGET_S = 1.0


class Asked(NamedTuple):
    """One run of a query: seconds of the wall and of the server's CPU, rows read, most memory."""

    wall_s: float
    cpu_s: float
    rows: int
    memory_mb: float


class Server(NamedTuple):
    """Where to ask, and whose CPU counts."""

    http: str
    database: str
    pid: int

    def ask(self, sql: str) -> Asked:
        """Run one statement to its end; urllib.error.HTTPError where the server refuses it."""
        settings = "wait_end_of_query=1&use_query_condition_cache=0"
        request = Request(f"{self.http}/?database={quote(self.database)}&{settings}", data=sql.encode())
        before, began = cpu_s(self.pid), time.perf_counter()
        with urlopen(request) as response:
            response.read()
            summary = json.loads(response.headers["X-ClickHouse-Summary"])
        used = time.perf_counter() - began, cpu_s(self.pid) - before
        return Asked(*used, int(summary["read_rows"]), int(summary["memory_usage"]) / 1e6)


def statements(touchpoints: int) -> Iterator[str]:
    """What makes the company, in order."""
    text = COMPANY.read_text("utf-8").replace("{touchpoints}", str(touchpoints))
    text = text.replace("{visits}", str(int(touchpoints * VISITS_PER_TOUCHPOINT)))
    text = text.replace("{customers}", str(int(touchpoints * CUSTOMERS_PER_TOUCHPOINT)))
    return (statement for statement in text.split(";\n") if statement.strip())


def merge_closed_months(server: Server, client: ClickHouse) -> None:
    """Make one part of each month that is over, as happens by itself after an hour without inserts into it."""
    for table in ("touchpoints", "engagement"):
        months = client.query(
            "SELECT DISTINCT partition FROM system.parts"
            " WHERE active AND database = %(database)s AND table = %(table)s ORDER BY partition",
            {"database": client.database, "table": table},
        )
        for (month,) in months[:-MONTHS_OPEN]:
            server.ask(f"OPTIMIZE TABLE {table} PARTITION {month} FINAL")


def measure(server: Server, name: str, sql: str, runs: int) -> float:
    """Print a line; gives the median of the CPU seconds."""
    server.ask(sql)
    found = [server.ask(sql) for _ in range(runs)]
    wall, cpu = Spread.of(one.wall_s for one in found), Spread.of(one.cpu_s for one in found)
    rows, memory = max(one.rows for one in found), max(one.memory_mb for one in found)
    spreads = "".join(f"{s.min:8.2f}{s.median:8.2f}{s.max:8.2f}" for s in (wall, cpu))
    over = "  over" if cpu.median / 2 > BUDGET_S else ""
    print(f"{name:<34}{spreads}{rows:>13,}{memory:>9,.0f}{over}", flush=True)
    return cpu.median


def main() -> None:
    questions = read_questions()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--touchpoints", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--view", action="append", choices=questions, help="only this one; may be repeated")
    options = parser.parse_args()
    stack = Stack(f"bench-queries-{os.getpid()}")
    addresses = stack.up(owner=os.getpid())
    try:
        migrate(addresses.clickhouse_url)
        with ClickHouse(addresses.clickhouse_url) as client:
            server = Server(addresses.clickhouse_http, client.database, stack.pid("clickhouse"))
            for statement in statements(options.touchpoints):
                server.ask(statement)
            merge_closed_months(server, client)
        print(f"{'':<34}{'wall s min, median, max':>24}{'CPU s min, median, max':>24}{'rows read':>13}{'MB':>9}")
        for table in BASE_TABLES:
            measure(server, f"{table} FINAL alone", f"SELECT count() FROM {table} FINAL", options.runs)  # noqa: S608 - composed of what stands here
        for question in questions.values():
            if question.view in (options.view or questions):
                measure(server, question.view, question.query, options.runs)
    finally:
        stack.down(purge=True)


if __name__ == "__main__":
    main()
