"""What keeps states from being rebuilt."""

from __future__ import annotations

from collections.abc import Sequence

from boundary.errors import SmartRegionError

__all__ = [
    "EventsMissingError",
    "NoSuchPartitionError",
    "RebuildError",
    "RightLackingError",
    "WorkersRunningError",
]


class RebuildError(SmartRegionError):
    """The rebuild was not made, or not ended; the command may be run again as it was."""


class WorkersRunningError(RebuildError):
    """A member of the consumer group would write states meanwhile, and commit offsets."""

    def __init__(self, group: str, members: int) -> None:
        super().__init__(
            f"{group}: the consumer group has {members} members: stop every worker, wait until "
            "SMART_REGION_SESSION_TIMEOUT is over, and run the command again; nothing was done"
        )


class EventsMissingError(RebuildError):
    """The raw topics do not hold all that was once read of them."""

    def __init__(self, missing: Sequence[str]) -> None:
        super().__init__(
            f"events: {'; '.join(missing)}: states made anew would lack what is gone (an erasure "
            "copies what stays, retention does not): restore the topics, or add --accept-missing; "
            "nothing was done"
        )


class NoSuchPartitionError(RebuildError):
    """A partition that the topics do not have."""

    def __init__(self, partition: int, *, partitions: int) -> None:
        super().__init__(
            f"partition: is not one of the topics', value {partition}: name one of 0 to "
            f"{partitions - 1}, or set SMART_REGION_PARTITIONS to what the topics have"
        )


class RightLackingError(RebuildError):
    """The broker does not allow this user a step of the rebuild."""

    def __init__(self, right: str, subject: str, *, done: str) -> None:
        super().__init__(
            f"broker: this user lacks the right {right} on {subject}: give it that right, or run "
            f"the command as a super user; {done}"
        )
