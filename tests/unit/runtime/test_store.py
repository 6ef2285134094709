"""A store is some earlier batch, whole, or it is set aside: after a crash, damage, too long a time."""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from streams.runtime import store as store_module
from streams.runtime.failures import StateInUse, StoreBroken, StoreFailed
from streams.runtime.metrics import REGISTRY
from streams.runtime.store import DAMAGED, IDENTITY, NO_FENCE, Applied, DiskLimits, Disks, Fence, Store

LIMITS = DiskLimits(block_cache_bytes=1 << 20, write_buffer_bytes=1 << 20, trusted_for_s=3_600.0)
FENCE = Fence({"touchpoints.web": 12, "touchpoints.email": 7}, 3)
BEHIND = b"\xff" * 40


@pytest.fixture
def disks(tmp_path: Path) -> Disks:
    return Disks(tmp_path, "intake", LIMITS)


def applied(offset: int = 5, age_s: float = 0.0) -> Applied:
    return Applied(offset, time.time() - age_s)


def numbered(count: int) -> list[tuple[bytes, bytes | None]]:
    """Entries that don't compress, so that they take several blocks."""
    values = random.Random(1)
    return [(b"key%05d" % number, values.randbytes(100)) for number in range(count)]


def entries(store: Store) -> list[tuple[bytes, bytes]]:
    return list(store.scan(b"", BEHIND))


def set_aside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "aside" in path.name)


# --- what is written is read ---------------------------------------------------------------------------


def test_what_was_written_is_there_after_it_was_closed(disks: Disks) -> None:
    store = disks.open(0)
    assert (store.fence, store.applied, entries(store)) == (NO_FENCE, None, [])
    at = applied()
    store.write([(b"ab", b"1"), (b"ac", b"2"), (b"ad", b"3")], FENCE, at)
    store.write([(b"ac", None), (b"ad", b"4"), (b"never", None)], None, None)
    for _ in range(2):
        assert (store.fence, store.applied) == (FENCE, at)
        assert (store.get(b"ab"), store.get(b"ac"), store.get(b"ae")) == (b"1", None, None)
        assert entries(store) == [(b"ab", b"1"), (b"ad", b"4")]
        assert store.size_bytes() > 0
        store.close()
        store = disks.open(0)
    store.close()


def test_each_partition_has_a_folder_of_its_own(disks: Disks, tmp_path: Path) -> None:
    stores = [disks.open(partition) for partition in range(3)]
    for number, store in enumerate(stores):
        store.write([(b"key", b"%d" % number)], None, None)
    assert [store.get(b"key") for store in stores] == [b"0", b"1", b"2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p0", "p1", "p2"]
    for store in stores:
        store.close()


def test_a_fence_that_came_among_entries_is_known_after_a_reload(disks: Disks) -> None:
    store = disks.open(0)
    store.write([(store_module.FENCE, FENCE.pack()), (b"ab", b"1")], None, applied(9))
    assert store.fence == NO_FENCE
    store.reload()
    assert store.fence == FENCE
    assert store.applied is not None
    assert store.applied.offset == 9
    store.close()


EDGES = [b"\x00\x00", b"\x00\xff", b"\x01\x00", b"a\x00", b"a\xff", b"\xff\x00", b"\xff\xff", b"\xff\xff\xff"]


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_finds_what_lies_between_and_none_of_the_runtimes_own(disks: Disks, reverse: bool) -> None:
    store = disks.open(0)
    store.write([(key, b"") for key in EDGES], FENCE, applied())
    bounds = [b"", b"\x00", b"\x03", b"b", b"\xff", BEHIND, *EDGES]
    for start in bounds:
        for stop in bounds:
            expected = sorted((key for key in EDGES if start <= key < stop), reverse=reverse)
            assert [key for key, _ in store.scan(start, stop, reverse=reverse)] == expected
    store.close()


def test_a_scan_that_somebody_still_holds_does_not_keep_the_folder_locked(disks: Disks) -> None:
    store = disks.open(0)
    store.write(numbered(10), None, None)
    held = store.scan(b"key", BEHIND)
    next(held)
    store.close()
    disks.open(0).close()
    assert list(held) == []


# --- crashes -------------------------------------------------------------------------------------------

