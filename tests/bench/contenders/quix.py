"""Quix Streams with its state, RocksDB and a changelog, as its documentation writes it. Its defaults throughout."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from quixstreams import Application, State
from quixstreams.dataframe.windows import aggregations as agg
from task import SESSION_GAP_S, SESSION_GRACE_S, Clock, is_click, read_task, report

task = read_task()
clock = Clock(task.records)


def look(event: dict[str, Any]) -> None:
    last = clock.saw()
    clock.clicks += is_click(event)
    if last:
        clock.stop()


def count(event: dict[str, Any], state: State) -> dict[str, Any]:
    clock.saw()
    user = event["user"]
    before = state.get("counted", {"count": 0, "last": 0})
    after = {"count": before["count"] + 1, "last": max(before["last"], event["occurred_at"])}
    state.set("counted", after)
    return {"user": user, **after}


def forms_journey(touchpoint: dict[str, Any]) -> bool:
    if clock.saw():
        app.stop()
    return bool(touchpoint["forms_journey"])


def occurred_at(value: dict[str, Any], *_: object) -> int:
    return int(value["occurred_at"])


class CommitClock(logging.Handler):
    """Notes when a checkpoint is committed, which Quix logs: outputs and changelog are flushed, offsets committed."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg.startswith("Committed a checkpoint"):
            clock.stop()


# It decodes and encodes JSON with orjson.
app = Application(
    broker_address=task.bootstrap,
    consumer_group=task.group,
    auto_offset_reset="earliest",
    state_dir=task.folder,
    loglevel="WARNING",
)
timestamps = {"timestamp_extractor": occurred_at} if task.mode == "sessions" else {}
stream = app.dataframe(app.topic(task.source, value_deserializer="json", **timestamps))

if task.mode == "stateless":
    stream = stream.update(look)
else:
    commits = logging.getLogger("quixstreams.processing.context")
    commits.addHandler(CommitClock())
    commits.setLevel(logging.DEBUG)
    commits.propagate = False
    if task.mode == "stateful":
        stream = stream.apply(count, stateful=True)
    else:
        windows = stream.filter(forms_journey).session_window(
            timedelta(seconds=SESSION_GAP_S), timedelta(seconds=SESSION_GRACE_S)
        )
        # As it is now with every touchpoint, as rows are: `final` would tell of a session once it is over.
        stream = windows.agg(count=agg.Count()).current()
    stream = stream.to_topic(app.topic(task.output, value_serializer="json"))

if __name__ == "__main__":
    # It counts what comes out: of touchpoints that form no journey, nothing.
    app.run(count=0 if task.mode == "sessions" else task.records, collect=False)
    report(clock)
