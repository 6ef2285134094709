"""A state that is lost, damaged or foreign: rebuilt where the changelog has it, told where it has not."""

from __future__ import annotations

import shutil

import pytest

from tests.faults.scene import Scene, Worker
from tests.faults.verdict import judge

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

RECORDS = 12_000


def worked_off(scene: Scene) -> Worker:
    """A worker that has done everything and ended."""
    scene.produce(RECORDS)
    worker = scene.start(instance=True)
    worker.wait_ready()
    scene.drain()
    worker.stop()
    return worker


def test_state_is_rebuilt_on_an_empty_disk(counting: Scene) -> None:
    shutil.rmtree(worked_off(counting).folder)
    again = worked_off(counting)
    assert again.events("recovered")[0]["applied"] > RECORDS / 50
    assert not judge(counting, again.folder).problems


def test_a_store_that_cannot_be_opened_is_set_aside_and_rebuilt(counting: Scene) -> None:
    folder = worked_off(counting).folder
    (folder / "p0" / "CURRENT").write_bytes(b"nonsense")
    again = worked_off(counting)
    (told,) = again.events("state_set_aside")
    assert (told["folder"], told["kept"]) == ("p0", "p0.aside-1")
    assert (folder / "p0.aside-1").exists()
    assert not judge(counting, folder).problems


def test_a_store_with_damaged_data_is_rebuilt_after_a_crash(counting: Scene) -> None:
    folder = worked_off(counting).folder
    for table in (folder / "p1").glob("*.sst"):
        content = table.read_bytes()
        begin, end = len(content) // 4, len(content) // 2
        # Behind what is read when the store is opened.
        table.write_bytes(content[:begin] + b"\xff" * (end - begin) + content[end:])
    counting.produce(RECORDS)
    crashing = counting.start(instance=True)
    assert "Corruption" in crashing.wait_crashed(40)["reason"]
    again = worked_off(counting)
    (told,) = again.events("state_set_aside")
    assert told["folder"] == "p1"
    assert not judge(counting, folder).problems


@pytest.mark.parametrize("disk", ["kept", "lost"])
def test_a_lost_changelog_is_told_and_never_an_empty_state(counting: Scene, disk: str) -> None:
    worker = worked_off(counting)
    counting.lose_changelog()
    if disk == "lost":
        shutil.rmtree(worker.folder)
    rows = len(list(counting.read(counting.topics.rows)))
    counting.produce(RECORDS)
    # Not by luck of the first start.
    for _ in range(2):
        reason = counting.start(instance=True).wait_crashed(40)["reason"]
        assert "changelog" in reason
    print(reason)
    assert len(list(counting.read(counting.topics.rows))) == rows
