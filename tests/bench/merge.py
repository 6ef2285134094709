"""How long it takes until two customers with long histories are one, and how long others wait meanwhile.

    python tests/bench/merge.py [--pieces 100,250,500,1000,2000] [--runs R] [--history N] [--rate N] [--json]

One local Kafka and one worker of CUSTOMERS, as they run by default. Two customers, each with a year of touchpoints in
visits and a purchase now and then, both on the partition that has ordinary traffic of others too:

    others      . . . . . . . . . . . . . . . . . . . . . . . . . . . .     touchpoints, evenly
    identity          IdentifiersMoved: A's only identifier is B's
    customers         |-- hand-overs, piece by piece; A's and B's rows --|
                      |<---------------- merged after ------------------>|

All times are the broker's, which stamps each record when it has it: the last row of A or B behind the move, and for
each ordinary touchpoint the first row that goes up to it. Nothing is read before all is over.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import sys
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping
from itertools import chain, count, product
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

sys.path.insert(0, str(Path(__file__).parents[2]))

from figures import Spread
from prepared import Prepared, send

from deploy.local.ports import free_ports
from deploy.local.processes import Addresses, ProcessSpec
from deploy.local.stack import Stack
from schemas.codec import encode
from schemas.columns import decode_columns
from schemas.pieces import header
from streams import composition, topic_admin, topics
from streams.domain.identifiers import Identifier
from streams.domain.ids import customer_id
from streams.domain.touchpoint import Touchpoint
from streams.local import PARTITIONS, variables
from streams.offsets import wait_until_drained
from streams.runtime.partitioner import partition_of
from tests.unit.builders import DAY, MIDNIGHT, MINUTE, purchase, resolved_record, touch

PARTITION = 0
HISTORY_MS = 365 * DAY
VISIT = 8
#: Of the visits; so journeys have 40 touchpoints.
BUYING = 0.2
CHANNELS = ("web", "email", "mobile")
OTHERS = 200
#: Of traffic before identifiers move, and in all.
BEFORE_S, TRAFFIC_S = 1.5, 8.0
DEADLINE_S = 120
#: A merge, and another's touchpoint: what is wanted.
WANTED_S, WANTED_MS = 1.0, 100
NO_MERGE = 0
CUSTOMERS = {"customers": composition.GROUPS["customers"]}
RESOLVED = header("resolved_touchpoint")


class Run(NamedTuple):
    """``merged_s`` from the move to the last row of either, 0 without a move; ``rows`` of theirs on the way; how long
    the touchpoints of others waited meanwhile, the one in the middle and the longest."""

    merged_s: float
    rows: int
    typical_ms: float
    longest_ms: float


class Cast(NamedTuple):
    """Who is in a run: the identifier that moves, the one whose customer it joins, and those of others."""

    leaving: Identifier
    staying: Identifier
    others: list[Identifier]


class Row(NamedTuple):
    """A journey's row, and when it came to the topic; times in ms UTC."""

    came_at: int
    customer: str
    journey: str
    ended_at: int
    touchpoints: int


def make_cast(name: str) -> Cast:
    """People who are in no other run, all on one partition."""
    cookies = (Identifier("cookie_id", f"{name}-{number}") for number in count())
    ours = (c for c in cookies if partition_of(customer_id(c).encode(), PARTITIONS) == PARTITION)
    return Cast(next(ours), next(ours), [next(ours) for _ in range(OTHERS)])


