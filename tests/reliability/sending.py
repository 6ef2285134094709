"""Faults of what is sent: too much, too bad, too new."""

from __future__ import annotations

import time
from collections import Counter

from schemas.codec import Codec
from sinks.clickhouse import ClickHouse
from streams.local import PARTITIONS
from tests.reliability.flow import MARKER_CHANNEL
from tests.reliability.hostile import of_the_future, placed, poison, send
from tests.reliability.scene import WHOLE_S, Scene

TOPIC = f"touchpoints.{MARKER_CHANNEL}"
BURST = 100
BURST_S = 5
POISONED = 2
POISON = 5_000
FUTURE = 300


def burst(scene: Scene) -> float:
    """A hundred times as many touchpoints for a while; as many as that are sent however long it takes."""
    usual, began = scene.flow.rate, time.monotonic()
    scene.flow.rate = usual * BURST
    scene.flow.wait_sent(int(usual * BURST * BURST_S), WHOLE_S)
    scene.flow.rate = usual
    ended = time.monotonic()
    scene.notes.append(f"{usual * BURST * BURST_S:,.0f} touchpoints in {ended - began:.1f} s")
    return ended


def poison_partition(scene: Scene, count: int = POISON) -> float:
    since = time.monotonic()
    values = [(POISONED, b"poison", value) for value in poison(count, seed=1)]
    send(scene.addresses.kafka_bootstrap, TOPIC, values)
    ended = time.monotonic()
    others = [partition for partition in range(PARTITIONS) if partition != POISONED]
    scene.wait(lambda: scene.watch.freshness.delays(since, ended + 1, others), WHOLE_S, "others are fresh")
    worst = max(scene.watch.freshness.delays(since, ended + 1, others))
    scene.notes.append(
        f"{count:,} poisoned in {ended - since:.1f} s; other partitions were never staler than {worst:.1f} s"
    )
    return ended


class Future:
    """Records of the next version among the others, and whether they could be replayed."""

    def __init__(self) -> None:
        self._sent: list[tuple[dict[str, object], bytes]] = []
        self._codec: Codec | None = None

    def inject(self, scene: Scene) -> float:
        self._codec, made = of_the_future(FUTURE, scene.flow.clock_ms)
        self._sent = [(record, value) for _, record, value in made]
        for at in range(0, FUTURE, 20):
            values = [placed(key, value, PARTITIONS) for key, _, value in made[at : at + 20]]
            send(scene.addresses.kafka_bootstrap, TOPIC, values)
            scene.pause(0.2)
        return time.monotonic()

    def unreplayable(self, scene: Scene) -> list[str]:
        """The ids of those that are no dead letter of the same bytes, or that the next version can't read."""
        assert self._codec is not None
        with ClickHouse(scene.pipeline.settings.clickhouse_url) as client:
            rows = client.query("SELECT hex(original) FROM dead_letters FINAL WHERE reason = 'undecodable'")
        letters = Counter(bytes.fromhex(original) for (original,) in rows)
        missing = [str(record["event_id"]) for record, value in self._sent if letters[value] != 1]
        read = [(record, self._codec.decode(value).record) for record, value in self._sent]
        return missing + [str(record["event_id"]) for record, found in read if not record.items() <= found.items()]

    def after(self, scene: Scene) -> None:
        """AssertionError where some could not be replayed."""
        assert self.unreplayable(scene) == []
        scene.notes.append(f"all {FUTURE} are dead letters, byte for byte, and the next version reads them")
