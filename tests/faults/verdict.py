"""Compares what a scene has left behind with what a plain loop over its input logs makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from rocksdict import AccessType, Options, Rdict

from streams.offsets import lag
from streams.runtime.store import APPLIED, FENCE, Applied, Fence
from tests.faults.scene import PARTITIONS, Scene
from tests.faults.stage import Expected, Row, expect

#: Keys of the runtime itself.
OWN_KEY_BYTES = 1
State = dict[int, dict[bytes, bytes]]


@dataclass(frozen=True)
class Verdict:
    """``problems`` is empty where everything is as it must be; ``repeated`` rows were sent once more by a replay;
    ``compacted`` records of the changelog are gone."""

    problems: tuple[str, ...]
    records: int
    rows: int
    repeated: int
    buried: int
    compacted: int

    def __str__(self) -> str:
        found = "exact" if not self.problems else "; ".join(self.problems)
        return (
            f"{self.records} records, {self.rows} rows ({self.repeated} repeated), {self.buried} buried,"
            f" {self.compacted} records of the changelog compacted away: {found}"
        )


def judge(scene: Scene, *folders: Path) -> Verdict:
    """Look at everything; all workers have ended, everything is drained. ``folders``: those of the workers' state."""
    topics = scene.topics
    expected = expect(scene.read(*topics.inputs))
    problems, rows, repeated = judge_rows(expected, [(r.key, Row.of(r.value)) for r in scene.read(topics.rows)])
    changelog, fences = replay(scene)
    problems += compare("changelog", flat(expected.state), flat(changelog))
    problems += compare("fences of the changelog", expected.ends, reached(fences))
    if folders:
        disk, fences = last_owners(folders)
        problems += compare("state on disk", flat(expected.state), flat(disk))
        problems += compare("fences on disk", expected.ends, reached(fences))
    problems += compare("commits", expected.ends, commits(scene))
    dead = [(r.key, r.value, [name for name, _ in r.headers]) for r in scene.read(topics.dead)]
    problems += compare("dead letters", expected.dead, {key: value for key, value, _ in dead})
    problems += [f"dead letter {key!r} has no cause" for key, _, headers in dead if headers != ["cause"]]
    compacted = sum(scene.ends(topics.changelog).values()) - sum(1 for _ in scene.read(topics.changelog))
    return Verdict(tuple(problems), sum(expected.ends.values()), rows, repeated, len(expected.dead), compacted)


def judge_rows(expected: Expected, rows: list[tuple[bytes, Row]]) -> tuple[list[str], int, int]:
    """Problems, how many rows there are, and how many of them had been sent before."""
    by_version: dict[bytes, Row] = {}
    contents: dict[tuple[bytes, int], bytes] = {}
    conflicts = 0
    for key, row in rows:
        if key not in by_version or row.version >= by_version[key].version:
            by_version[key] = row
        conflicts += contents.setdefault((key, row.version), row.content) != row.content
    problems = compare("rows by version", expected.rows, by_version)
    problems += compare("rows by log", expected.rows, dict(rows))
    if conflicts:
        problems.append(f"{conflicts} rows have the key and version of another and not its content")
    return problems, len(rows), len(rows) - len(contents)


def replay(scene: Scene) -> tuple[State, dict[int, Fence]]:
    """State and fence of each partition, by the order of the changelog."""
    state: State = {}
    fences: dict[int, Fence] = {}
    for record in scene.read(scene.topics.changelog):
        entries = state.setdefault(record.partition, {})
        if record.key == FENCE:
            fence = msgspec.msgpack.decode(record.value, type=Fence)
            before = fences.setdefault(record.partition, fence)
            fallen = [topic for topic, offset in before.next.items() if fence.next.get(topic, 0) < offset]
            assert not fallen, f"the fence of {fallen[0]}-{record.partition} has fallen"
            fences[record.partition] = fence
        elif len(record.key) == OWN_KEY_BYTES:
            continue
        elif record.value is None:
            entries.pop(record.key, None)
        else:
            entries[record.key] = record.value
    return state, fences


def last_owners(folders: tuple[Path, ...]) -> tuple[State, dict[int, Fence]]:
    """State and fence of each partition in the folder that has most of its changelog."""
    stores = [
        read_store(folder / f"p{n}") for n in range(PARTITIONS) for folder in folders if (folder / f"p{n}").exists()
    ]
    state: State = {}
    fences: dict[int, Fence] = {}
    for partition, _, entries in sorted(stores, key=lambda store: store[1]):
        fence = entries.pop(FENCE, None)
        fences[partition] = Fence({}, -1) if fence is None else msgspec.msgpack.decode(fence, type=Fence)
        state[partition] = {key: value for key, value in entries.items() if len(key) > OWN_KEY_BYTES}
    return state, fences


def read_store(path: Path) -> tuple[int, int, dict[bytes, Any]]:
    """Partition, applied offset, and all that is there."""
    rocks = Rdict(str(path), Options(raw_mode=True), access_type=AccessType.read_only())
    try:
        entries = dict(rocks.items())
    finally:
        rocks.close()
    applied = msgspec.msgpack.decode(entries[APPLIED], type=Applied).offset if APPLIED in entries else -1
    return int(path.name.removeprefix("p")), applied, entries


def commits(scene: Scene) -> dict[tuple[str, int], int]:
    found = lag(scene.bootstrap, {scene.topics.app: scene.topics.inputs})
    return {(place.topic, place.partition): position.committed for place, position in found.items() if position.end}


def reached(fences: Mapping[int, Fence]) -> dict[tuple[str, int], int]:
    return {(topic, partition): end for partition, fence in fences.items() for topic, end in fence.next.items()}


def flat(state: State) -> dict[tuple[int, bytes], bytes]:
    return {(partition, key): value for partition, entries in state.items() for key, value in entries.items()}


def compare(what: str, wanted: Mapping[Any, Any], found: Mapping[Any, Any]) -> list[str]:
    """One line where they differ."""
    wrong = [key for key in wanted if found.get(key) != wanted[key]]
    extra = [key for key in found if key not in wanted]
    if not wrong and not extra:
        return []
    example = (wrong or extra)[0]
    return [
        f"{what}: {len(wrong)} of {len(wanted)} wrong or missing, {len(extra)} too many,"
        f" such as {example!r}: {found.get(example)!r} instead of {wanted.get(example)!r}"
    ]
