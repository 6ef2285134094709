"""How fast IDENTITY's graph takes links, and that a link costs the same whether a thousand or a million came before.

    python tests/bench/identity.py [--most 1000000] [--runs 3]

Ordinary links: most customers log in, and have an e-mail address, a few cookies, devices and click_ids; one in twenty
shares a tablet with another customer, one in five uses one of a few kiosks. All arrive in order of time, customers
interleaved. The state is a dictionary, or what a stage has: the runtime's view over a disk, which is in memory here, in
batches, each packed. Seconds are of CPU; those that the disk itself takes are left out.

The kiosk is one device on which everybody logs in; the hostile star one user_id with more cookies than an island takes
links, in random order: quadratic until the island is full.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

sys.path.insert(0, str(Path(__file__).parents[2]))

from streams.domain.identifiers import Identifier
from streams.domain.identity.entries import KEY_BYTES, TYPES, State
from streams.domain.identity.graph import Graph
from streams.domain.identity.limits import Limits
from streams.domain.identity.links import Link
from streams.runtime.groups import Group
from streams.runtime.stage import Layout
from streams.runtime.views import BatchView, make_view
from tests.bench.figures import Spread

BATCH = 1_000
CACHE_BYTES = 96 << 20
DAY_MS = 86_400_000
#: A customer has more on average.
LINKS_EACH = 6
CUSTOMERS_A_KIOSK = 500
TARGET = 30_000


class Batches(Protocol):
    """A state that is written in batches."""

    @property
    def state(self) -> State: ...
    def pack(self) -> Any: ...
    def settle(self, packed: Any) -> None: ...


class Dictionaries:
    """Entries in memory, those of an identifier in a dictionary of their own."""

    def __init__(self) -> None:
        self._groups: dict[bytes, Group] = {}

    @property
    def state(self) -> State:
        return self

    def get(self, key: bytes) -> Any:
        group = self._groups.get(key[:KEY_BYTES])
        return None if group is None else group.get(key)

    def put(self, key: bytes, value: Any) -> None:
        group = self._groups.get(key[:KEY_BYTES])
        if group is None:
            group = self._groups[key[:KEY_BYTES]] = Group()
        group.set(key, value)

    def delete(self, key: bytes) -> None:
        group = self._groups.get(key[:KEY_BYTES])
        if group is not None:
            group.set(key, None)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, Any]]:
        group = self._groups.get(start[:KEY_BYTES])
        return iter(()) if group is None else group.scan(start, stop, False)

    def pack(self) -> None:
        return None

    def settle(self, packed: None) -> None:
        return None


class Viewed:
    """The runtime's view over a disk in memory."""

    def __init__(self) -> None:
        self._disk = Dictionaries()
        layout = Layout(TYPES, kind_at=KEY_BYTES, group_bytes=KEY_BYTES)
        self.state: BatchView = make_view(0, _Disk(self._disk), layout, CACHE_BYTES)

    def pack(self) -> list[tuple[bytes, bytes | None]]:
        return self.state.pack()

    def settle(self, packed: list[tuple[bytes, bytes | None]]) -> None:
        for key, value in packed:
            self._disk.put(key, value)
        self.state.settle(packed)


class _Disk(NamedTuple):
    entries: Dictionaries

    def get(self, key: bytes) -> bytes | None:
        found: bytes | None = self.entries.get(key)
        return found

    def scan(self, start: bytes, stop: bytes, *, reverse: bool = False) -> Iterator[tuple[bytes, bytes]]:
        return self.entries.scan(start, stop)


STATES: dict[str, Callable[[], Batches]] = {"dictionary": Dictionaries, "view": Viewed}

Name = tuple[str, int]


