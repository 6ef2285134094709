"""Bytes gone wrong: bits, lengths, counts and numbers where Avro has them, pieces of two values, other headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from schemas.codec import HEADER_BYTES, MARKER
from schemas.pieces import long
from schemas.registry import registry

# Numbers of 10 bytes and more, of 32 bits and more, negative counts with their sizes, half characters, overlong ones.
BYTES = (
    *(b"\xff" * 9 + b"\x01", b"\xff" * 9 + b"\x7f", b"\x80" * 12 + b"\x01", b"\xfe\xff\xff\xff\x1f", b"\x80\x00", b""),
    *(b"\xed\xa0\x80", b"\xc0\x80", b"\xff", b"\x01", b"\x03", b"\x01\x00", b"\x03\x08", b"\0" * 40, b"\xff" * 40),
    *(long(n) for n in (-(2**62), -(2**31), -2, 10**4, 10**6, 2**31 - 1, 2**31, 2**40, 2**62)),
)
FINGERPRINTS = tuple(version.fingerprint for known in registry().by_record.values() for version in known)


class Damage:
    """Damages values by ``draw``; pieces of others are taken from ``values``."""

    def __init__(self, values: Sequence[bytes], draw: Random) -> None:
        self._values = values
        self._random = draw

    def do(self, value: bytes) -> bytes:
        """``value`` with one thing wrong, or a few."""
        for _ in range(self._random.choice((1, 1, 1, 2, 5))):
            value = self._random.choice(self._changes)(self, value)
        return value

    def _flip(self, value: bytes) -> bytes:
        found = bytearray(value)
        for _ in range(self._random.choice((1, 1, 3))):
            if found:
                found[self._random.randrange(len(found))] ^= 1 << self._random.randrange(8)
        return bytes(found)

    def _cut_off(self, value: bytes) -> bytes:
        return value[: self._random.randrange(len(value) + 1)]

    def _put(self, value: bytes) -> bytes:
        """A number, a count or half a character where there was something else, or between."""
        at = self._random.randrange(min(HEADER_BYTES, len(value)), len(value) + 1)
        return value[:at] + self._random.choice(BYTES) + value[at + self._random.randrange(4) :]

    def _splice(self, value: bytes) -> bytes:
        other = self._random.choice(self._values)
        return value[: self._random.randrange(len(value) + 1)] + other[self._random.randrange(len(other)) :]

    def _repeat(self, value: bytes) -> bytes:
        start = self._random.randrange(len(value) + 1)
        return value[:start] + value[start : start + 40] * self._random.choice((2, 9, 500)) + value[start + 40 :]

    def _pretend(self, value: bytes) -> bytes:
        """The header of another kind, or of none that is known."""
        fingerprint = self._random.choice((*FINGERPRINTS, b"\0" * 8, self._random.randbytes(8)))
        return MARKER + fingerprint + value[HEADER_BYTES:]

    def _append(self, value: bytes) -> bytes:
        return value + self._random.randbytes(self._random.choice((1, 8, 9)))

    _changes: tuple[Callable[[Damage, bytes], bytes], ...] = (
        *(_flip, _flip, _cut_off, _put, _put, _put),
        *(_splice, _repeat, _pretend, _append),
    )


def pretends_newer(value: bytes | None) -> bool:
    """Whether ``value`` seems to be a newer release's: on topics of our own that stops a worker, and rightly."""
    return value is not None and value.startswith(MARKER) and value[len(MARKER) : HEADER_BYTES] not in FINGERPRINTS
