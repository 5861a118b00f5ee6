"""When the worker has worked through all that was sent."""

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from broker.group_offsets import reached

ENDS = {("smartregion.schools", 0): 10, ("smartregion.grants", 3): 1}


def committed(schools: int, grants: int) -> dict[TopicPartition, OffsetAndMetadata]:
    """Give the offsets that a group has committed; one partition more was never written to."""
    return {
        TopicPartition("smartregion.schools", 0): OffsetAndMetadata(schools, "", -1),
        TopicPartition("smartregion.grants", 3): OffsetAndMetadata(grants, "", -1),
        TopicPartition("smartregion.grants", 4): OffsetAndMetadata(-1, "", -1),
    }


def test_all_is_done_when_every_partition_is() -> None:
    """One record that is not committed keeps the demo waiting."""
    assert reached(committed(10, 1), ENDS)
    assert not reached(committed(9, 1), ENDS)
    assert not reached(committed(10, -1), ENDS)


def test_a_group_that_committed_nothing_has_not_begun() -> None:
    """It is unknown to the broker, or known without offsets."""
    assert not reached({}, ENDS)
    assert reached({}, {})
