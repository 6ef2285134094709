"""Kafka's default partitioner: murmur2 of the key, so that every client puts a key on the same partition."""

from __future__ import annotations

from aiokafka.partitioner import murmur2


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of ``key`` among ``partitions``."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions
