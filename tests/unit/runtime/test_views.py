"""A view is a dictionary in order of its keys, whatever is cached, evicted, read through, settled or thrown away."""

import atexit
import tracemalloc
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sortedcontainers import SortedDict

from streams.runtime.failures import StageRaised
from streams.runtime.groups import end_of, overlaid
from streams.runtime.stage import Layout
from streams.runtime.store import DiskLimits, Disks, Fence, Store
from streams.runtime.values import Values
from streams.runtime.views import BatchView, GroupView, PointView, make_view

LIMITS = DiskLimits(block_cache_bytes=1 << 20, write_buffer_bytes=1 << 20, trusted_for_s=60.0)
#: Behind every key that these tests make.
BEHIND = b"\xff" * 40


class Word(NamedTuple):
    text: str
    uses: tuple[int, ...] = ()


POINTS = Layout({b"w": Word, b"n": int})
GROUPS = Layout({b"w": Word, b"n": int}, kind_at=2, group_bytes=2)


@pytest.fixture
def disks(tmp_path: Path) -> Disks:
    return Disks(tmp_path, "test", LIMITS)


@pytest.fixture
def store(disks: Disks) -> Iterator[Store]:
    store = disks.open(0)
    yield store
    store.close()


def settle(view: BatchView, store: Store) -> None:
    """The end of a batch."""
    packed = view.pack()
    store.write(packed, None, None)
    view.settle(packed)


@cache
def opened_once() -> Store:
    """One store for all examples, each of which begins by emptying it: opening waits for the disk."""
    folder = mkdtemp()
    atexit.register(rmtree, folder)
    return Disks(Path(folder), "test", LIMITS).open(0)


class Views(RuleBasedStateMachine):
    """``model`` is what a view must show, ``durable`` what is on disk."""

    layout: Layout
    keys: st.SearchStrategy[bytes]

    def __init__(self) -> None:
        super().__init__()
        self.store = opened_once()
        left = [(key, None) for key, _ in self.store.scan(b"", BEHIND)]
        # Reserved keys, which no view may ever show.
        self.store.write(left, Fence({"topic": 7}, 1), None)
        self.model: SortedDict[bytes, Any] = SortedDict()
        self.durable: SortedDict[bytes, Any] = SortedDict()
        self.touched: dict[bytes, int] = {}

    def make(self, cache_bytes: int) -> BatchView:
        raise NotImplementedError

    @initialize(cache_bytes=st.sampled_from([0, 2_000, 5_000, 1 << 20]))
    def begin(self, cache_bytes: int) -> None:
        self.cache_bytes = cache_bytes
        self.view = self.make(cache_bytes)

    @rule(data=st.data(), text=st.text(max_size=30), uses=st.lists(st.integers(-(2**63), 2**64 - 1), max_size=3))
    def put(self, data: st.DataObject, text: str, uses: list[int]) -> None:
        key = data.draw(self.keys)
        number = key[self.layout.kind_at : self.layout.kind_at + 1] == b"n"
        value = len(text) if number else Word(text, tuple(uses))
        self.view.put(key, value)
        self.model[key] = value

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        key = data.draw(self.keys)
        self.view.delete(key)
        self.model.pop(key, None)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete_one_that_is_there(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(self.model.keys()))
        self.view.delete(key)
        del self.model[key]
        assert self.view.get(key) is None

    @rule(data=st.data())
    def get(self, data: st.DataObject) -> None:
        key = data.draw(self.keys)
        assert self.view.get(key) == self.model.get(key)

    @rule()
    def get_every_one(self) -> None:
        assert {key: self.view.get(key) for key in self.model} == self.model

    @rule(data=st.data(), version=st.integers(0, 9))
    def touch(self, data: st.DataObject, version: int) -> None:
        key = data.draw(self.keys)
        self.view.touch(key, version)
        self.touched[key] = version

    @rule()
    def take_changed(self) -> None:
        assert self.view.take_changed() == self.touched
        self.touched = {}

    @rule()
    def settle(self) -> None:
        settle(self.view, self.store)
        self.durable = self.model.copy()
        on_disk = {key: self.unpack(key, packed) for key, packed in self.store.scan(b"", BEHIND)}
        assert on_disk == self.durable
        assert self.view.pack() == []
        assert not self.view.full

    @rule()
    def abandon(self) -> None:
        self.view.abandon()
        self.model = self.durable.copy()
        self.touched = {}
        assert self.view.pack() == []

    @rule()
    def restart(self) -> None:
        self.view = self.make(self.cache_bytes)
        self.model = self.durable.copy()
        self.touched = {}

    @invariant()
    def never_counts_below_nothing(self) -> None:
        assert self.view.cached >= 0

    def unpack(self, key: bytes, packed: bytes) -> Any:
        return Values(self.layout).unpack(key, packed)


