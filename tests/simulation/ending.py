"""How every world must end, whatever befell it: as a plain loop over its logs says, and with nothing left to do."""

from __future__ import annotations

from typing import Any

from streams.runtime.accounts import ACCOUNTS, unpack
from streams.runtime.reading import Log
from tests.simulation.broker import Violation
from tests.simulation.stage import Expected, expect


def require_expected(world: Any) -> None:
    """Violation with what differs."""
    inputs = world.broker.inputs
    expected = expect({log: records.records for log, records in inputs.items()}, world.shape.layout)
    for log, records in inputs.items():
        if records.end > records.earliest:
            reached = world.broker.changelogs[log.partition].fence().next.get(log.topic)
            if world.shape.layout is not None:
                _require(f"fence of {log}", reached, records.end)
                _require(f"accounts of {log}", _accounted(world, log), (len(records.records), len(records.records)))
            # Where commits were forgotten, and the state had everything, there was nothing to commit.
            _require(f"committed of {log}", world.broker.group.committed.get(log, reached), records.end)
    _require_outputs(world, expected)
    _require_state(world, expected)
    for process in world.alive.values():
        _require(f"bytes held by {process.name}", process.in_flight.held, 0)


def _accounted(world: Any, log: Log) -> tuple[int, int] | None:
    """How many of its records were read and have ended, as the changelog says."""
    changelog = world.broker.changelogs[log.partition]
    account = unpack(changelog.fold().get(ACCOUNTS), changelog.fence()).get(log.topic)
    return None if account is None else (account.read, account.ended)


def _require_outputs(world: Any, expected: Expected) -> None:
    last: dict[tuple[str, bytes], bytes] = {}
    highest: dict[tuple[str, bytes], tuple[int, bytes]] = {}
    for topic, key, version, value in [row for log in world.broker.outputs for row in log.rows]:
        content = value.split(b" ", 1)[1]
        last[topic, key] = content
        highest[topic, key] = max(highest.get((topic, key), (-1, b"")), (version, content))
    _require("outputs by order", last, expected.outputs)
    _require("outputs by version", {key: content for key, (_, content) in highest.items()}, expected.outputs)


def _require_state(world: Any, expected: Expected) -> None:
    for partition, log in enumerate(world.broker.changelogs):
        _require(f"state of {partition}", _stages(log.fold()), expected.state[partition])
    for process in world.alive.values():
        for partition in {log.partition for log in process.positions if world.shape.layout is not None}:
            found = _stages(process.disks[partition].kept)
            _require(f"disk of {partition} at {process.name}", found, expected.state[partition])


def _stages(entries: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Without the runtime's own."""
    return {key: value for key, value in entries.items() if len(key) > 1}


def _require(what: str, found: Any, expected: Any) -> None:
    if found == expected:
        return
    if isinstance(found, dict):
        keys = sorted(key for key in {*found, *expected} if found.get(key) != expected.get(key))
        told = "; ".join(f"{key}: {found.get(key)!r}, expected {expected.get(key)!r}" for key in keys[:5])
    else:
        told = f"{found!r}, expected {expected!r}"
    raise Violation(f"{what}: {told}")
