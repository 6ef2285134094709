"""Kafka's default partitioner: murmur2 of the key, so that every client puts a key on the same partition."""

from __future__ import annotations

from functools import lru_cache

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of ``key`` among ``partitions``."""
    return _hash(key) % partitions


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    # Plain Python in every client (8 us); a customer's records share a key.
    return int(murmur2(key)) & 0x7FFF_FFFF
