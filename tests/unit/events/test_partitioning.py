"""The partition of an entity."""

from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from events.partitioning import partition_for, partitions_for


def test_known_partitions() -> None:
    """Values computed by Java's Utils.murmur2, so that no client library is its own witness."""
    hashes = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    for key, hashed in hashes.items():
        assert partition_for(key, 1_000_003) == (hashed & 0x7FFFFFFF) % 1_000_003


@given(key=st.binary(max_size=80), partitions=st.integers(1, 100))
def test_agrees_with_aiokafka(key: bytes, partitions: int) -> None:
    every = list(range(partitions))
    assert partition_for(key, partitions) == DefaultPartitioner()(key, every, every)


@given(
    keys=st.lists(st.binary(max_size=40) | st.binary(min_size=9, max_size=9), max_size=40),
    copies=st.sampled_from([1, 60]),
    partitions=st.integers(1, 100),
)
def test_many_keys_are_hashed_as_each(keys: list[bytes], copies: int, partitions: int) -> None:
    many = keys * copies
    assert partitions_for(many, partitions) == [partition_for(key, partitions) for key in many]
