"""Keys go where every other Kafka client puts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from streams.runtime.partitioner import partition_of


@pytest.mark.parametrize(
    ("key", "hash_"),
    [
        # Vectors of Apache Kafka's own tests of its murmur2, as signed 32-bit numbers.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_has_the_partition_of_kafkas_default_partitioner(key: bytes, hash_: int) -> None:
    assert partition_of(key, 12) == (hash_ & 0x7FFFFFFF) % 12
    assert partition_of(key, 1_000_003) == (hash_ & 0x7FFFFFFF) % 1_000_003


@given(st.binary(), st.integers(1, 10_000))
def test_kafka_python_which_produces_and_aiokafka_which_reroutes_agree(key: bytes, partitions: int) -> None:
    assert partition_of(key, partitions) == (murmur2(key) & 0x7FFFFFFF) % partitions
