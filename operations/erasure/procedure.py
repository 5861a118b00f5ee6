"""The steps of an erasure; interrupted at any step, it may be run again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.offsets import wait_for_group
from broker.reading import read_topics
from broker.topic_admin import ABSENT, check_partitions, seen_topics
from broker.writing import RecordWriter
from events.cloudevent import CloudEvent, encode_structured
from events.dead_letters import (
    GATEWAY,
    DeadLetter,
    NotADeadLetterError,
    RecordOrigin,
    read_dead_letter,
)
from events.fact import Family
from events.partitioning import partition_for
from events.records import OutgoingRecord, Record
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, declared_topics, topic_name
from operations.dead_letters.ledger import read_entries
from operations.dead_letters.outcome import ERASED
from operations.dead_letters.replay import discard
from operations.erasure.persons import PERSONS, Persons, Traces, find_traces, retractions
from operations.erasure.rewriting import rewrite
from streams.settings import Settings

TOPIC: Final = topic_name(PERSONS)
#: The end of the names of the topics in which workers before 1.0 kept states of persons.
_CHANGELOG: Final = f"-{PERSONS}-changelog"
_SEGMENT: Final = timedelta(days=7)
"""How long a broker appends to a file, by default (`log.roll.hours`): it deletes whole files."""
_LETTERS_KEPT: Final = _SEGMENT + next(
    timedelta(milliseconds=topic.retention_ms or 0)
    for topic in declared_topics()
    if topic.name == DEAD_LETTERS
)


@dataclass(frozen=True, slots=True)
class LetterTrace:
    """A dead letter that names a person, or has a record that names one or was about one."""

    letter: DeadLetter
    names: bool
    """False: the letter does not keep its record, which was about a person."""

    def __str__(self) -> str:
        how = "names one" if self.names else "is of a record of one"
        # Gone at the latest then: its file is deleted once the last letter in it is to be.
        gone_by = self.letter.time + _LETTERS_KEPT
        return f"{self.letter.position} {how}, kept until {gone_by:%Y-%m-%d}"


def find_mentions(records: Iterable[Record], persons: Persons) -> Iterator[RecordOrigin]:
    """Yield where records lie that name a person and are not erased themselves."""
    for record in records:
        is_erased = record.topic == topic_name(PERSONS) and persons.concerned_by(record)
        if persons.mentioned_in(record) and not is_erased:
            yield RecordOrigin.of(record)


def find_letters(
    records: Iterable[Record],
    persons: Persons,
    *,
    erased: Iterable[RecordOrigin],
    mentions: Iterable[RecordOrigin] = (),
) -> Iterator[LetterTrace]:
    """Yield the dead letters that name a person, or are of one of the records `erased`.

    One that does not keep its record names a person where that is among `mentions`: a replay would
    read it from its topic.
    """
    origins = frozenset(erased)
    naming = frozenset(mentions)
    for record in records:
        try:
            letter = read_dead_letter(record)
        except NotADeadLetterError:
            continue
        names = persons.mentioned_in(record) or not naming.isdisjoint(letter.origins)
        if names or not origins.isdisjoint(letter.origins):
            yield LetterTrace(letter, names)


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
        # With another number retractions would be on other partitions than the states.
        partitions=settings.partitions,
    )
    return find_traces(records, persons)


@dataclass(frozen=True, slots=True)
class Remains:
    """The records that name some persons and are not erased."""

    mentions: Sequence[RecordOrigin]
    letters: Sequence[LetterTrace]
    changelogs: Sequence[str]
    """Topics from before 1.0 with states of persons, which no program reads any more."""


def find_remains(settings: Settings, persons: Persons, traces: Traces) -> Remains:
    """Return the remains of some persons on all topics of the monitor. Raises as `read_topics`."""

    def records_of(*topics: str) -> Iterable[Record]:
        return read_topics(settings.broker, topics=topics, security=settings.security())

    events = map(topic_name, Family)
    mentions = list(find_mentions(records_of(*events, DEAD_LETTER_OUTCOMES), persons))
    letters = find_letters(
        records_of(DEAD_LETTERS), persons, erased=traces.origins, mentions=mentions
    )
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        changelogs = sorted(name for name in admin.list_topics() if name.endswith(_CHANGELOG))
    return Remains(sorted(mentions), tuple(letters), changelogs)


def verify_partitions(settings: Settings) -> None:
    """Check that the topic of persons has as many partitions as the settings say.

    With another number retractions would be written to wrong ones. Raises TopicMismatchError.
    """
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        seen = seen_topics(admin, [TOPIC])
    count = seen[TOPIC].partitions if TOPIC in seen else ABSENT
    check_partitions({TOPIC: count}, settings.partitions)


def discard_letters(
    settings: Settings, writer: RecordWriter, letters: Iterable[LetterTrace]
) -> int:
    """Discard the dead letters that name a person, whatever their status; return how many.

    A replay may select also those that were replayed or discarded, and must not send the person's
    data again. Of several dead letters of one record all are discarded if one names the person.
    Raises as `read_topics` and the writer.
    """
    naming = [trace.letter for trace in letters if trace.names]
    if not naming:
        return 0
    positions = {letter.position for letter in naming}
    origins = {one.origin for one in naming if one.summary is None and one.origin != GATEWAY}
    entries = read_entries(
        settings.broker, security=settings.security(), on_foreign_record=lambda _: None
    )
    left = [
        entry
        for entry in entries
        if entry.letter.position in positions or not origins.isdisjoint(entry.letter.origins)
        if entry.barred is None
    ]
    return discard(left, writer, because=ERASED, clock=settings.make_clock())


def erase(
    settings: Settings,
    writer: RecordWriter,
    persons: Persons,
    traces: Traces,
    *,
    wait_seconds: float,
) -> Erased:
    """Retract the facts, wait for the workers, and rewrite the partitions.

    The figures change by retractions, so that workers and audit agree all the while. Where the log
    of a partition begins later, workers drop its states, and read what is left. Raises
    SmartRegionError, and as `rewrite`.
    """
    retracting = retractions(traces, now=settings.make_clock().now())
    writer.send(
        [
            OutgoingRecord(TOPIC, _home(one, settings.partitions), *encode_structured(one))
            for one in retracting
        ]
    )

    def wait() -> None:
        wait_for_group(
            settings.app_id,
            [TOPIC],
            settings.broker,
            security=settings.security(),
            wait_seconds=wait_seconds,
            outcome="nothing was deleted",
        )

    if traces.records:
        wait()
    rewritten = sorted(_rewritten(traces, settings.partitions))

    def is_left_out(record: Record) -> bool:
        return persons.is_lost(record) or persons.concerned_by(record)

    copied = rewrite(settings, writer, TOPIC, rewritten, without=is_left_out, wait=wait)
    if traces.records and (left := find_records(settings, persons).records):
        raise SmartRegionError(
            f"{TOPIC}: has {left} records about them again, which came meanwhile: see that no other"
            " erasure runs (it copies what it is not to erase) and that no producer sends them,"
            " and run the command again"
        )
    return Erased(taken_back=len(retracting), copied=copied)


def not_copied(traces: Traces, partitions: int) -> int:
    """Return how many records of others an erasure cannot keep."""
    return sum(traces.not_copied[one] for one in _rewritten(traces, partitions))


def _rewritten(traces: Traces, partitions: int) -> set[int]:
    """Return the partitions to rewrite: where records are, and where retractions are sent."""
    in_force = (event for event in traces.latest.values() if not event.fact.retracted)
    return traces.partitions | {_home(event, partitions) for event in in_force}


def _home(event: CloudEvent, partitions: int) -> int:
    return partition_for(event.fact.entity_id.encode(), partitions)
