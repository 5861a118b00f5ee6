"""The steps of an erasure; interrupted at any step, it may be run again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from boundary.errors import SmartRegionError
from broker.clients import administering
from broker.offsets import wait_for_group
from broker.reading import read_topics
from broker.topic_admin import ABSENT, check_partitions, seen_topics
from broker.writing import RecordWriter
from events.cloudevent import CloudEvent, encode_structured
from events.dead_letters import GATEWAY
from events.fact import Family
from events.partitioning import partition_for
from events.records import OutgoingRecord, Record
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, changelog_name, topic_name
from operations.dead_letters.ledger import read_entries
from operations.dead_letters.outcome import ERASED
from operations.dead_letters.replay import discard
from operations.erasure.mentions import LetterTrace, Mention, find_letters, find_mentions
from operations.erasure.persons import PERSONS, Persons, Traces, find_traces, retractions
from operations.erasure.rewriting import NOBODY, rewrite, rolling_segments
from streams.settings import Settings

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
    states: Mapping[str, int]
    """The records of the persons' own states, by changelog: that of these workers, and those of
    other applications, which a switch of SMART_REGION_APP_ID has left."""


def find_remains(settings: Settings, persons: Persons, traces: Traces) -> Remains:
    """Return the remains of some persons on all topics of the monitor. Raises as `read_topics`."""

    def records_of(*topics: str) -> Iterable[Record]:
        return read_topics(settings.broker, topics=topics, security=settings.security())

    changelogs = _changelogs(settings)
    of_persons = [name for name, family in changelogs.items() if family is PERSONS]
    keys = {pseudonym.encode() for pseudonym in persons.pseudonyms}
    others = changelogs.keys() - set(of_persons)
    states: Counter[str] = Counter()
    mentions: list[Mention] = []
    for record in records_of(*of_persons):
        if record.key in keys:
            states[record.topic] += record.value is not None
        else:
            mentions += find_mentions([record], persons)
    events = map(topic_name, Family)
    mentions += find_mentions(records_of(*events, *others, DEAD_LETTER_OUTCOMES), persons)
    letters = find_letters(
        records_of(DEAD_LETTERS), persons, erased=traces.origins, mentions=mentions
    )
    return Remains(sorted(mentions), tuple(letters), +states)


def _changelogs(settings: Settings) -> Mapping[str, Family]:
    """Return the changelogs of these workers, and those of any other application on the broker."""
    own = {changelog_name(settings.app_id, family): family for family in Family}
    endings = {changelog_name("", family): family for family in Family}
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        names = admin.list_topics()
    found = {
        name: family
        for name in names
        for ending, family in endings.items()
        if name.endswith(ending)
    }
    return found | own


def verify_partitions(settings: Settings) -> None:
    """Check that the topics of persons have as many partitions as the settings say.

    With another number retractions and tombstones would be written to wrong ones: the states would
    stay. Raises TopicMismatchError.
    """
    names = [TOPIC, changelog_name(settings.app_id, PERSONS)]
    with administering(settings.broker, what="topics", security=settings.security()) as admin:
        seen = seen_topics(admin, names)
    counts = {name: seen[name].partitions if name in seen else ABSENT for name in names}
    check_partitions(counts, settings.partitions)


def discard_letters(
    settings: Settings, writer: RecordWriter, letters: Iterable[LetterTrace]
) -> int:
    """Discard the dead letters that name a person, whatever their status; return how many.

    No replay then sends what names the person again: it may be told to send those that were
    replayed or discarded. Of several letters of one record all are discarded if one names the
    person. Raises as `read_topics` and the writer.
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
    """Retract the facts, wait for the workers, rewrite the partitions, write tombstones.

    The figures change by retractions, so that workers and audit agree all the while. Raises
    WorkersBehindError, RecordsLeftError, and as `rewrite`.
    """
    retracting = retractions(traces, now=settings.make_clock().now())
    writer.send([_record(event, settings.partitions) for event in retracting])

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
        wait()  # A batch in flight would write a state after its tombstone.
    rewritten = sorted(_rewritten(traces, settings.partitions))

    def is_left_out(record: Record) -> bool:
        return persons.is_lost(record) or persons.concerned_by(record)

    copied = rewrite(settings, writer, TOPIC, rewritten, without=is_left_out, wait=wait)
    _end_states(settings, writer, persons)
    if traces.records and (left := find_records(settings, persons).records):
        raise RecordsLeftError(left)
    return Erased(taken_back=len(retracting), copied=copied)


def _end_states(settings: Settings, writer: RecordWriter, persons: Persons) -> None:
    """Write the tombstones, in segments that are compacted though nothing more is written."""
    ending = tombstones(persons.pseudonyms, app_id=settings.app_id, partitions=settings.partitions)
    changelog = changelog_name(settings.app_id, PERSONS)
    touched = sorted({one.partition for one in ending if one.partition is not None})
    with (
        administering(settings.broker, what="topics", security=settings.security()) as admin,
        rolling_segments(admin, changelog),
    ):
        writer.send(ending)
        # The last segment is never compacted: that of the tombstones is not to be it.
        writer.send([OutgoingRecord(changelog, one, NOBODY, None, ()) for one in touched])


def not_copied(traces: Traces, partitions: int) -> int:
    """Return how many records of others an erasure cannot keep."""
    return sum(traces.not_copied[one] for one in _rewritten(traces, partitions))


def _rewritten(traces: Traces, partitions: int) -> set[int]:
    """Return the partitions to rewrite: where records are, and where retractions are sent."""
    in_force = (event for event in traces.latest.values() if not event.fact.retracted)
    return traces.partitions | {_home(event.fact.entity_id, partitions) for event in in_force}


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
