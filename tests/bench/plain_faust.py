"""The baseline: a Faust agent as its documentation writes one, with a table in memory, over the same touchpoints.

It decodes each touchpoint and counts per key; no outputs, no identity, no stitching. Prints one JSON line when it has
seen as many events as it was told to expect.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time

import faust

from schemas.codec import decode
from streams.topics import TOUCHPOINTS

bootstrap, expected, group = sys.argv[1], int(sys.argv[2]), sys.argv[3]
# Faust writes a folder of its own even with a table in memory.
scratch = tempfile.TemporaryDirectory(prefix="plain-faust-")

app = faust.App(
    group,
    datadir=scratch.name,
    broker=f"kafka://{bootstrap}",
    store="memory://",
    web_enabled=False,
    topic_partitions=4,
    topic_replication_factor=1,
    consumer_auto_offset_reset="earliest",
    table_standby_replicas=0,
    topic_disable_leader=True,
)
touchpoints = app.topic(*TOUCHPOINTS, key_serializer="raw", value_serializer="raw")
counts = app.Table("counts", default=int, partitions=4, key_type=str, value_type=int)


@app.agent(touchpoints)
async def count(stream: faust.StreamT[bytes]) -> None:
    seen = 0
    began = 0.0
    async for event in stream.events():
        began = began or time.monotonic()
        touchpoint = decode(event.value).record
        counts[event.key.decode() if event.key else touchpoint["channel"]] += 1
        seen += 1
        if seen == expected:
            # On a line of its own: Faust writes terminal control characters without one.
            sys.stdout.write("\n" + json.dumps({"events": seen, "seconds": time.monotonic() - began}) + "\n")
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    with scratch:
        faust.Worker(app, loglevel="ERROR", redirect_stdouts=False).execute_from_commandline()
