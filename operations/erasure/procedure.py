"""The steps of an erasure; interrupted at any step, it may be run again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from boundary.errors import SmartRegionError
from broker.offsets import wait_for_group
from broker.reading import read_topics
from broker.writing import RecordWriter
from events.cloudevent import CloudEvent, encode_structured
from events.fact import Family
from events.partitioning import partition_for
from events.records import OutgoingRecord, Record
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, changelog_name, topic_name
from operations.erasure.mentions import LetterTrace, Mention, find_letters, find_mentions
from operations.erasure.persons import PERSONS, Persons, Traces, find_traces, retractions
from operations.erasure.rewriting import rewrite
from streams.settings import Settings

__all__ = [
    "Erased",
    "RecordsLeftError",
    "Remains",
    "erase",
    "find_records",
    "find_remains",
    "tombstones",
]

TOPIC: Final = topic_name(PERSONS)


class RecordsLeftError(SmartRegionError):
    """Records about erased persons are on the topic: they came while it was rewritten."""

    def __init__(self, records: int) -> None:
        super().__init__(
            f"{TOPIC}: has {records} records about them again, which came meanwhile: see that no"
            " other erasure runs (it copies what it is not to erase) and that no producer sends"
            " them, and run the command again"
        )


@dataclass(frozen=True, slots=True)
class Erased:
    """The result of an erasure: facts retracted, and records copied to rewrite partitions."""

    taken_back: int
    copied: int


def find_records(settings: Settings, persons: Persons) -> Traces:
    """Return the traces of some persons on the event topic. Raises as `read_topics`."""
    records = read_topics(
        settings.broker,
        topics=[TOPIC],
        security=settings.security(),
        # With another number the tombstones would be on other partitions than the states.
        partitions=settings.partitions,
    )
    return find_traces(records, persons)


@dataclass(frozen=True, slots=True)
class Remains:
    """The records that name some persons and are not erased."""

    mentions: Sequence[Mention]
    letters: Sequence[LetterTrace]
    states: int
    """The records of the persons' own states that are still in the changelog."""


def find_remains(settings: Settings, persons: Persons, traces: Traces) -> Remains:
    """Return the remains of some persons on all topics of the monitor. Raises as `read_topics`."""

    def records_of(*topics: str) -> Iterable[Record]:
        return read_topics(settings.broker, topics=topics, security=settings.security())

    changelog = changelog_name(settings.app_id, PERSONS)
    keys = {pseudonym.encode() for pseudonym in persons.pseudonyms}
    others = [changelog_name(settings.app_id, family) for family in Family if family != PERSONS]
    states = 0
    mentions: list[Mention] = []
    for record in records_of(changelog):
        if record.key in keys:
            states += record.value is not None
        else:
            mentions += find_mentions([record], persons)
    events = map(topic_name, Family)
    mentions += find_mentions(records_of(*events, *others, DEAD_LETTER_OUTCOMES), persons)
    letters = find_letters(records_of(DEAD_LETTERS), persons, erased=traces.origins)
    return Remains(sorted(mentions), tuple(letters), states)


def erase(
    settings: Settings,
    writer: RecordWriter,
    persons: Persons,
    traces: Traces,
    *,
    wait_seconds: float,
) -> Erased:
    """Retract the facts, wait for the workers, rewrite the partitions, write tombstones.

    The figures change by retractions, so that workers and audit agree all the while. Raises
    WorkersBehindError, RecordsLeftError, and as `rewrite`.
    """
    retracting = retractions(traces, now=settings.make_clock().now())
    writer.send([_record(event, settings.partitions) for event in retracting])
    if traces.records:
        # A batch in flight would write a state after its tombstone.
        wait_for_group(
            settings.app_id,
            [TOPIC],
            settings.broker,
            security=settings.security(),
            wait_seconds=wait_seconds,
            outcome="nothing was deleted",
        )
    homes = {_home(event.fact.entity_id, settings.partitions) for event in retracting}
    copied = rewrite(
        settings, writer, TOPIC, sorted(traces.partitions | homes), without=persons.concerned_by
    )
    writer.send(
        tombstones(persons.pseudonyms, app_id=settings.app_id, partitions=settings.partitions)
    )
    if traces.records and (left := find_records(settings, persons).records):
        raise RecordsLeftError(left)
    return Erased(taken_back=len(retracting), copied=copied)


def _record(event: CloudEvent, partitions: int) -> OutgoingRecord:
    key, value, headers = encode_structured(event)
    return OutgoingRecord(TOPIC, _home(event.fact.entity_id, partitions), key, value, headers)


def _home(entity: str, partitions: int) -> int:
    return partition_for(entity.encode(), partitions)


def tombstones(pseudonyms: Iterable[str], *, app_id: str, partitions: int) -> list[OutgoingRecord]:
    """Return the tombstones (records without a value) of the states of some persons.

    A worker that restores its state drops them, and compaction removes the records before.
    """
    changelog = changelog_name(app_id, PERSONS)
    return [
        OutgoingRecord(changelog, partition_for(key, partitions), key, None, [])
        for key in map(str.encode, sorted(pseudonyms))
    ]
