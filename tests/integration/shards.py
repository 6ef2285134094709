"""A cluster of two shards, as far as the local server goes: two servers that know each other, tables made by the
migrations' form for a cluster. Without replicas and `ON CLUSTER`: each statement runs on each server, and what the
engines would replicate is copied. The server's Keeper for tests lets replicated tables be made, but not written.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from clickhouse_migrations.migrator import Migrator

from deploy.local.clickhouse import clickhouse_process
from deploy.local.fetch import fetch_parts
from deploy.local.ports import HOST, free_ports
from deploy.local.probes import DATABASE, answers
from sinks.clickhouse import ClickHouse, parse_address
from sinks.migrate import MIGRATIONS, migrations
from sinks.sharding import EVERYWHERE

CLUSTER = "journeys"
START_S = 60.0
_SHARD = "<shard><internal_replication>true</internal_replication><replica>{}</replica></shard>"
_REPLICA = f"<host>{HOST}</host><port>{{}}</port>"
_CONFIG = (
    "<remote_servers><{cluster}>{shards}</{cluster}></remote_servers>"
    "<zookeeper><implementation>testkeeper</implementation></zookeeper>"
    "<macros><shard>{shard}</shard><replica>a</replica></macros></clickhouse>"
)
_REPLICATED = re.compile(r"ReplicatedReplacingMergeTree\('[^']*', '[^']*', ")


class Server:
    """One server of the cluster, with its data in ``folder``."""

    def __init__(self, folder: Path, port: int, http_port: int, shards: list[int]) -> None:
        folder.mkdir()
        self.url = f"clickhouse://default@{HOST}:{port}"
        self._log = folder / "log"
        self._spec = clickhouse_process(folder, fetch_parts().clickhouse, port, http_port)
        config = folder / "clickhouse.xml"
        known = "".join(_SHARD.format(_REPLICA.format(shard)) for shard in shards)
        own = _CONFIG.format(cluster=CLUSTER, shards=known, shard=shards.index(port) + 1)
        config.write_text(config.read_text("utf-8").replace("</clickhouse>", own), "utf-8")
        self.start()

    def start(self) -> None:
        """Start it, for the first time or after `kill`; returns when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._spec.argv, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while not answers(self._spec.ready_url):
            lives = self._process.poll() is None and time.monotonic() < deadline
            assert lives, self._log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()


class Shards(NamedTuple):
    """Addresses of the two servers' databases, on both of which every Distributed table stands; the second's server."""

    first: str
    second: str
    second_server: Server

    def replicate(self) -> None:
        """Bring the second's tables that stand everywhere to what was written to the first."""
        address = parse_address(self.first)
        with ClickHouse(self.second) as client:
            for table in sorted(EVERYWHERE):
                there = f"remote('{address.host}:{address.options['port']}', {DATABASE}.{table})"
                client.query(f"TRUNCATE TABLE {table}")
                client.query(f"INSERT INTO {table} SELECT * FROM {there}")  # noqa: S608 - names of ours


@contextmanager
def two_shards(folder: Path) -> Iterator[Shards]:
    """Two servers with all tables and views, empty; they end with the block."""
    ports = free_ports(4)
    with ExitStack() as stack:
        servers = []
        for i in (0, 1):
            servers.append(Server(folder / str(i), ports[i], ports[2 + i], ports[:2]))
            stack.callback(servers[i].kill)
            # Another database is the current one, as when a statement comes from elsewhere by ON CLUSTER.
            with ClickHouse(f"{servers[i].url}/default") as client:
                for statement in statements():
                    client.query(runnable(statement))
        yield Shards(*(f"{server.url}/{DATABASE}" for server in servers), servers[1])


def statements(database: str = DATABASE) -> list[str]:
    """Every statement of every migration in its form for a cluster, in order."""
    scripts = [migration.script for migration in migrations(MIGRATIONS, database, CLUSTER)]
    return [statement for script in scripts for statement in Migrator.script_to_statements(script, True)]


def runnable(statement: str) -> str:
    """``statement`` for a server that knows the cluster but can't replicate."""
    return _REPLICATED.sub("ReplacingMergeTree(", on_one_node(statement))


def on_one_node(statement: str) -> str:
    """``statement`` for the server that it is sent to alone."""
    return statement.replace(f" ON CLUSTER '{CLUSTER}'", "").rstrip(";")
