"""How the local ClickHouse is run: its users, its configuration and its data, all in the stack's folder.

A `clickhouse` program is run as the server that it is; the fetched library through `clickhouse_server`. Both read the
same users: `default` may do everything, `analyst` reads the database `journeys` and nothing else of the machine.
"""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

from deploy.local.ports import HOST
from deploy.local.probes import DATABASE
from deploy.local.processes import ProcessSpec

# Read-only alone (readonly=2: settings stay free) would leave file() and url() open; the grants close them.
_USERS = f"""\
<clickhouse>
  <profiles>
    <default/>
    <analyst>
      <readonly>2</readonly>
      <final>1</final>
    </analyst>
  </profiles>
  <quotas>
    <default/>
  </quotas>
  <users>
    <default>
      <password></password>
      <networks><ip>{HOST}</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
    </default>
    <analyst>
      <password></password>
      <networks><ip>{HOST}</ip></networks>
      <profile>analyst</profile>
      <quota>default</quota>
      <grants>
        <query>GRANT SHOW, SELECT, dictGet ON {DATABASE}.*</query>
        <query>GRANT SELECT ON system.*</query>
      </grants>
    </analyst>
  </users>
</clickhouse>
"""

_LIBRARY_CONFIG = """\
<clickhouse>
  <users_config>{users}</users_config>
</clickhouse>
"""

_SERVER_CONFIG = """\
<clickhouse>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>{host}</listen_host>
  <tcp_port>{port}</tcp_port>
  <http_port>{http_port}</http_port>
  <path>{data}/</path>
  <tmp_path>{data}/tmp/</tmp_path>
  <user_files_path>{data}/user_files/</user_files_path>
  <user_directories><users_xml><path>{users}</path></users_xml></user_directories>
</clickhouse>
"""


def clickhouse_process(folder: Path, clickhouse: Path, port: int, http_port: int) -> ProcessSpec:
    """Write the configuration into the stack's `folder` and return what to run.

    clickhouse: a `clickhouse` program or `libchdb.so`, as `fetch.Parts` has it.
    """
    data, users, config = folder / "clickhouse", folder / "clickhouse-users.xml", folder / "clickhouse.xml"
    data.mkdir(exist_ok=True)
    users.write_text(_USERS, encoding="utf-8")
    is_library = clickhouse.suffix == ".so"
    template = _LIBRARY_CONFIG if is_library else _SERVER_CONFIG
    config.write_text(
        template.format(host=HOST, port=port, http_port=http_port, data=escape(str(data)), users=escape(str(users))),
        encoding="utf-8",
    )
    wrapper = (sys.executable, "-m", "deploy.local.clickhouse_server", str(clickhouse), str(data), str(config))
    return ProcessSpec(
        name="clickhouse",
        argv=(*wrapper, str(port), str(http_port))
        if is_library
        else (str(clickhouse), "server", f"--config-file={config}"),
        ready_url=f"clickhouse://{HOST}:{port}?http={http_port}",
        stop_seconds=15.0,
        base=True,
    )
