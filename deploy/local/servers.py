"""Puts the two servers of a stack together: their ports, their configuration, the addresses that others get."""

from collections.abc import Sequence
from pathlib import Path

from deploy.local.clickhouse import clickhouse_process
from deploy.local.fetch import Parts
from deploy.local.kafka import Guarded, kafka_process
from deploy.local.ports import HOST, free_ports, require_free
from deploy.local.probes import DATABASE
from deploy.local.processes import Addresses, Plan

_PURPOSES = ("Kafka", "ClickHouse", "ClickHouse's HTTP")


def plan_servers(
    folder: Path,
    parts: Parts,
    wanted_ports: Sequence[int | None],
    owner: int | None,
    guarded: Guarded | None = None,
) -> Plan:
    """Configure Kafka and ClickHouse in a stack's folder and return the plan that runs them.

    wanted_ports: of Kafka, ClickHouse and its HTTP interface; None for any free one. Raises PortTaken, StackFailed.
    """
    *free, controller = free_ports(4)
    kafka, native, http = (
        require_free(wanted, purpose) if wanted else found
        for wanted, purpose, found in zip(wanted_ports, _PURPOSES, free, strict=True)
    )
    addresses = Addresses(
        kafka_bootstrap=f"{HOST}:{kafka}",
        clickhouse_url=f"clickhouse://default@{HOST}:{native}/{DATABASE}",
        clickhouse_http=f"http://{HOST}:{http}",
    )
    processes = (
        kafka_process(folder, parts.kafka_jars, kafka, controller, guarded),
        clickhouse_process(folder, parts.clickhouse, native, http),
    )
    return Plan(addresses, processes, owner)