class PointViews(Views):
    layout = POINTS
    keys = st.builds(
        lambda kind, rest: kind + rest, st.sampled_from([b"w", b"n"]), st.sampled_from([b"\x00", b"a", b"ab"])
    )

    def make(self, cache_bytes: int) -> BatchView:
        return PointView(0, self.store, Values(POINTS), cache_bytes)


#: 0x00 and 0xff are where the order of keys, and the reserved ones, have their edges.
groups = st.sampled_from([b"\x00\x00", b"\x00\xff", b"ab", b"ac", b"\xff\xfe", b"\xff\xff"])
rests = st.sampled_from([b"", b"\x00", b"\x00\x00", b"a", b"b", b"\xff", b"\xff" * 20])
kinds = st.sampled_from([b"w", b"n"])
bounds = rests | st.builds(bytes.__add__, kinds, rests)


class GroupViews(Views):
    layout = GROUPS
    keys = st.builds(lambda group, kind, rest: group + kind + rest, groups, kinds, rests)

    def make(self, cache_bytes: int) -> BatchView:
        return GroupView(0, self.store, Values(GROUPS), cache_bytes, group_bytes=2, widest=4)

    @rule(group=groups, entries=st.integers(3, 6))
    def fill(self, group: bytes, entries: int) -> None:
        for number in range(entries):
            key = group + b"n" + bytes([number])
            self.view.put(key, number)
            self.model[key] = number

    @rule(group=groups, start=bounds, stop=bounds, reverse=st.booleans())
    def scan(self, group: bytes, start: bytes, stop: bytes, reverse: bool) -> None:
        self.compare(group + start, group + stop, reverse)

    @rule(group=groups, reverse=st.booleans())
    def scan_all_of_a_group(self, group: bytes, reverse: bool) -> None:
        self.compare(group, end_of(group), reverse)

    @rule(group=groups, taken=st.integers(0, 3), reverse=st.booleans())
    def scan_and_leave_off(self, group: bytes, taken: int, reverse: bool) -> None:
        scan = self.view.scan(group, end_of(group), reverse=reverse)
        found = [entry for _, entry in zip(range(taken), scan, strict=False)]
        assert found == self.expected(group, end_of(group), reverse)[:taken]

    def compare(self, start: bytes, stop: bytes, reverse: bool) -> None:
        assert list(self.view.scan(start, stop, reverse=reverse)) == self.expected(start, stop, reverse)

    def expected(self, start: bytes, stop: bytes, reverse: bool) -> list[tuple[bytes, Any]]:
        return [(key, self.model[key]) for key in self.model.irange(start, stop, (True, False), reverse)]


TestPointViews = PointViews.TestCase
TestGroupViews = GroupViews.TestCase
TestPointViews.settings = settings(max_examples=40, stateful_step_count=40)
TestGroupViews.settings = settings(max_examples=100, stateful_step_count=50)


@pytest.mark.parametrize("layout", [POINTS, GROUPS])
def test_none_is_no_value(store: Store, layout: Layout) -> None:
    with pytest.raises(ValueError, match="delete the key instead"):
        make_view(0, store, layout, 1 << 20).put(b"wwww", None)


@pytest.mark.parametrize("layout", [POINTS, GROUPS])
def test_a_value_that_cannot_be_packed_is_the_stages_failure(store: Store, layout: Layout) -> None:
    view = make_view(0, store, layout, 1 << 20)
    view.put(b"nnnn", 1 << 64)
    with pytest.raises(StageRaised, match=r"^OverflowError at views\.py:\d+$"):
        view.pack()
    view.abandon()
    assert (view.pack(), view.get(b"nnnn")) == ([], None)


@pytest.mark.parametrize(
    ("layout", "key"),
    [(POINTS, b""), (POINTS, b"w"), (POINTS, b"xx"), (GROUPS, b"ab"), (GROUPS, b"abx"), (GROUPS, b"w")],
)
def test_a_key_that_could_never_be_read_again_is_refused(store: Store, layout: Layout, key: bytes) -> None:
    view = make_view(0, store, layout, 1 << 20)
    with pytest.raises(ValueError, match="expected one of the kinds n, w"):
        view.put(key, 1)
    assert (view.written, view.pack()) == ({}, [])


def test_a_key_shorter_than_its_group_is_refused(store: Store) -> None:
    view = make_view(0, store, Layout({b"n": int}, kind_at=0, group_bytes=4), 1 << 20)
    for step in (lambda: view.put(b"nab", 1), lambda: view.get(b"nab"), lambda: view.scan(b"nab", b"nac")):
        with pytest.raises(ValueError, match="key of 3 bytes: its group takes 4"):
            step()
    assert view.pack() == []


