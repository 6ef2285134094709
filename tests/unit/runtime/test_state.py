"""State in memory: ordered by key, and knows what must be emitted."""

from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.state import MemoryState

keys = st.binary(max_size=3)


def filled(*names: bytes) -> MemoryState:
    state = MemoryState(0)
    for name in names:
        state.put(name, name.decode())
    return state


def test_a_scan_takes_its_start_and_leaves_its_stop_out() -> None:
    state = filled(b"a", b"b", b"bb", b"c", b"d")
    assert list(state.scan(b"b", b"d")) == [(b"b", "b"), (b"bb", "bb"), (b"c", "c")]
    assert [key for key, _ in state.scan(b"b", b"d", reverse=True)] == [b"c", b"bb", b"b"]
    assert list(state.scan(b"b\0", b"bb")) == []


def test_what_is_put_again_is_replaced_and_what_is_deleted_is_gone() -> None:
    state = filled(b"a", b"b")
    state.put(b"a", "new")
    state.delete(b"b")
    state.delete(b"never")
    assert (state.get(b"a"), state.get(b"b"), len(state)) == ("new", None, 1)


def test_what_was_touched_is_told_once_with_its_last_version() -> None:
    state = filled(b"a")
    state.touch(b"a", 3)
    state.touch(b"gone", 4)
    state.touch(b"a", 5)
    assert state.take_changed() == {b"a": 5, b"gone": 4}
    assert state.take_changed() == {}


def test_changes_that_were_taken_do_not_change_any_more() -> None:
    state = MemoryState(0)
    state.touch(b"a", 1)
    taken = state.take_changed()
    state.touch(b"b", 2)
    assert taken == {b"a": 1}


@given(st.dictionaries(keys, st.integers()), st.sets(keys), keys, keys)
def test_state_is_a_dictionary_in_order_of_its_keys(
    entries: dict[bytes, int], deleted: set[bytes], start: bytes, stop: bytes
) -> None:
    state = MemoryState(0)
    for key, value in entries.items():
        state.put(key, value)
    for key in deleted:
        state.delete(key)
    left = {key: value for key, value in entries.items() if key not in deleted}
    between = [(key, left[key]) for key in sorted(left) if start <= key < stop]
    assert list(state.scan(start, stop)) == between
    assert list(state.scan(start, stop, reverse=True)) == between[::-1]
    assert {key: state.get(key) for key in entries} == {key: left.get(key) for key in entries}
