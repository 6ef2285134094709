"""ClickHouse's users of deploy/compose.yaml, on a real server: enough for us and for analysts, and no more."""

import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.local.fetch import fetch_parts
from deploy.local.ports import HOST, free_ports
from sinks.clickhouse import ClickHouse
from sinks.migrate import migrate
from streams.monitor import clickhouse
from tests.contract.deployments import DEPLOY

pytestmark = pytest.mark.stack

BASE = f"""
<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password></password>
<networks><ip>{HOST}</ip></networks><profile>default</profile><quota>default</quota></default></users></clickhouse>
"""
LISTENS_S = 30


class Server(NamedTuple):
    """Where it answers, and the folder with the passwords."""

    port: int
    http_port: int
    secrets: Path

    def password(self, name: str) -> str:
        return (self.secrets / f"{name}_password").read_text("utf-8")

    def url(self, user: str, password: str) -> str:
        return f"clickhouse://{user}:{password}@{HOST}:{self.port}/journeys"

    def ask(self, query: str, user: str, password: str) -> str:
        """What it answers, be it a refusal."""
        request = urllib.request.Request(
            f"http://{HOST}:{self.http_port}/",
            data=query.encode(),
            headers={"X-ClickHouse-User": user, "X-ClickHouse-Key": password},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(answer.read(), "utf-8")
        except urllib.error.HTTPError as error:
            with error:
                return str(error.read(), "utf-8")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the users as compose mounts them; only `default` stays, as whom the local server itself runs."""
    folder = tmp_path_factory.mktemp("clickhouse")
    (folder / "deploy" / "compose").mkdir(parents=True)
    script = shutil.copy(DEPLOY / "compose" / "secrets.sh", folder / "deploy" / "compose")
    subprocess.run(["sh", script], check=True)
    secrets = folder / "deploy" / "secrets"
    made = {path.name: path.read_text("utf-8") for path in secrets.iterdir()}
    subprocess.run(["sh", script], check=True)
    assert {path.name: path.read_text("utf-8") for path in secrets.iterdir()} == made, "made once"

    (folder / "users.d").mkdir()
    users = (DEPLOY / "compose" / "clickhouse-users.xml").read_text("utf-8")
    kept = re.sub(r"<default remove.*/>", "", users)
    assert kept != users
    (folder / "users.d" / "omnijourney.xml").write_text(kept, "utf-8")
    (folder / "users.d" / "passwords.xml").write_text(made["clickhouse_users.xml"], "utf-8")
    (folder / "users.xml").write_text(BASE, "utf-8")
    config = folder / "config.xml"
    config.write_text(f"<clickhouse><users_config>{folder}/users.xml</users_config></clickhouse>", "utf-8")
    library = fetch_parts().clickhouse
    if library.suffix != ".so":
        pytest.skip("a ClickHouse on PATH is configured otherwise; this is about the fetched one")
    port, http_port = free_ports(2)
    (folder / "data").mkdir()
    command = [sys.executable, "-m", "deploy.local.clickhouse_server", library, folder / "data", config]
    process = subprocess.Popen([*map(str, command), str(port), str(http_port)])
    try:
        found = Server(port, http_port, secrets)
        wait_until_it_answers(found, process)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_until_it_answers(server: Server, process: "subprocess.Popen[bytes]") -> None:
    """Asks again until it answers; an error where its process ends first, or doesn't within LISTENS_S."""
    for _ in range(LISTENS_S * 10):
        try:
            if server.ask("SELECT 1", "default", "") == "1\n":
                return
        except (urllib.error.URLError, ConnectionError):
            pass
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
    pytest.fail(f"ClickHouse did not answer within {LISTENS_S} s")


def test_the_owner_makes_the_tables_and_those_beside_and_nothing_else(server: Server) -> None:
    url = server.url("owner", server.password("owner"))
    assert len(migrate(url)) > 5
    with ClickHouse(url) as client:
        assert client.query("SELECT count() FROM touchpoints") == [(0,)]
    assert migrate(f"{url}_next")
    elsewhere = server.ask("CREATE TABLE default.x (a Int8) ENGINE = Memory", "owner", server.password("owner"))
    assert "ACCESS_DENIED" in elsewhere


@pytest.mark.parametrize("user", ["sink", "monitor"])
def test_who_writes_and_who_watches_get_in_and_drop_nothing(server: Server, user: str) -> None:
    migrate(server.url("owner", server.password("owner")))
    watch = clickhouse(server.url(user, server.password(user)), 60)
    watch.look()
    reachable = next(family for family in watch.collect() if family.name == "journey_clickhouse_reachable")
    assert [sample.value for sample in reachable.samples] == [int(user == "monitor")]
    count = server.ask("SELECT count() FROM journeys.outcomes", user, server.password(user))
    assert ("ACCESS_DENIED" in count) == (user == "monitor")
    assert "ACCESS_DENIED" in server.ask("TRUNCATE TABLE journeys.outcomes", user, server.password(user))


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO journeys.spend SELECT * FROM journeys.spend",
        "TRUNCATE TABLE journeys.touchpoints",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "SELECT * FROM file('users.xml', 'LineAsString', 'line String')",
    ],
)
def test_analysts_read_and_nothing_else(server: Server, query: str) -> None:
    migrate(server.url("owner", server.password("owner")))
    analyst = ("analyst", server.password("analyst"))
    assert server.ask("SELECT count() FROM journeys.engagement_daily", *analyst).strip().isdigit()
    assert "ACCESS_DENIED" in server.ask(query, *analyst)


def test_nobody_comes_in_without_the_password(server: Server) -> None:
    for user in ("owner", "sink", "monitor", "analyst"):
        assert "AUTHENTICATION_FAILED" in server.ask("SELECT 1", user, "")
