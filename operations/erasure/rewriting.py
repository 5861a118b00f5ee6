"""A partition written anew without some records.

The others are copied behind its end, then all before that is deleted. A state is a set, so a record
that comes again changes nothing: wherever this is cut short, the topic says the same about
everybody else.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from kafka import TopicPartition
from kafka.admin import AlterConfigOp, ConfigResource, ConfigResourceType, OffsetSpec

from broker.administration import administering
from broker.offsets import partition_offsets
from broker.reading import read_topics
from events.records import OutgoingRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from broker.writing import RecordWriter
    from events.records import Record
    from streams.settings import Settings

__all__ = ["rewrite"]

CHUNK: Final = 2_000
_ROLL_SOON: Final = {"segment.ms": "1"}


def rewrite(
    settings: Settings,
    post: RecordWriter,
    topic: str,
    partitions: Iterable[int],
    *,
    without: Callable[[Record], bool],
) -> int:
    """Write partitions anew without some records; returns how many records were copied.

    Takes the rights to alter the topic's settings and to delete its records. Raises as
    `administering`, `read_topics` and `RecordWriter.send`.
    """
    places = [TopicPartition(topic, partition) for partition in partitions]
    if not places:
        return 0
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        with _rolling_segments(admin, topic):
            # Files are deleted whole: what has to go may not share one with what stays.
            post.send(list(map(_copy, _first_of_each(settings, topic, places, without))))
        # What is behind an open transaction cannot be copied yet, so it may not be deleted either.
        ends = partition_offsets(admin, places, OffsetSpec.LATEST, isolation_level="read_committed")
        copied = 0
        kept = _kept(settings, topic, ends, without)
        while chunk := list(islice(kept, CHUNK)):
            post.send(list(map(_copy, chunk)))
            copied += len(chunk)
        admin.delete_records(ends)
    return copied


@contextmanager
def _rolling_segments(admin: Any, topic: str) -> Iterator[None]:  # noqa: ANN401 - untyped client
    """Let the next record of a partition begin a new file."""

    def alter(changes: Mapping[str, Any]) -> None:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(changes))])

    alter(_ROLL_SOON)
    try:
        yield
    finally:
        alter(dict.fromkeys(_ROLL_SOON, (AlterConfigOp.DELETE, None)))


def _first_of_each(
    settings: Settings,
    topic: str,
    places: Iterable[TopicPartition],
    without: Callable[[Record], bool],
) -> list[Record]:
    """Return of each partition a record that stays, where there is one."""
    wanted = {place.partition for place in places}
    first: dict[int, Record] = {}
    for record in _read(settings, topic):
        if record.partition in wanted - first.keys() and not without(record):
            first[record.partition] = record
    return list(first.values())


def _kept(
    settings: Settings,
    topic: str,
    ends: Mapping[TopicPartition, int],
    without: Callable[[Record], bool],
) -> Iterator[Record]:
    """Yield what stays of the partitions, up to their ends."""
    until = {place.partition: end for place, end in ends.items()}
    for record in _read(settings, topic):
        # Beyond the end lie the copies made of these very records.
        if record.offset < until.get(record.partition, 0) and not without(record):
            yield record


def _read(settings: Settings, topic: str) -> Iterator[Record]:
    return iter(read_topics(settings.broker, topics=[topic], security=settings.security()))


def _copy(record: Record) -> OutgoingRecord:
    return OutgoingRecord(
        record.topic, record.partition, record.key, record.value, list(record.headers or ())
    )