def test_a_stage_cannot_delete_what_the_runtime_keeps(store: Store) -> None:
    store.write([], Fence({"topic": 7}, 1), None)
    with pytest.raises(KeyError):
        make_view(0, store, POINTS, 1 << 20).delete(b"\x00")
    view = make_view(0, store, Layout({b"n": int}, kind_at=1, group_bytes=1), 1 << 20)
    view.delete(b"\x00")
    assert view.pack() == []


@pytest.mark.parametrize("layout", [POINTS, GROUPS])
def test_deleting_what_is_not_there_changes_nothing(store: Store, layout: Layout) -> None:
    view = make_view(0, store, layout, 1 << 20)
    view.delete(b"nnnn")
    assert view.pack() == []


def test_a_scan_stays_within_its_group(store: Store) -> None:
    view = make_view(0, store, GROUPS, 1 << 20)
    with pytest.raises(ValueError, match="leaves the group"):
        view.scan(b"abn", b"acn")
    with pytest.raises(ValueError, match="leaves the group"):
        view.scan(b"\xff\xfen", b"\xff\xffn")
    assert list(view.scan(b"abn", b"ac")) == []


def test_a_layout_without_groups_has_no_scans(store: Store) -> None:
    with pytest.raises(ValueError, match="no group_bytes"):
        make_view(0, store, POINTS, 1 << 20).scan(b"w", b"x")


def numbered(group: bytes, entries: int) -> list[tuple[bytes, int]]:
    return [(group + b"n" + number.to_bytes(2, "big"), number) for number in range(entries)]


def test_a_long_scan_ends_early_goes_both_ways_and_tells_when_the_group_is_changed_under_it(store: Store) -> None:
    view = make_view(0, store, GROUPS, 1 << 20)
    entries = numbered(b"ab", 1_000)
    for key, number in reversed(entries):
        view.put(key, number)
    assert list(view.scan(b"ab", b"ac")) == entries
    assert list(view.scan(b"ab", b"ac", reverse=True)) == entries[::-1]
    assert next(view.scan(entries[0][0], entries[900][0], reverse=True)) == entries[899]
    scan = view.scan(b"ab", b"ac")
    next(scan)
    view.delete(entries[999][0])
    with pytest.raises(RuntimeError, match="changed while it was read"):
        list(scan)


def test_what_is_cached_is_not_read_from_disk_again(store: Store) -> None:
    for layout, misses in ((POINTS, 3), (GROUPS, 1)):
        view = make_view(0, store, layout, 1 << 20)
        keys = [b"nnn" + bytes([number]) for number in range(3)]
        store.write([(key, b"\x07") for key in keys], None, None)
        assert [view.get(key) for key in keys * 10] == [7] * 30
        assert (view.misses, view.hits) == (misses, 30 - misses)


def test_groups_used_longest_ago_make_room_within_a_batch(store: Store) -> None:
    names = [number.to_bytes(2, "big") for number in range(100)]
    store.write([(key, b"\x07") for name in names for key, _ in numbered(name, 9)], None, None)
    view = make_view(0, store, GROUPS, cache_bytes=206 * 10 * 20)
    for name in names:
        view.get(name + b"n")
        view.settle([])
        assert not view.full
    view.hits = view.misses = 0
    for name in names[-15:]:
        view.get(name + b"n")
    assert (view.hits, view.misses) == (15, 0)
    for name in names[:40]:
        view.get(name + b"n")
    # Those of this batch stay, even beyond the bound.
    assert (view.hits, view.misses, view.full) == (15, 40, True)
    view.settle([])
    assert not view.full


def test_a_group_that_grew_too_wide_leaves_the_cache_and_returns_when_it_has_shrunk(store: Store) -> None:
    view = GroupView(0, store, Values(GROUPS), 1 << 20, group_bytes=2, widest=10)
    entries = numbered(b"ab", 11)
    for key, number in entries:
        view.put(key, number)
    assert view.cached == 12
    settle(view, store)
    assert view.cached == 1
    assert list(view.scan(b"ab", b"ac")) == entries
    for key, _ in entries[5:]:
        view.delete(key)
    settle(view, store)
    afresh = GroupView(0, store, Values(GROUPS), 1 << 20, group_bytes=2, widest=10)
    assert list(afresh.scan(b"ab", b"ac")) == list(view.scan(b"ab", b"ac")) == entries[:5]
    assert afresh.cached == 6


