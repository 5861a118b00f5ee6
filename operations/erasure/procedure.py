"""The erasure from end to end; interrupted at any step, it may be run again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from broker.offsets import wait_for_group
from broker.reading import read_topics
from events.cloudevent import encode_structured
from events.fact import Family
from events.partitioning import partition_for
from events.records import OutgoingRecord
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, changelog_name, topic_name
from operations.erasure.mentions import find_letters, find_mentions
from operations.erasure.persons import PERSONS, Persons
from operations.erasure.rewriting import rewrite
from operations.erasure.traces import Traces, find_traces, retractions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from broker.writing import RecordWriter
    from events.cloudevent import CloudEvent
    from events.records import Record
    from operations.erasure.mentions import LetterTrace, Mention
    from streams.settings import Settings

__all__ = ["Erased", "Remains", "end_marks", "erase", "look_beside", "look_for"]

TOPIC: Final = topic_name(PERSONS)


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did: facts taken back, and records copied to write partitions anew."""

    taken_back: int
    copied: int


def look_for(settings: Settings, persons: Persons) -> Traces:
    """Find what the event topic holds about some persons. Raises as `read_topics`."""
    records = read_topics(settings.broker, topics=[TOPIC], security=settings.security())
    return find_traces(records, persons)


@dataclass(frozen=True, slots=True)
class Remains:
    """What names some persons and is not erased with them."""

    mentions: Sequence[Mention]
    letters: Sequence[LetterTrace]
    states: int
    """Of the records of the persons' own states, those that the changelog still holds."""


def look_beside(settings: Settings, persons: Persons, traces: Traces) -> Remains:
    """Find what names some persons in every topic of the monitor. Raises as `read_topics`."""

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
    post: RecordWriter,
    persons: Persons,
    traces: Traces,
    *,
    wait_seconds: float,
) -> Erased:
    """Take the facts back, wait for the workers, write the partitions anew, forget the states.

    First the figures lose the persons by the ordinary road, so that workers and audit agree all
    the while. Raises WorkersBehindError, and as `rewrite`.
    """
    back = retractions(traces, now=settings.make_clock().now())
    post.send([_record(event, settings.partitions) for event in back])
    if traces.records:
        # What a worker still had in hand would bring a state back after its end mark.
        wait_for_group(
            settings.app_id,
            [TOPIC],
            settings.broker,
            security=settings.security(),
            wait_seconds=wait_seconds,
            outcome="nothing was deleted",
        )
    homes = {_home(event.fact.entity_id, settings.partitions) for event in back}
    copied = rewrite(
        settings, post, TOPIC, sorted(traces.partitions | homes), without=persons.concerned_by
    )
    post.send(end_marks(persons.pseudonyms, app_id=settings.app_id, partitions=settings.partitions))
    return Erased(taken_back=len(back), copied=copied)


def _record(event: CloudEvent, partitions: int) -> OutgoingRecord:
    key, value, headers = encode_structured(event)
    return OutgoingRecord(TOPIC, _home(event.fact.entity_id, partitions), key, value, headers)


def _home(entity: str, partitions: int) -> int:
    return partition_for(entity.encode(), partitions)


def end_marks(pseudonyms: Iterable[str], *, app_id: str, partitions: int) -> list[OutgoingRecord]:
    """Return the records without a value that end the states of some persons.

    A worker that restores its state forgets them there, and compaction removes what came before.
    """
    changelog = changelog_name(app_id, PERSONS)
    return [
        OutgoingRecord(changelog, partition_for(key, partitions), key, None, [])
        for key in map(str.encode, sorted(pseudonyms))
    ]