def ordinary(count: int, seed: int = 1) -> Iterator[Link]:
    """``count`` links of customers who came in the course of three years, in order of time."""
    chance = random.Random(seed)
    found = [*chain.from_iterable(_links_of(number, chance) for number in range(1, 20 + count // LINKS_EACH))]
    found.sort()
    for number, (at, one, other) in enumerate(found[:count]):
        yield Link(_identifier(one), _identifier(other), at, f"event-{number:08}")


def _links_of(customer: int, chance: random.Random) -> Iterator[tuple[int, Name, Name]]:
    begin = chance.randrange(1000 * DAY_MS)

    def at() -> int:
        return begin + int(chance.expovariate(1 / (30 * DAY_MS)))

    user, email = ("user_id", customer), ("email_sha256", customer)
    cookies = [("cookie_id", customer * 100 + n) for n in range(1 + min(9, int(chance.expovariate(0.5))))]
    devices = [("device_id", customer * 100 + n) for n in range(chance.choice((0, 1, 1, 2)))]
    clicks = [("click_id", customer * 100 + n) for n in range(min(20, int(chance.expovariate(0.4))))]
    known = chance.random() < 0.8
    if known:
        yield at(), user, email
        yield from ((at(), user, thing) for thing in (*cookies, *devices))
        if chance.random() < 0.05:
            yield at(), user, ("device_id", customer * 100 + 50)
            yield at(), ("user_id", customer + 1), ("device_id", customer * 100 + 50)
        if chance.random() < 0.2:
            yield at(), user, ("device_id", 100 * (customer // CUSTOMERS_A_KIOSK) + 99)
    for click in clicks:
        if chance.random() < 0.7:
            yield at(), email, click
        yield at(), chance.choice(cookies), click


def _identifier(name: Name) -> Identifier:
    namespace, number = name
    if namespace == "email_sha256":
        return Identifier(namespace, f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" * 4)
    return Identifier(namespace, f"{number:012x}")


def kiosk(count: int) -> Iterator[Link]:
    """One device on which ``count`` users log in."""
    hub = Identifier("device_id", "kiosk")
    for at in range(count):
        yield Link(_identifier(("user_id", at + 1)), hub, at, f"event-{at:08}")


def star(count: int, seed: int = 1) -> Iterator[Link]:
    """One user_id with ``count`` cookies."""
    hub = Identifier("user_id", "test")
    for at in random.Random(seed).sample(range(count), count):
        yield Link(hub, Identifier("cookie_id", f"{at:012x}"), at, f"event-{at:08}")


class Outcome(NamedTuple):
    """``us`` of CPU a link; ``slowest`` batch, in ms; ``cut``: links joined anew, a link."""

    us: float
    slowest_ms: float
    moves: float
    cut: float


def measure(links: Iterator[Link], made: Batches) -> Outcome:
    """Take ``links`` in batches; making them isn't counted."""
    graph = Graph(made.state, Limits())
    taken, spent, slowest, moves, cut = 0, 0.0, 0.0, 0, 0
    while batch := [*islice(links, BATCH)]:
        started = time.process_time()
        for version, link in enumerate(batch, taken + 1):
            changes = graph.link(link, version)
            cut += changes.recut
            moves += len(changes.moves)
        packed = made.pack()
        took = time.process_time() - started
        made.settle(packed)
        # What stands for a disk is nothing that a worker's garbage collection would walk.
        gc.freeze()
        spent += took
        slowest = max(slowest, took)
        taken += len(batch)
    return Outcome(spent / taken * 1e6, slowest * 1e3, moves / taken, cut / taken)


def show(name: str, count: int, outcomes: Sequence[Outcome]) -> None:
    """One line of the table."""
    rates = Spread.of(1e6 / one.us for one in outcomes)
    best = min(outcomes)
    print(
        f"{name:<12}{count:10,}{rates.text}{best.us:8.1f}{best.slowest_ms:9.1f}{best.moves:7.2f}{best.cut:7.2f}"
        f"{rates.max / TARGET:8.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    # As a worker does.
    gc.set_threshold(50_000, 50, 100)
    print(
        f"{'state':<12}{'links':>10}{'min/s':>10}{'median/s':>10}{'max/s':>10}{'us CPU':>8}{'batch ms':>9}"
        f"{'moves':>7}{'cut':>7}{'target':>8}"
    )
    for name, make in STATES.items():
        for count in (size for size in (1_000, 10_000, 100_000, 1_000_000) if size <= options.most):
            show(name, count, [measure(ordinary(count), make()) for _ in range(options.runs)])
    for name, make in STATES.items():
        for of, links, count in (("kiosk", kiosk, options.most // 10), ("star", star, 10_000)):
            show(f"{of}, {name[:4]}.", count, [measure(links(count), make()) for _ in range(options.runs)])


if __name__ == "__main__":
    main()