def make_history(via: Identifier, touchpoints: int) -> Iterator[Touchpoint]:
    """``touchpoints`` of a year: visits at any time, each on a channel, a fifth of them ending with a purchase."""
    chance = random.Random(via.value)
    for at in sorted(MIDNIGHT + chance.randrange(HISTORY_MS) for _ in range(touchpoints // VISIT)):
        channel, buys = chance.choice(CHANNELS), chance.random() < BUYING
        for step in range(VISIT):
            name, happened = f"{chance.getrandbits(64):016x}", at + step * MINUTE
            if buys and step == VISIT - 1:
                yield purchase(name, happened, name, channel, via=via.text)
            else:
                yield touch(name, happened, channel, via=via.text, has_acquisition=step == 0)


def prepared(touchpoint: Touchpoint) -> Prepared:
    """As INTAKE sends it."""
    record = resolved_record(touchpoint)
    return Prepared(topics.ACTIVITY, PARTITION, record.key, record.value or b"")


def make_move(cast: Cast, piece: int) -> Prepared:
    """As IDENTITY sends it."""
    from_, to = customer_id(cast.leaving), customer_id(cast.staying)
    fields = {"from": from_, "to": to, "version": 1, "cause": "merge", "cause_event_id": "e", "piece": piece}
    value = encode("identifiers_moved", {**fields, "identifiers": [cast.leaving.text]})
    return Prepared(topics.ACTIVITY, PARTITION, from_.encode(), value)


def run_once(bootstrap: str, cast: Cast, move: Prepared | None, history: int, rate: int) -> Run:
    """Two customers, merged by ``move`` or not at all, beside others' touchpoints, ``rate`` a second."""
    places = [TopicPartition(topic, PARTITION) for topic in (topics.ACTIVITY, topics.JOURNEYS)]
    histories = [[prepared(touchpoint) for touchpoint in make_history(via, history)] for via in cast[:2]]
    began = asyncio.run(_ends(bootstrap, places))
    send(bootstrap, chain.from_iterable(histories))
    wait_until_drained(bootstrap, CUSTOMERS, DEADLINE_S)
    begins = asyncio.run(_ends(bootstrap, places[:1])) | {places[1]: began[places[1]]}
    moved_at = asyncio.run(_traffic(bootstrap, cast, move, rate))
    wait_until_drained(bootstrap, CUSTOMERS, DEADLINE_S)
    sent, written = asyncio.run(_read(bootstrap, begins)).values()
    return look(cast, _came(sent), _rows(written), moved_at, sum(map(len, histories)))


async def _traffic(bootstrap: str, cast: Cast, move: Prepared | None, rate: int) -> int:
    """Send touchpoints of others evenly, and ``move`` among them; gives the broker's time of that, 0 without."""
    touchpoints = [
        prepared(touch(f"{number}", MIDNIGHT + number // OTHERS * 10 * MINUTE, via=cast.others[number % OTHERS].text))
        for number in range(int(rate * TRAFFIC_S))
    ]
    moved_at = 0
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        started = time.monotonic()
        for number, one in enumerate(touchpoints):
            await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))
            if move is not None and number == int(rate * BEFORE_S):
                moved_at = (await producer.send_and_wait(move.topic, move.value, move.key, move.partition)).timestamp
            await producer.send(one.topic, one.value, one.key, one.partition)
    return moved_at


async def _ends(bootstrap: str, places: list[TopicPartition]) -> dict[TopicPartition, int]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
        return ends


async def _read(
    bootstrap: str, begins: Mapping[TopicPartition, int]
) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
    """The records of each place from its offset in ``begins`` on."""
    found: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = {place: [] for place in begins}
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        consumer.assign([*begins])
        for place, offset in begins.items():
            consumer.seek(place, offset)
        ends = await consumer.end_offsets([*begins])
        while any([await consumer.position(place) < ends[place] for place in begins]):
            for place, records in (await consumer.getmany(timeout_ms=1000)).items():
                found[place] += records
    return found


def _came(sent: list[ConsumerRecord[bytes, bytes]]) -> list[tuple[int, str, int]]:
    """When each touchpoint came, whose it is and when it occurred."""
    resolved = [record for record in sent if record.value.startswith(RESOLVED)]
    outer = decode_columns([record.value for record in resolved], "resolved_touchpoint")
    inner = decode_columns(outer.column("touchpoint"), "touchpoint")
    came_at = [record.timestamp for record in resolved]
    return [*zip(came_at, outer.column("to"), inner.column("occurred_at"), strict=True)]


def _rows(written: list[ConsumerRecord[bytes, bytes]]) -> list[Row]:
    columns = decode_columns([record.value for record in written], "journey")
    fields = map(columns.column, ("customer_id", "journey_id", "ended_at", "touchpoints"))
    return [Row(record.timestamp, *row) for record, *row in zip(written, *fields, strict=True)]


def look(cast: Cast, came: list[tuple[int, str, int]], rows: list[Row], moved_at: int, expected: int) -> Run:
    """What happened; SystemExit unless all touchpoints are in the rows of who they belong to."""
    leaving, staying = map(customer_id, cast[:2])
    require(rows, {staying: expected, leaving: 0} if moved_at else {})
    require(rows, Counter(customer for _, customer, _ in came))
    merging = [row for row in rows if row.customer in (leaving, staying) and row.came_at >= moved_at > 0]
    ended_at = merging[-1].came_at if merging else 0
    waits = sorted(wait for at, wait in waits_of(came, rows) if not moved_at or moved_at - WANTED_MS <= at <= ended_at)
    return Run((ended_at - moved_at) / 1000, len(merging), statistics.median(waits), waits[-1])


def require(rows: list[Row], touchpoints: Mapping[str, int]) -> None:
    """SystemExit unless each customer's journeys, as they were told last, have so many."""
    last = {row.journey: row for row in rows}
    found = Counter[str]()
    for row in last.values():
        found[row.customer] += row.touchpoints
    wrong = {customer: number for customer, number in touchpoints.items() if found[customer] != number}
    if wrong:
        raise SystemExit(f"journeys should have {wrong}, they have { {c: found[c] for c in wrong} }")


def waits_of(came: list[tuple[int, str, int]], rows: list[Row]) -> Iterator[tuple[int, int]]:
    """When each touchpoint came, and how long it waited for the first row that goes up to it, in ms."""
    waiting: dict[str, deque[tuple[int, int]]] = defaultdict(deque)
    for at, customer, occurred_at in came:
        waiting[customer].append((at, occurred_at))
    for row in rows:
        queue = waiting[row.customer]
        while queue and queue[0][1] <= row.ended_at:
            at, _ = queue.popleft()
            yield at, row.came_at - at


def show(runs: Mapping[int, list[Run]], history: int, rate: int) -> None:
    """The table, with what has to be known to read it."""
    print(f"{history:,} touchpoints each, {rate} of others a second on the same partition; {len(runs[0])} runs each")
    print(f"{'':<10}{'merged after, s':^24}{'rows':>9}{'longest wait of others, ms':^30}{'typical':>9}")
    print(f"{'piece':<10}{'min':>8}{'median':>8}{'max':>8}{'':>9}{'min':>10}{'median':>10}{'max':>10}{'ms':>9}")
    for piece, ones in runs.items():
        merged, longest = Spread.of(one.merged_s for one in ones), Spread.of(one.longest_ms for one in ones)
        rows, typical = (statistics.median(getattr(one, name) for one in ones) for name in ("rows", "typical_ms"))
        times = f"{merged.min:8.2f}{merged.median:8.2f}{merged.max:8.2f}{rows:9,.0f}" if piece else " " * 33
        print(f"{piece or 'no merge':<10}{times}{longest.text}{typical:9,.0f}")
    print(f"wanted: merged within {WANTED_S:g} s, no wait of {WANTED_MS} ms or more. rows: of both, on the way.")


def as_json(runs: Mapping[int, list[Run]]) -> str:
    """One line: piece (0: no merge) -> of each figure median, min and max."""
    figures = {
        piece: {name: Spread.of(getattr(one, name) for one in ones)._asdict() for name in Run._fields}
        for piece, ones in runs.items()
    }
    return json.dumps(figures)


def start_worker(stack: Stack, addresses: Addresses) -> None:
    """One worker of CUSTOMERS, with its topics."""
    (port,) = free_ports(1)
    folder = {"OMNIJOURNEY_STATE_DIR": str(stack.folder / "state"), "OMNIJOURNEY_HTTP_PORT": str(port)}
    topic_admin.apply(addresses.kafka_bootstrap, topics.declared(PARTITIONS, PARTITIONS), 1)
    argv = (sys.executable, "-m", "streams.cli", "worker", "customers")
    ready = f"http://127.0.0.1:{port}/ready"
    stack.add([ProcessSpec("customers", argv, {**variables(addresses), **folder}, ready, restart=False)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pieces", default="100,250,500,1000,2000", help="touchpoints handed over at once")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--history", type=int, default=10_000, help="touchpoints of each customer")
    parser.add_argument("--rate", type=int, default=300, help="touchpoints of others a second")
    parser.add_argument("--json", action="store_true", help="one JSON line last")
    options = parser.parse_args()
    # As an exception it ends the stack.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    runs: dict[int, list[Run]] = {piece: [] for piece in (NO_MERGE, *map(int, options.pieces.split(",")))}
    stack = Stack(f"bench-merge-{os.getpid()}")
    addresses = stack.up(owner=os.getpid())
    try:
        stack.remove("clickhouse")
        start_worker(stack, addresses)
        for number, piece in product(range(options.runs), runs):
            cast = make_cast(f"run-{number}-{piece}")
            move = make_move(cast, piece) if piece else None
            runs[piece].append(run_once(addresses.kafka_bootstrap, cast, move, options.history, options.rate))
            print(f"  run {number + 1}, {piece or 'no merge'}: {runs[piece][-1]}", file=sys.stderr)
    finally:
        stack.down(purge=True)
    show(runs, options.history, options.rate)
    if options.json:
        print(as_json(runs))


if __name__ == "__main__":
    main()
