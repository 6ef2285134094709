"""The users of docs/security.md, with passwords, on a real ClickHouse: enough for each, and no more.

The local server knows no CREATE USER: it gets the page's grants by its configuration.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from deploy.local.fetch import fetch_parts, project_root
from deploy.local.ports import HOST, free_ports
from deploy.local.probes import answers
from sinks.clickhouse import ClickHouse, Misconfigured
from sinks.exchanging import exchange
from sinks.migrate import migrate, require_migrated
from streams.config import PREFIX, read
from streams.monitor import clickhouse

pytestmark = pytest.mark.stack

PAGE = (project_root() / "docs" / "security.md").read_text("utf-8")
GRANT = re.compile(r"^(GRANT .+) TO (\w+);$", re.MULTILINE)
PASSWORD = "p@ss:w%rd/ü&7"  # noqa: S105 - of the test
STARTS_S = 30
USERS = """<clickhouse>
<profiles><default/><analyst><readonly>2</readonly><final>1</final></analyst></profiles>
<quotas><default/></quotas>
<users>{users}</users>
</clickhouse>"""
USER = (
    "<{name}><password><![CDATA[{password}]]></password><networks><ip>{host}</ip></networks>"
    "<profile>{profile}</profile><quota>default</quota>{grants}</{name}>"
)


def users() -> str:
    """The configuration of `default`, as whom the server itself runs, and of those that the page makes."""
    granted: dict[str, str] = {"default": ""}
    for grant, name in GRANT.findall(PAGE):
        granted[name] = granted.get(name, "") + f"<query>{grant}</query>"
    assert list(granted) == ["default", "owner", "sink", "monitor", "analyst"]
    made = [
        USER.format(
            name=name,
            password="" if name == "default" else PASSWORD,
            host=HOST,
            profile="analyst" if name == "analyst" else "default",
            grants=grants and f"<grants>{grants}</grants>",
        )
        for name, grants in granted.items()
    ]
    return USERS.format(users="".join(made))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where a server with these users answers."""
    library = fetch_parts(project_root()).clickhouse
    if library.suffix != ".so":
        pytest.skip("a clickhouse program of the machine's own: its users are its own, too")
    folder = tmp_path_factory.mktemp("clickhouse")
    (folder / "data").mkdir()
    (folder / "users.xml").write_text(users(), "utf-8")
    config = folder / "config.xml"
    config.write_text(f"<clickhouse><users_config>{folder / 'users.xml'}</users_config></clickhouse>")
    native, http = free_ports(2)
    server = (sys.executable, "-m", "deploy.local.clickhouse_server", library, folder / "data", config)
    running = subprocess.Popen([*map(str, server), str(native), str(http)], cwd=project_root())
    try:
        deadline = time.monotonic() + STARTS_S
        while not answers(f"clickhouse://{HOST}:{native}?http={http}"):
            assert running.poll() is None
            assert time.monotonic() < deadline
        yield native
    finally:
        running.terminate()
        running.wait(STARTS_S)


def test_each_user_gets_in_by_password_and_may_do_its_own_work_alone(port: int) -> None:
    def url(user: str, namespace: str = "") -> str:
        given = {"CLICKHOUSE_URL": f"clickhouse://{user}@{HOST}:{port}/journeys", "CLICKHOUSE_PASSWORD": PASSWORD}
        given["NAMESPACE"] = namespace
        return read({PREFIX + name: value for name, value in given.items()}).clickhouse_url

    assert migrate(url("owner")) == migrate(url("owner", "next"))
    columns = ["topic", "channel", "partition", "outcome", "reason", "records", "version"]
    row = [["touchpoints.web"], ["web"], [0], ["accepted"], [""], [1], [1]]
    with ClickHouse(url("sink")) as sink:
        require_migrated(url("sink"))
        assert sink.insert("outcomes", columns, row) == 1
        with pytest.raises(Misconfigured, match="Not enough privileges"):
            sink.query("DROP TABLE outcomes")
    with ClickHouse(url("analyst")) as analyst:
        assert analyst.query("SELECT sum(records) FROM outcomes") == [(1,)]
        for forbidden in ("TRUNCATE TABLE outcomes", "SELECT * FROM file('/etc/hostname', 'LineAsString')"):
            with pytest.raises(Misconfigured, match="Not enough privileges"):
                analyst.query(forbidden)
    with ClickHouse(url("sink", "next")) as sink:
        assert sink.insert("outcomes", columns, row) == 1
    watch = clickhouse(url("monitor"), 60)
    watch.look()
    families = {family.name: family for family in watch.collect()}
    assert [sample.value for sample in families["journey_clickhouse_reachable"].samples] == [1]
    parts = {sample.labels["table"]: sample.value for sample in families["journey_clickhouse_parts"].samples}
    assert parts["outcomes"] == 1
    with ClickHouse(url("monitor")) as monitor, pytest.raises(Misconfigured, match="Not enough privileges"):
        monitor.query("SELECT count() FROM outcomes")
    with ClickHouse(url("owner")) as owner:
        exchange(owner, "journeys_beside")
        owner.query("DROP DATABASE journeys_beside SYNC")
        with pytest.raises(Misconfigured, match="Not enough privileges"):
            owner.query("CREATE DATABASE elsewhere")