def test_the_oldest_points_go_first_and_never_what_the_batch_wrote(store: Store) -> None:
    view = make_view(0, store, POINTS, cache_bytes=206 * 100)
    keys = [b"n" + number.to_bytes(2, "big") for number in range(300)]
    for key in keys:
        view.put(key, 7)
    assert view.full
    assert [view.get(key) for key in keys] == [7] * 300
    settle(view, store)
    assert 70 <= view.cached <= 100
    view.hits = view.misses = 0
    assert [view.get(key) for key in keys[-70:]] == [7] * 70
    assert (view.hits, view.misses) == (70, 0)
    assert [view.get(key) for key in keys[:70]] == [7] * 70
    assert (view.hits, view.misses) == (70, 70)


@pytest.mark.parametrize("count", [9, 10, 11, 12])
def test_a_group_is_cached_whole_or_not_at_all(store: Store, count: int) -> None:
    entries = numbered(b"ab", count)
    store.write([(key, Values(GROUPS).pack(number)) for key, number in entries], None, None)
    view = GroupView(0, store, Values(GROUPS), 1 << 20, group_bytes=2, widest=10)
    assert list(view.scan(b"ab", b"ac")) == entries
    assert [view.get(key) for key, _ in entries] == list(range(count))
    assert view.cached == 1 + (count if count <= 10 else 0)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_of_a_wide_group_has_its_start_and_not_its_stop(store: Store, reverse: bool) -> None:
    entries = numbered(b"ab", 20)
    store.write([(key, Values(GROUPS).pack(number)) for key, number in entries], None, None)
    view = GroupView(0, store, Values(GROUPS), 1 << 20, group_bytes=2, widest=10)
    for key, number in entries:
        if number % 2:
            view.put(key, number)
    for start, stop in ((3, 7), (4, 8), (5, 5), (7, 4)):
        found = list(view.scan(entries[start][0], entries[stop][0], reverse=reverse))
        assert sorted(found) == entries[start:stop]


def test_what_was_thrown_away_counts_no_more(store: Store) -> None:
    view = make_view(0, store, GROUPS, 1 << 20)
    store.write([(key, b"\x07") for key, _ in numbered(b"ab", 5)], None, None)
    for key, number in numbered(b"ab", 9):
        view.put(key, number)
    assert view.cached == 10
    view.abandon()
    assert view.cached == 0
    assert len(list(view.scan(b"ab", b"ac"))) == 5
    assert view.cached == 6


@pytest.mark.parametrize(
    ("layout", "group", "word"),
    [
        (POINTS, 1, Word("")),
        (POINTS, 1, Word("x" * 20, (1 << 40, 1 << 41))),
        (GROUPS, 1, Word("")),
        (GROUPS, 30, Word("x" * 20, (1 << 40, 1 << 41))),
        (GROUPS, 200, Word("x" * 100)),
    ],
)
def test_a_cache_takes_about_what_it_may(store: Store, layout: Layout, group: int, word: Word) -> None:
    cache_bytes = 2_000_000
    names = [((number // group).to_bytes(2, "big"), bytes([number % group])) for number in range(20_000)]
    keys = [b"w" + name + rest if layout is POINTS else name + b"w" + rest for name, rest in names]
    packed = Values(layout).pack(word)
    store.write([(key, packed) for key in keys], None, None)
    view = make_view(0, store, layout, cache_bytes)
    tracemalloc.start()
    try:
        for key in keys:
            view.get(key)
            view.settle([])
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert cache_bytes / 4 < taken < cache_bytes * 1.3


@given(st.binary(min_size=1, max_size=4), st.binary(max_size=4), st.binary(max_size=8))
def test_the_end_of_a_prefix_is_behind_all_that_begin_with_it_and_nothing_else(
    prefix: bytes, rest: bytes, other: bytes
) -> None:
    assert prefix + rest < end_of(prefix)
    assert other.startswith(prefix) or not prefix <= other < end_of(prefix)


entries = st.dictionaries(st.binary(max_size=2), st.integers(0, 9))


@given(entries, st.dictionaries(st.binary(max_size=2), st.none() | st.integers(0, 9)), st.booleans())
def test_what_a_batch_wrote_lies_over_what_is_on_disk(
    disk: dict[bytes, int], mine: dict[bytes, int | None], reverse: bool
) -> None:
    merged = {key: value for key, value in (disk | mine).items() if value is not None}
    found = overlaid(iter(sorted(disk.items(), reverse=reverse)), iter(ordered(mine, reverse)), reverse)
    assert list(found) == ordered(merged, reverse)


def ordered(of: dict[bytes, Any], reverse: bool) -> list[tuple[bytes, Any]]:
    return [(key, of[key]) for key in sorted(of, reverse=reverse)]
