"""Records and dead letters, classified by producer as accepted or refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from events.claims import claims_of
from events.cloudevent import CloudEvent, decode
from events.dead_letter_content import letter_content
from events.dead_letters import REPLAY_OF, DeadLetter, RecordMap, RecordOrigin
from events.errors import ContractError, RefusalReason
from events.partitioning import partition_for
from events.record_rules import RULES, RecordRules
from events.records import Record
from events.topics import DEFAULT_PARTITIONS, FAMILIES
from streams.dead_letters import FORWARDED_FROM


@dataclass(frozen=True, slots=True)
class AcceptedRecord:
    """A valid event and its origin.

    `replayed`: the monitor sent it again after a refusal. `misplaced`: the partition is not that of
    its entity, to which a worker forwards it.
    """

    event: CloudEvent
    origin: RecordOrigin
    replayed: bool = False
    misplaced: bool = False


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that broke its contract, and the field to be repaired.

    `producer` is the sender that the gateway authenticated, `source` that of the event; None where
    it is not known.
    """

    reason: str
    field: str
    origin: RecordOrigin
    source: str | None = None
    producer: str | None = None
    value: object = dataclasses.field(default=None, repr=False)
    """The value of the field, where it is known; it may be a person's data."""
    owner: str | None = None
    """The producer that owns the fact, where the record was refused as another producer's."""


ClassifiedRecord = AcceptedRecord | RefusedRecord


def classify_records(
    records: Iterable[Record],
    letters: Iterable[DeadLetter],
    *,
    partitions: int = DEFAULT_PARTITIONS,
    rules: RecordRules = RULES,
    skipped: Collection[RecordOrigin] = (),
) -> Iterator[ClassifiedRecord]:
    """Yield each record of the event topics and each dead letter of the gateway.

    A record counts once, however often it was processed. One with a dead letter was refused for the
    reason of the first, even if it is valid today; the others are judged by their contract. The
    monitor's own copies do not count: forwards never, replays only where they are valid.
    `partitions` is the number of each event topic, `rules` are those of all readers. Records of
    `skipped`, which ended workers, are refused without their contract being read, as workers do.
    """
    refused = RecordMap[DeadLetter]()
    for letter in letters:
        if (identity := letter.records) is None:
            yield _of_letter(letter, letter, rules)
        else:
            refused.add(identity, letter)
    for record in records:
        names = {name for name, _ in record.headers}
        if FORWARDED_FROM in names:
            continue
        replayed = REPLAY_OF in names
        origin = RecordOrigin.of(record)
        found: ClassifiedRecord
        if origin in skipped:
            found = RefusedRecord(RefusalReason.PASSED_OVER, "value", origin, _source_of(record))
        elif (known := refused.find(*origin, record.timestamp)) is not None:
            found = replace(_of_letter(known, record, rules), origin=origin)
        else:
            found = _classify(record, origin, replayed=replayed, partitions=partitions, rules=rules)
        if isinstance(found, AcceptedRecord) or not replayed:
            yield found


def _classify(
    record: Record, origin: RecordOrigin, *, replayed: bool, partitions: int, rules: RecordRules
) -> AcceptedRecord | RefusedRecord:
    try:
        event = rules.decode(record, family=FAMILIES[record.topic])
    except ContractError as error:
        # As in its dead letter: the sender chose the name of an unknown field.
        content = letter_content(error, record.key, record.value, record.headers or ())
        return RefusedRecord(
            error.reason,
            content.error.field,
            origin,
            _source_of(record),
            value=error.value,
            owner=_owner(error.reason, record, rules),
        )
    home = partition_for(event.fact.entity_id.encode(), partitions)
    return AcceptedRecord(event, origin, replayed, record.partition != home)


def _source_of(refused: Record | DeadLetter) -> str | None:
    return claims_of(refused.headers, refused.value).source


def _owner(reason: str, refused: Record | DeadLetter, rules: RecordRules) -> str | None:
    """Return the owner of a refused event's fact, where it was refused for that."""
    if reason != RefusalReason.NOT_OWNER:
        return None
    try:
        fact = decode(refused.headers, refused.value).fact
    except ContractError:
        return None
    return rules.ownership.owner(fact.NAME, fact.entity_id)


def _of_letter(
    letter: DeadLetter, refused: Record | DeadLetter, rules: RecordRules
) -> RefusedRecord:
    """Return a dead letter's refusal; `refused` has the record, which it may not keep."""
    return RefusedRecord(
        letter.reason,
        letter.field,
        letter.origin,
        _source_of(refused),
        letter.producer,
        _value_found(letter.field, refused),
        _owner(letter.reason, refused, rules),
    )


def _value_found(field: str, refused: Record | DeadLetter) -> object:
    try:
        decode(refused.headers, refused.value)
    except ContractError as error:
        return error.value if error.field == field else None
    return None


def lateness_days(recorded: datetime, effective: date) -> int:
    """Return how many days after its effective day a fact was recorded (UTC); never negative.

    A fact may carry the day after its `time`: east of Greenwich that day has begun.
    """
    return max(recorded.toordinal() - effective.toordinal(), 0)
