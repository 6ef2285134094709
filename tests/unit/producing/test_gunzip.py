"""Gzip that gives all it can, and says where it ends too early."""

import gzip
import io
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.producing.gunzip import CHUNK, Gunzip

TEXT = b"".join(b"%d touchpoints of %d customers\n" % (i, i * 7919 % 1000) for i in range(20_000))
PACKED = gzip.compress(TEXT)


def unpack(data: bytes) -> tuple[bytes, str]:
    packed = Gunzip(io.BytesIO(data))
    return io.BufferedReader(packed).read(), packed.damage


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4), st.integers(0, 600))
def test_members_one_after_the_other_with_padding_are_one_stream(parts: list[bytes], padding: int) -> None:
    data = b"".join(gzip.compress(part) for part in parts) + b"\0" * padding
    assert unpack(data) == (b"".join(parts), "")


def test_what_unpacks_to_much_more_is_read_piece_by_piece() -> None:
    packed = Gunzip(io.BytesIO(gzip.compress(bytes(50_000_000))))
    buffer = bytearray(10_000)
    total = 0
    while read := packed.readinto(buffer):
        total += read
    assert (total, packed.damage) == (50_000_000, "")


@pytest.mark.parametrize("cut", [0, 1, 9, 10, 11, 5000, CHUNK, CHUNK + 1, len(PACKED) - 9, len(PACKED) - 8])
def test_a_file_that_was_cut_gives_what_is_there_and_says_so(cut: int) -> None:
    data, damage = unpack(PACKED[:cut])
    assert TEXT.startswith(data)
    assert f"stops after {cut} bytes" in damage
    # The standard library's unpacker is the judge of what is there.
    assert data == zlib.decompressobj(31).decompress(PACKED[:cut])


@pytest.mark.parametrize("place", [0, 3, 300, CHUNK - 1, CHUNK, CHUNK + 500, len(PACKED) - 6])
def test_a_damaged_byte_costs_only_what_comes_after_it(place: int) -> None:
    damaged = bytearray(PACKED)
    damaged[place : place + 3] = random.Random(1).randbytes(3)
    data, damage = unpack(bytes(damaged))
    assert damage
    intact = zlib.decompressobj(31).decompress(PACKED[:place]) if place > 10 else b""
    assert data.startswith(intact)


@given(st.data())
def test_any_damage_ends_the_stream_and_never_raises(data: st.DataObject) -> None:
    damaged = bytearray(PACKED[: data.draw(st.integers(0, len(PACKED)))])
    for _ in range(data.draw(st.integers(0, 3))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    text, damage = unpack(bytes(damaged))
    # Some header bytes (time, system) mean nothing to the content.
    assert damage or text == TEXT


def test_bytes_behind_the_end_that_are_no_gzip_are_damage() -> None:
    data, damage = unpack(gzip.compress(b"abc") + b"trailing")
    assert data == b"abc"
    assert "damaged" in damage
