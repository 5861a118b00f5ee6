"""Offsets of partitions, and the committed offsets and members of a consumer group."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic, sleep
from typing import Any, Final, NamedTuple

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupIdNotFoundError,
    KafkaError,
    NotCoordinatorError,
)
from kafka.structs import OffsetAndMetadata

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.errors import BrokerRefusedError
from broker.reading import NO_POSITIONS, Positions
from broker.security import BrokerSecurity
from broker.topic_admin import seen_topics

STABLE: Final = "Stable"
#: The broker's error for a group that has never had a member.
_UNKNOWN: Final = "GROUP_ID_NOT_FOUND"
#: Errors of a coordinator that is loading or moving; some answers contain their names as text.
_PASSING: Final = (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)


class GroupMembers(NamedTuple):
    """A consumer group at one moment."""

    state: str
    members: int
    assigned: frozenset[tuple[str, int]]
    """The topics and partitions that are assigned to a member."""

    @property
    def is_stable(self) -> bool:
        """True while no rebalance is in progress: `assigned` is then complete."""
        return self.state == STABLE


def group_members(admin: Any, group: str) -> GroupMembers:  # noqa: ANN401 - untyped client
    """Return the members of a group; none for a group that has never had any.

    Raises BrokerRefusedError without the right to describe the group, and
    CoordinatorNotAvailableError while its coordinator is moving.
    """
    found = admin.describe_groups([group])[group]
    error = found["error"]
    if error and any(passing.__name__ in error for passing in _PASSING):
        raise CoordinatorNotAvailableError(error)
    if error and _UNKNOWN not in error and "GroupIdNotFound" not in error:
        raise BrokerRefusedError("describe a consumer group", group, cause=error)
    members = found["members"] or []
    assigned = frozenset(
        (topic["topic"], partition)
        for member in members
        if isinstance(member["member_assignment"], dict)
        for topic in member["member_assignment"]["assigned_partitions"]
        for partition in topic["partitions"]
    )
    return GroupMembers(str(found["group_state"]), len(members), assigned)


POLL_SECONDS: Final = 0.5


def partitions_of(
    admin: Any,  # noqa: ANN401 - untyped client
    topics: Iterable[str],
) -> list[TopicPartition]:
    """Return the partitions of existing topics. Raises the errors of `seen_topics`."""
    return [
        TopicPartition(topic, number)
        for topic, seen in seen_topics(admin, topics).items()
        for number in range(seen.partitions)
    ]


def partition_offsets(
    admin: Any,  # noqa: ANN401 - untyped client
    partitions: Iterable[TopicPartition],
    spec: OffsetSpec,
    *,
    isolation_level: str = "read_uncommitted",
) -> dict[TopicPartition, int]:
    """Return the first (`EARLIEST`) or next (`LATEST`) offset of each partition.

    With `read_committed`, the latest is the last stable offset. Raises KafkaError.
    """
    wanted = dict.fromkeys(partitions, spec)
    if not wanted:
        return {}
    found = admin.list_partition_offsets(wanted, isolation_level=isolation_level)
    return {partition: answer.offset for partition, answer in found.items()}


def committed_offsets(
    admin: Any,  # noqa: ANN401
    group: str,
    *,
    wait_seconds: float = 0.0,
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return a group's committed offsets with their metadata; none for an unknown group.

    `wait_seconds` bounds the wait for a coordinator, which a newly started broker lacks. Raises
    KafkaError.
    """
    give_up_at = monotonic() + wait_seconds
    while True:
        try:
            found = admin.list_group_offsets(group)[group]
        except GroupIdNotFoundError:
            return {}
        except _PASSING:
            if monotonic() >= give_up_at:
                raise
            sleep(POLL_SECONDS)
        else:
            break
    return {partition: one for partition, one in found.items() if one.offset >= 0}


def uncommitted(
    admin: Any,  # noqa: ANN401
    group: str,
    ends: Positions,
    starts: Positions = NO_POSITIONS,
) -> int:
    """Return how many offsets before these ends, by (topic, partition), are not committed.

    Offsets before `starts` belong to deleted records and do not count. A worker commits a record
    only once all of its effects are on the broker and in the figures. While the group's coordinator
    is unavailable, nothing counts as committed. Raises KafkaError if it refuses.
    """
    try:
        committed = committed_offsets(admin, group)
    except KafkaError as error:
        if not error.retriable:
            raise
        committed = {}
    read = {partition: one.offset for partition, one in committed.items()}
    return sum(
        max(end - max(read.get(TopicPartition(*at), 0), starts.get(at, 0)), 0)
        for at, end in ends.items()
    )


def wait_for_group(
    group: str,
    topics: Iterable[str],
    bootstrap: str,
    *,
    security: BrokerSecurity,
    wait_seconds: float,
    outcome: str,
) -> None:
    """Wait until a group has committed all records that some topics had at the call.

    Records behind an open transaction do not count. In the error, `outcome` says what was not done.
    Raises SmartRegionError, and the errors of `administering`.
    """
    give_up_at = monotonic() + wait_seconds
    with administering(bootstrap, what="topics", security=security) as admin:
        partitions = partitions_of(admin, topics)
        starts = partition_offsets(admin, partitions, OffsetSpec.EARLIEST)
        ends = partition_offsets(
            admin, partitions, OffsetSpec.LATEST, isolation_level="read_committed"
        )
        while behind := uncommitted(admin, group, ends, starts):
            if monotonic() > give_up_at:
                raise SmartRegionError(
                    f"{group}: {behind} records are not committed after {wait_seconds:.0f} s: start"
                    " the workers, or wait until their lag is 0, and run the command again;"
                    f" {outcome}"
                )
            sleep(POLL_SECONDS)
