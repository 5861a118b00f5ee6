"""What keeps an audit from being made: topics or workers that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streams.errors import StreamsError

__all__ = ["AuditError", "TopicsMissingError", "TopicsStalledError", "WorkerUnreadableError"]

SHOWN_PARTITIONS = 3


class AuditError(StreamsError):
    """The audit cannot be made; nothing is said about the figures."""


class TopicsMissingError(AuditError):
    """Event topics are not on the broker."""

    def __init__(self, bootstrap: str, topics: Sequence[str]) -> None:
        self.bootstrap = bootstrap
        self.topics = tuple(topics)
        super().__init__(
            f"topics: {', '.join(topics)} not found on {bootstrap}: create them with"
            " `smart-region topics apply`, or check the broker's address and this user's rights"
        )


class TopicsStalledError(AuditError):
    """The broker stopped handing on records before their end."""

    def __init__(
        self, bootstrap: str, behind: Mapping[str, int | None], *, waited_seconds: float
    ) -> None:
        self.bootstrap = bootstrap
        self.behind = dict(behind)
        shown = ", ".join(
            f"{partition} ({'end unknown' if left is None else f'{left} records left'})"
            for partition, left in list(behind.items())[:SHOWN_PARTITIONS]
        )
        others = len(behind) - SHOWN_PARTITIONS
        more = f" and {others} more" if others > 0 else ""
        super().__init__(
            f"topics: nothing came from {bootstrap} within {waited_seconds:g} s for {shown}{more}:"
            " check that the broker is up and that these partitions have a leader"
        )


class WorkerUnreadableError(AuditError):
    """A worker's metrics could not be had or understood."""

    def __init__(self, url: str, *, cause: str) -> None:
        self.url = url
        self.cause = cause
        super().__init__(
            f"worker: no metrics at {url} ({cause}):"
            " check the address, and that `smart-region worker` runs there"
        )