#: Batch n sets each of ten keys to n and adds one of its own; says so when it is written.
WRITER = """
import sys, time
from pathlib import Path
from streams.runtime.store import Applied, DiskLimits, Disks, Fence
store = Disks(Path(sys.argv[1]), "intake", DiskLimits(1 << 20, 1 << 20, 3600.0)).open(0)
batch = store.fence.next.get("topic", 0)
while True:
    each = [(b"each%d" % number, b"%d" % batch) for number in range(10)]
    own = (b"own%08d" % batch, bytes(30_000))
    store.write([*each, own], Fence({"topic": batch + 1}, 1), Applied(batch, time.time()))
    print(batch, flush=True)
    batch += 1
"""


def test_a_killed_worker_leaves_one_batch_whole(tmp_path: Path, disks: Disks) -> None:
    survived = 0
    for batches in (1, 50, 77, 160):
        last = write_until_killed(tmp_path, survived + batches)
        store = disks.open(0)
        survived = store.fence.next.get("topic", 0)
        # The disk may be behind, by what was in the write buffers.
        assert survived <= last + 1
        assert (store.applied.offset + 1 if store.applied else 0) == survived
        found = dict(entries(store))
        assert {found.pop(b"each%d" % number, b"-1") for number in range(10)} == {b"%d" % (survived - 1)}
        assert list(found) == [b"own%08d" % batch for batch in range(survived)]
        store.close()
    assert survived > 0
    assert set_aside(tmp_path) == []


