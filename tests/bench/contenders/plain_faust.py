"""A Faust agent as its documentation writes one, with a table in memory and a topic that it sends to.

Faust's defaults, but for standbys and the leader's election, which one worker has no use for.
"""

from __future__ import annotations

import os
import signal

import faust
import orjson
from task import PARTITIONS, Clock, is_click, read_task, report

task = read_task()
clock = Clock(task.records)

app = faust.App(
    task.group,
    datadir=task.folder,
    broker=f"kafka://{task.bootstrap}",
    store="memory://",
    web_enabled=False,
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    topic_disable_leader=True,
    table_standby_replicas=0,
    consumer_auto_offset_reset="earliest",
)
source = app.topic(task.source, key_serializer="raw", value_serializer="raw")


async def look(stream: faust.StreamT[bytes]) -> None:
    async for value in stream:
        last = clock.saw()
        clock.clicks += is_click(orjson.loads(value))
        if last:
            end()
            return


if task.mode == "stateful":
    output = app.topic(task.output, key_serializer="raw", value_serializer="raw")
    counts = app.Table("counts", default=lambda: {"count": 0, "last": 0}, partitions=PARTITIONS)


async def count(stream: faust.StreamT[bytes]) -> None:
    async for value in stream:
        last = clock.saw()
        event = orjson.loads(value)
        user = event["user"]
        before = counts[user]
        after = {"count": before["count"] + 1, "last": max(before["last"], event["occurred_at"])}
        counts[user] = after
        await output.send(key=user.encode(), value=orjson.dumps({"user": user, **after}))
        if last:
            await app.producer.flush()
            end()
            return


def end() -> None:
    clock.stop()
    report(clock)
    os.kill(os.getpid(), signal.SIGTERM)


app.agent(source)(count if task.mode == "stateful" else look)

if __name__ == "__main__":
    faust.Worker(app, loglevel="ERROR", redirect_stdouts=False).execute_from_commandline()
