"""The members of a consumer group, and the partitions that are assigned to them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    NotCoordinatorError,
)

from broker.errors import BrokerRefusedError

STABLE: Final = "Stable"
#: The broker's error for a group that never had a member.
_UNKNOWN: Final = "GROUP_ID_NOT_FOUND"
#: Those of a coordinator that loads or moves; the client returns an error as text.
_PASSING: Final = tuple(
    error.__name__
    for error in (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)
)


class GroupMembers(NamedTuple):
    """A consumer group at one moment."""

    state: str
    members: int
    assigned: frozenset[tuple[str, int]]
    """The topics and partitions that are assigned to some member."""

    @property
    def is_stable(self) -> bool:
        """True while no rebalance is under way: `assigned` is then complete."""
        return self.state == STABLE


def group_members(admin: Any, group: str) -> GroupMembers:  # noqa: ANN401 - untyped client
    """Return the members of a group; one that never had any is empty.

    Raises BrokerRefusedError without the right to describe the group, and
    CoordinatorNotAvailableError while its coordinator moves.
    """
    found = admin.describe_groups([group])[group]
    error = found["error"]
    if error and any(passing in error for passing in _PASSING):
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