def write_until_killed(folder: Path, batch: int) -> int:
    """The last batch that the writer wrote, ``batch`` or one soon after it."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines: Iterator[str] = iter(writer.stdout)
        while int(next(lines)) < batch:
            pass
        writer.send_signal(signal.SIGKILL)
        return max([batch, *map(int, [line for line in lines if line.endswith("\n")])])


# --- what cannot be used is set aside --------------------------------------------------------------------


def filled(disks: Disks, at: Applied | None = None) -> list[tuple[bytes, bytes]]:
    """A store that was closed; what is in it."""
    store = disks.open(0)
    store.write(numbered(500), FENCE, at or applied())
    found = entries(store)
    store.close()
    return found


def require_set_aside(disks: Disks, folder: Path, reason: str, number: int = 1) -> None:
    """The next store is empty, the folder kept, and it is told."""
    before = REGISTRY.get_sample_value("journey_stage_state_set_aside_total")
    with capture_logs() as logs:
        store = disks.open(0)
    assert (store.fence, store.applied, entries(store)) == (NO_FENCE, None, [])
    store.write([(b"ab", b"1")], FENCE, applied())
    store.close()
    assert set_aside(folder) == [f"p0.aside-{kept}" for kept in range(1, number + 1)]
    (told,) = logs
    assert (told["event"], told["log_level"], told["folder"]) == ("state_set_aside", "warning", "p0")
    assert told["kept"] == f"p0.aside-{number}"
    assert reason in told["reason"]
    assert REGISTRY.get_sample_value("journey_stage_state_set_aside_total") == (before or 0) + 1
    # What is new is not.
    disks.open(0).close()
    assert len(set_aside(folder)) == number


@pytest.mark.parametrize("file", ["CURRENT", "MANIFEST-*", "*.sst"])
@pytest.mark.parametrize("damage", ["garbage", "truncated", "empty", "gone"])
def test_a_damaged_store_is_set_aside(disks: Disks, tmp_path: Path, file: str, damage: str) -> None:
    filled(disks)
    for path in (tmp_path / "p0").glob(file):
        content = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            path.write_bytes(
                {"garbage": random.randbytes(len(content)), "truncated": content[:10], "empty": b""}[damage]
            )
    if (file, damage) == ("CURRENT", "gone"):
        # To RocksDB it is a new one, and so it is to us.
        store = disks.open(0)
        assert (store.applied, entries(store)) == (None, [])
        store.close()
    else:
        require_set_aside(disks, tmp_path, "p0: ")


def test_damage_anywhere_is_found_at_the_start_or_when_it_is_read(disks: Disks, tmp_path: Path) -> None:
    intact = filled(disks)
    path = tmp_path / "p0"
    shutil.copytree(path, tmp_path / "intact")
    (table,) = (file.name for file in path.glob("*.sst"))
    found_by: set[str] = set()
    for sixteenth in range(17):
        shutil.rmtree(path)
        shutil.copytree(tmp_path / "intact", path)
        flip(path / table, sixteenth / 16)
        found_by.add(how_damage_is_found(disks, path, intact))
    assert found_by >= {"start", "read"}


def flip(file: Path, place: float) -> None:
    content = bytearray(file.read_bytes())
    at = min(round(place * len(content)), len(content) - 1)
    content[at] ^= 0xFF
    file.write_bytes(content)


def how_damage_is_found(disks: Disks, path: Path, intact: list[tuple[bytes, bytes]]) -> str:
    """By ``start``, by ``read``, or not because it is in nothing that is used."""
    asides = len(set_aside(path.parent))
    store = disks.open(0)
    if len(set_aside(path.parent)) > asides:
        store.close()
        return "start"
    try:
        assert entries(store) == intact
        assert [(key, store.get(key)) for key, _ in intact] == intact
    except StoreBroken:
        assert (path / DAMAGED).exists()
        store.close()
        disks.open(0).close()
        assert len(set_aside(path.parent)) == asides + 1
        return "read"
    store.close()
    return "not used"


def test_damage_found_while_reading_is_set_aside_at_the_next_start(disks: Disks, tmp_path: Path) -> None:
    filled(disks)
    (table,) = (tmp_path / "p0").glob("*.sst")
    flip(table, 0.3)
    store = disks.open(0)
    with pytest.raises(StoreBroken, match=r"^p0: Corruption"):
        entries(store)
    store.close()
    require_set_aside(disks, tmp_path, "damaged")


def test_every_folder_set_aside_is_kept(disks: Disks, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        filled(disks)
        (tmp_path / "p0" / "CURRENT").write_bytes(b"garbage")
        require_set_aside(disks, tmp_path, "Corruption", number)


def test_a_state_of_another_stage_or_format_is_set_aside(
    disks: Disks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(disks)
    require_set_aside(Disks(tmp_path, "customers", LIMITS), tmp_path, "belongs to '1 intake 0'")
    monkeypatch.setattr(store_module, "FORMAT", 2)
    require_set_aside(Disks(tmp_path, "customers", LIMITS), tmp_path, "belongs to '1 customers 0'", number=2)


def test_a_state_of_another_partition_is_set_aside(disks: Disks, tmp_path: Path) -> None:
    filled(disks)
    (tmp_path / "p0").rename(tmp_path / "p1")
    disks.open(1).close()
    assert set_aside(tmp_path) == ["p1.aside-1"]


def test_a_state_that_nobody_signed_is_set_aside(disks: Disks, tmp_path: Path) -> None:
    store = disks.open(0)
    store.write([(IDENTITY, None)], FENCE, applied())
    store.close()
    require_set_aside(disks, tmp_path, "has no owner")


def test_a_state_too_old_to_be_trusted_is_set_aside(disks: Disks, tmp_path: Path) -> None:
    filled(disks, applied(age_s=3_000))
    disks.open(0).close()
    assert set_aside(tmp_path) == []
    store = disks.open(0)
    store.write([], None, applied(age_s=4_000))
    store.close()
    require_set_aside(disks, tmp_path, "too old")


# --- what is no damage stays -----------------------------------------------------------------------------


def test_a_state_that_another_has_open_is_left_to_it(disks: Disks, tmp_path: Path) -> None:
    store = disks.open(0)
    store.write([(b"ab", b"1")], None, None)
    with pytest.raises(StateInUse, match="another worker has this state open"):
        disks.open(0)
    other = subprocess.run([sys.executable, "-c", WRITER, tmp_path], capture_output=True, text=True, check=False)
    assert "StateInUse" in other.stderr
    assert set_aside(tmp_path) == []
    store.write([(b"ac", b"2")], None, None)
    store.close()
    store = disks.open(0)
    assert entries(store) == [(b"ab", b"1"), (b"ac", b"2")]
    store.close()


def test_a_machine_that_gives_no_files_costs_no_state(disks: Disks, tmp_path: Path) -> None:
    found = filled(disks)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 3, hard))
    try:
        with pytest.raises(StoreFailed, match="Too many open files") as raised:
            disks.open(0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert type(raised.value) is StoreFailed
    assert set_aside(tmp_path) == []
    store = disks.open(0)
    assert entries(store) == found
    store.close()


def test_a_closed_store_fails_and_is_not_taken_for_damaged(disks: Disks, tmp_path: Path) -> None:
    store = disks.open(0)
    store.close()
    for step in (lambda: store.get(b"ab"), lambda: entries(store), lambda: store.write([(b"ab", b"1")], None, None)):
        with pytest.raises(StoreFailed) as raised:
            step()
        assert type(raised.value) is StoreFailed
    assert not (tmp_path / "p0" / DAMAGED).exists()
