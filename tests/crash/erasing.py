"""An erasure: nothing of the persons is left after the next run, and nobody else is harmed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Final

from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import CoordinatorNotAvailableError
from kafka.structs import OffsetAndMetadata

from broker.offsets import partition_offsets
from broker.reading import EVENT_TOPICS
from broker.writing import KafkaWriter
from events.cloudevent import encode_structured
from events.partitioning import partition_for
from events.records import OutgoingRecord
from events.topics import DEFAULT_APP_ID, DEFAULT_PARTITIONS, topic_name
from operations.erasure.persons import PERSONS
from tests.crash.stage import Command
from tests.crash.topics import Topics
from tests.support.histories import event

_TOPIC: Final = topic_name(PERSONS)
_PERSONS, _ERASED, _CHUNK = 30, 2, 10
"""Of a case, those to be erased, and the records that are copied together."""
_COMMIT_EVERY: Final = 0.1
_numbers: Final = count(1)


@contextmanager
def committing(topics: Topics) -> Iterator[None]:
    """Commit what the workers would take in, as long as the context lasts."""
    ended = Event()
    workers = Thread(target=_commit_all, args=(topics, ended))
    workers.start()
    try:
        yield
    finally:
        ended.set()
        workers.join()


class Erasing:
    """Persons of whom nothing is erased yet, others than in the case before."""

    def __init__(self, topics: Topics, _: Path) -> None:
        self._topics = topics
        topics.empty()
        number = next(_numbers)
        persons = [f"crash-{number:05}-person-{one:03}" for one in range(_PERSONS)]
        self._erased = persons[:: _PERSONS // _ERASED]
        records = [record for one in persons for record in _records(one)]
        with KafkaWriter(topics.bootstrap) as writer:
            writer.send(records)
        self._others = {one.value for one in records if not self._names(one.value)}
        self.command = Command(
            "smart_region",
            ("erase", "--for-good", "--wait", "30"),
            topics.variables,
            standard_input="\n".join(self._erased),
            constants={"operations.erasure.rewriting.CHUNK": _CHUNK},
        )

    def cut_short(self) -> Iterator[str]:
        there = {record.value for record in self._topics.read(_TOPIC)}
        if lost := self._others - there:
            yield f"{len(lost)} records of others are lost"

    def ended(self, cuts: int) -> Iterator[str]:
        del cuts
        records = self._topics.read(*EVENT_TOPICS)
        named = sum(self._names(record.key) or self._names(record.value) for record in records)
        if named:
            yield f"{named} records name an erased person"
        if {record.value for record in records} != self._others:
            yield "the records of others are not as they were"
        if (rolling := self._topics.setting(_TOPIC, "segment.ms")) is not None:
            yield f"the topic is left with segment.ms={rolling}"

    def _names(self, text: bytes | None) -> bool:
        return any(person.encode() in (text or b"") for person in self._erased)


def _records(person: str) -> Iterator[OutgoingRecord]:
    """Yield the records of a person: one that a producer sent to a wrong partition, and one not."""
    for name, partition in (
        ("training.enrolled", (_home(person) + 1) % DEFAULT_PARTITIONS),
        ("training.completed", _home(person)),
    ):
        key, value, headers = encode_structured(event(name, person, "2018-01-01"))
        yield OutgoingRecord(_TOPIC, partition, key, value, headers)


def _home(person: str) -> int:
    return partition_for(person.encode(), DEFAULT_PARTITIONS)


def _commit_all(topics: Topics, ended: Event) -> None:
    """Commit the end of the topic again and again, as workers that have taken all in."""
    partitions = [TopicPartition(_TOPIC, number) for number in range(DEFAULT_PARTITIONS)]
    with topics.client() as admin:
        while not ended.wait(_COMMIT_EVERY):
            ends = partition_offsets(admin, partitions, OffsetSpec.LATEST)
            committed = {one: OffsetAndMetadata(end, "", -1) for one, end in ends.items()}
            # The broker makes its topic of offsets when the first group asks.
            with suppress(CoordinatorNotAvailableError):
                admin.alter_group_offsets(DEFAULT_APP_ID, committed)
