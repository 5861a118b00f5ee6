"""The states of persons are forgotten: an end mark for each in the changelog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from events.partitioning import partition_for
from events.records import OutgoingRecord
from events.topics import changelog_name
from operations.erasure.persons import PERSONS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["end_marks"]


def end_marks(pseudonyms: Iterable[str], *, app_id: str, partitions: int) -> list[OutgoingRecord]:
    """Return the records without a value that end the states of some persons.

    A worker that restores its state forgets them there, and compaction removes what came before.
    """
    changelog = changelog_name(app_id, PERSONS)
    return [
        OutgoingRecord(changelog, partition_for(key, partitions), key, None, [])
        for key in map(str.encode, sorted(pseudonyms))
    ]
