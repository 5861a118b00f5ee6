"""Who is in a consumer group, and which partitions its members have."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from broker.errors import BrokerRefusedError

__all__ = ["GroupMembers", "group_members"]

STABLE: Final = "Stable"
#: What a broker says of a group that nobody ever joined.
_UNKNOWN: Final = "GROUP_ID_NOT_FOUND"


class GroupMembers(NamedTuple):
    """A consumer group at one moment."""

    state: str
    members: int
    assigned: frozenset[tuple[str, int]]
    """The topics and partitions that some member has."""

    @property
    def is_stable(self) -> bool:
        """True while it is not forming anew: `assigned` is then all that it will be."""
        return self.state == STABLE


def group_members(admin: Any, group: str) -> GroupMembers:  # noqa: ANN401 - untyped client
    """Ask a broker; a group that nobody ever joined has no members.

    Takes the right to describe the group: raises BrokerRefusedError where it is lacking.
    """
    found = admin.describe_groups([group])[group]
    error = found["error"]
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
