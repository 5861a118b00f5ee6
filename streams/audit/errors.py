"""What keeps an audit from being made: topics or workers that cannot be read, or no room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from boundary.addresses import shown_address
from boundary.showing import one_line
from streams.errors import StreamsError

__all__ = [
    "AuditError",
    "OpenTransactionError",
    "TopicsMissingError",
    "TopicsStalledError",
    "WorkFolderFullError",
    "WorkFolderUnusableError",
    "WorkerUnreadableError",
]

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
        super().__init__(
            f"topics: nothing came from {bootstrap} within {waited_seconds:g} s for"
            f" {_shown(behind)}:"
            " check that the broker is up and that these partitions have a leader"
        )


class OpenTransactionError(AuditError):
    """The end of the topics lies behind a transaction that nobody has ended."""

    def __init__(
        self, bootstrap: str, behind: Mapping[str, int | None], *, waited_seconds: float
    ) -> None:
        self.bootstrap = bootstrap
        self.behind = dict(behind)
        super().__init__(
            f"topics: a transaction on {bootstrap} is still open after {waited_seconds:g} s and"
            f" holds back {_shown(behind)}: try again once its producer or the broker has ended it"
            " (at most 15 minutes), or end it with Kafka's kafka-transactions.sh"
        )


class WorkerUnreadableError(AuditError):
    """A worker's metrics could not be had or understood."""

    def __init__(self, url: str, *, cause: str) -> None:
        self.url = url
        self.cause = cause
        super().__init__(
            f"worker: no metrics at {shown_address(url)} ({one_line(cause)}):"
            " check the address, and that `smart-region worker` runs there"
        )


class WorkFolderUnusableError(AuditError):
    """The folder for what does not fit into memory is not there, or not ours to write to."""

    def __init__(self, folder: Path, *, problem: str) -> None:
        self.folder = folder
        super().__init__(
            f"work_folder: {folder} {problem}: name another with --work-folder or"
            " SMART_REGION_WORK_FOLDER"
        )


class WorkFolderFullError(AuditError):
    """There is no room for the audit's rows."""

    def __init__(self, folder: Path | None, *, megabytes: int, cause: str) -> None:
        self.folder = folder
        self.megabytes = megabytes
        where = "the system's folder for temporary files" if folder is None else str(folder)
        super().__init__(
            f"work_folder: no room for the audit in {where} ({cause}), where it may take"
            f" {megabytes} MB: name a folder with room with --work-folder or"
            " SMART_REGION_WORK_FOLDER, or allow more with SMART_REGION_WORK_MB; a million records"
            " take about 1600 MB"
        )


def _shown(behind: Mapping[str, int | None]) -> str:
    shown = ", ".join(
        f"{partition} ({'end unknown' if left is None else f'{left} records left'})"
        for partition, left in list(behind.items())[:SHOWN_PARTITIONS]
    )
    others = len(behind) - SHOWN_PARTITIONS
    return f"{shown} and {others} more" if others > 0 else shown
