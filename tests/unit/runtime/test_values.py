"""What a stage keeps is read as it was written, also by a later version of it."""

from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.stage import Layout
from streams.runtime.values import Decoded, Values

integers = st.integers(-(2**63), 2**64 - 1)
# Kafka's texts are UTF-8, which has no lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]))


class Place(NamedTuple):
    at: int
    name: str


class Row(NamedTuple):
    first: Place
    places: tuple[Place, ...]
    digest: bytes
    known: bool
    last: Place | None


class Grown(NamedTuple):
    at: int
    name: str
    note: str = "none"
    uses: tuple[Place, ...] = ()


places = st.builds(Place, integers, texts)
rows = st.builds(Row, places, st.lists(places).map(tuple), st.binary(), st.booleans(), st.none() | places)


@given(
    st.tuples(st.just(Row), rows)
    | st.tuples(st.just(tuple[Place, ...]), st.lists(places).map(tuple))
    | st.tuples(st.just(Place), places)
    | st.tuples(st.just(bytes), st.binary())
    | st.tuples(st.just(int), integers)
    | st.tuples(st.just(bool), st.booleans())
    | st.tuples(st.just(str), texts)
)
def test_every_kind_of_value_is_read_as_it_was_written(typed: tuple[Any, Any]) -> None:
    type_, value = typed
    values = Values(Layout({b"k": type_, b"x": bytes}))
    read = values.unpack(b"k1", values.pack(value))
    assert read == value
    assert type(read) is type(value)


def test_tuples_within_are_what_they_were() -> None:
    row = Row(Place(1, "a"), (Place(2, "b"),), b"\x00", True, Place(3, "c"))
    values = Values(Layout({b"k": Row}))
    read = values.unpack(b"k1", values.pack(row))
    assert [type(place) for place in (read.first, read.places[0], read.last)] == [Place] * 3
    assert hash(read) == hash(row)


def test_a_field_added_with_a_default_reads_what_was_packed_without_it() -> None:
    packed = Values(Layout({b"k": Place})).pack(Place(1, "a"))
    assert Values(Layout({b"k": Grown})).unpack(b"k1", packed) == Grown(1, "a", "none", ())


def test_a_version_before_a_field_was_added_refuses_what_has_it() -> None:
    packed = Values(Layout({b"k": Grown})).pack(Grown(1, "a"))
    with pytest.raises(msgspec.ValidationError):
        Values(Layout({b"k": Place})).unpack(b"k1", packed)


def test_the_kind_of_a_key_says_the_type_of_its_value() -> None:
    values = Values(Layout({b"p": Place, b"n": int}, kind_at=2))
    assert values.unpack(b"xxn", values.pack(7)) == 7
    assert values.unpack(b"xxpy", values.pack(Place(1, "a"))) == Place(1, "a")
    with pytest.raises(KeyError):
        values.unpack(b"xxq", values.pack(7))
    with pytest.raises(msgspec.ValidationError):
        values.unpack(b"xxn", values.pack("seven"))


@pytest.mark.parametrize("key", [b"", b"p", b"pp", b"ppx", b"xxy"])
def test_a_key_of_no_declared_kind_is_refused_without_quoting_it(key: bytes) -> None:
    with pytest.raises(ValueError, match=rf"^key of {len(key)} bytes: expected one of the kinds n, p at byte 2$"):
        Values(Layout({b"p": Place, b"n": int}, kind_at=2)).require(key)


def test_one_byte_alone_is_a_key_of_the_runtime() -> None:
    values = Values(Layout({b"p": Place}))
    values.require(b"pp")
    with pytest.raises(ValueError, match="key of 1 bytes"):
        values.require(b"p")


@pytest.mark.parametrize("value", [1 << 64, -(1 << 63) - 1, "\ud800", object()])
def test_what_cannot_be_packed_raises(value: object) -> None:
    with pytest.raises((OverflowError, UnicodeEncodeError, TypeError)):
        Values(Layout({b"k": Place})).pack(value)


def test_what_an_entry_takes_follows_what_is_read_and_written_lately() -> None:
    disk = Decoded(NoDisk(), Values(Layout({b"k": bytes})))
    disk.learn(1_000_000, 1_000_000 * 10)
    small = disk.entry_bytes
    for _ in range(10):
        disk.learn(100_000, 100_000 * 1_000)
    assert disk.entry_bytes > 3 * small


class NoDisk:
    """Never asked."""

    def get(self, key: bytes) -> bytes | None:
        raise NotImplementedError

    scan: Any = get
