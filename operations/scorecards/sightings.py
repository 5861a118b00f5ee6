"""What a record tells of its producer: an event taken in, or something refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from events.claims import claims_of
from events.cloudevent import CloudEvent, decode
from events.dead_letter_content import letter_content
from events.dead_letters import GATEWAY, REPLAY_OF, DeadLetter, RecordOrigin
from events.errors import ContractError, RefusalReason
from events.partitioning import partition_for
from events.record_rules import RULES, RecordRules
from events.records import Record
from events.registry import Family
from events.topics import DEFAULT_PARTITIONS, topic_name
from streams.dead_letters import FORWARDED_FROM

__all__ = ["AcceptedRecord", "RefusedRecord", "Sighting", "lateness_days", "sightings"]

_FAMILIES = {topic_name(family): family for family in Family}


@dataclass(frozen=True, slots=True)
class AcceptedRecord:
    """A valid event, and where it lies.

    `replayed`: the monitor sent it again after a refusal. `misplaced`: that is not the partition of
    its entity, to which a worker has to forward it.
    """

    event: CloudEvent
    origin: RecordOrigin
    replayed: bool = False
    misplaced: bool = False


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """Something that broke its contract, and the part of it to be repaired.

    `producer` is who had shown at the gateway who it is, `source` what the record itself says; None
    where neither is known.
    """

    reason: str
    field: str
    origin: RecordOrigin
    source: str | None = None
    producer: str | None = None
    value: object = dataclasses.field(default=None, repr=False)
    """What was found in the field, where that is known; it may be anybody's data."""
    owner: str | None = None
    """The producer that owns what it tells of, where it was refused since another sent it."""


Sighting = AcceptedRecord | RefusedRecord


def sightings(
    records: Iterable[Record],
    letters: Iterable[DeadLetter],
    *,
    partitions: int = DEFAULT_PARTITIONS,
    rules: RecordRules = RULES,
) -> Iterator[Sighting]:
    """Tell what became of each record of the event topics, and of what the gateway refused.

    A record counts once, however often it was worked through: one of which there is a dead letter
    was refused for that letter's reason, also if it would be valid today; of the others their
    contract decides. The monitor's own copies do not count: forwards never, replays only as events
    that came to be known. `partitions` is how many each event topic has, `rules` tell
    what is taken of a record.
    """
    refused: dict[RecordOrigin, DeadLetter] = {}
    for letter in letters:
        if letter.origin == GATEWAY:
            yield _of_letter(letter, letter, rules)
        else:
            refused[letter.origin] = letter
    for record in records:
        names = {name for name, _ in record.headers}
        if FORWARDED_FROM in names:
            continue
        replayed = REPLAY_OF in names
        origin = RecordOrigin(record.topic, record.partition, record.offset)
        if origin in refused:
            seen: Sighting = _of_letter(refused[origin], record, rules)
        else:
            seen = _judged(record, origin, replayed=replayed, partitions=partitions, rules=rules)
        if isinstance(seen, AcceptedRecord) or not replayed:
            yield seen


def _judged(
    record: Record, origin: RecordOrigin, *, replayed: bool, partitions: int, rules: RecordRules
) -> AcceptedRecord | RefusedRecord:
    try:
        event = rules.decode(record, family=_FAMILIES[record.topic])
    except ContractError as error:
        # As in its letter: the name of an unknown field is the sender's own word.
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
    """The owner of what a refused event tells of, where it was refused for that."""
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
    """Tell of a refusal by its letter, which may not keep what was `refused`."""
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
