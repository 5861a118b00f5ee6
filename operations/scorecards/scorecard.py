"""The scorecard of a producer: records accepted and refused, lateness, last event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from math import ceil
from typing import Final, TypeGuard

from pydantic_core import to_json

from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.errors import RefusalReason
from events.frequency import Frequency, allowed_silence_days
from events.producers.model import UNKNOWN_PRODUCER, Producers
from operations.scorecards.classification import (
    AcceptedRecord,
    ClassifiedRecord,
    RefusedRecord,
    lateness_days,
)
from operations.scorecards.references import ReportModel

#: The title of the scorecard for records of no declared producer.
_UNDECLARED: Final = "Not declared"


class ProducerStatus(StrEnum):
    """Whether a producer keeps to its declared frequency."""

    ON_TIME = "on_time"
    SILENT = "silent"
    NEVER_HEARD = "never_heard"
    NOTHING_PROMISED = "nothing_promised"


class Lateness(ReportModel):
    """Days from a fact's effective day to its recording: half are at most `median`, and so on.

    Each is the smallest number of days that holds for the share it names (nearest rank).
    """

    median: int
    ninth_decile: int
    most: int


class Refusals(ReportModel):
    """Refusals of one reason at one field, and the origin of one."""

    reason: str
    field: str
    count: int
    example: str
    """`smartregion.schools[3]@17`: topic, partition, offset; `http`: at the gateway."""


class Scorecard(ReportModel):
    """The records of one producer, up to a day.

    An event counts as accepted once, by its source and id: `duplicates` are the records that
    repeat one, `reused_ids` those with other content under the source and id of one. `misplaced`
    are records that a worker forwards to the partition of their entity. `replayed` are the accepted
    events that the monitor sent again after a refusal. `attempts` are refused records about what
    another producer owns today; `attempts_by_others` are records of others about what this one
    owns, refused. `valid_share` is the share of valid ones among the records that are no duplicates
    (0 to 1; None where there are none).
    """

    producer: str
    title: str
    contact: str | None
    as_of: date
    accepted: int
    replayed: int
    duplicates: int
    reused_ids: int
    misplaced: int
    refused: int
    attempts: int
    attempts_by_others: int
    refusals: tuple[Refusals, ...]
    """The most frequent first."""
    valid_share: float | None
    lateness: Lateness | None
    expected_every: Frequency | None
    last_event: datetime | None
    """The latest `time` of an accepted event."""
    silence_days: int | None
    allowed_silence_days: int | None
    standing: ProducerStatus


class ScorecardBuilder:
    """Builds the scorecards of all producers from classified records, in any order."""

    def __init__(self, producers: Producers) -> None:
        self._producers = producers
        self._tallies = {producer.id: _Tally() for producer in producers}
        self._undeclared = _Tally()

    def add(self, producer: str, record: ClassifiedRecord) -> None:
        """Count a record of a producer."""
        tally = self._tallies.get(producer, self._undeclared)
        tally.add(record)
        # Its own today: a worker refused it that had not read the declaration yet.
        if not _is_attempt(record) or record.owner == producer:
            return
        tally.attempts += 1
        if record.owner in self._tallies:
            self._tallies[record.owner].attempts_by_others += 1

    def cards(self, as_of: date) -> tuple[Scorecard, ...]:
        """Return a scorecard for each declared producer, in the order of their declaration.

        Records of no declared producer, where there are any, make a last one: `unknown`.
        """
        cards = [
            _card(
                self._tallies[producer.id],
                producer.id,
                producer.title,
                as_of,
                contact=producer.contact,
                every=producer.expected_every,
            )
            for producer in self._producers
        ]
        if not self._undeclared.empty:
            cards.append(_card(self._undeclared, UNKNOWN_PRODUCER, _UNDECLARED, as_of))
        return tuple(cards)


def producer_of(record: ClassifiedRecord, producers: Producers) -> str:
    """Return the id of a record's producer, or `unknown`.

    The producer that the gateway authenticated takes precedence over the record's source.
    """
    if isinstance(record, RefusedRecord) and record.producer is not None:
        named = producers.get(record.producer)
        return UNKNOWN_PRODUCER if named is None else named.id
    source = record.event.source if isinstance(record, AcceptedRecord) else record.source
    found = producers.of_source(source) if source is not None else None
    return UNKNOWN_PRODUCER if found is None else found.id


_EventKey = tuple[str, str]
"""An event's source and id."""


@dataclass(slots=True)
class _Tally:
    """The counts of one producer; the order of records does not matter."""

    valid_records: int = 0
    sent: dict[_EventKey, int] = field(default_factory=dict)
    """The lateness of each valid event that the producer sent."""
    contents: dict[_EventKey, int] = field(default_factory=dict)
    """The digest of the first content read under each of these ids: there are millions of them."""
    other_contents: set[tuple[_EventKey, int]] = field(default_factory=set)
    misplaced: int = 0
    replayed: dict[_EventKey, int] = field(default_factory=dict)
    attempts: int = 0
    attempts_by_others: int = 0
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], RecordOrigin] = field(default_factory=dict)
    last_event: datetime | None = None

    @property
    def empty(self) -> bool:
        """True without any record."""
        return not (self.sent or self.replayed or self.refusals)

    def add(self, record: ClassifiedRecord) -> None:
        """Count a record."""
        if isinstance(record, AcceptedRecord):
            self._take(record)
        else:
            self._refuse(record)

    def _take(self, record: AcceptedRecord) -> None:
        event = record.event
        days = lateness_days(event.time, event.fact.effective_day)
        events = self.replayed if record.replayed else self.sent
        key = (event.source, event.id)
        if not record.replayed:
            self.valid_records += 1
            self.misplaced += record.misplaced
            content = _digest(event)
            if self.contents.setdefault(key, content) != content:
                self.other_contents.add((key, content))
        # Of two events with one id the later recording counts, in any order of reading.
        events[key] = max(days, events.get(key, days))
        if self.last_event is None or event.time > self.last_event:
            self.last_event = event.time

    def _refuse(self, record: RefusedRecord) -> None:
        kind = (record.reason, record.field)
        self.refusals[kind] += 1
        self.examples[kind] = min(record.origin, self.examples.get(kind, record.origin))


def _card(
    tally: _Tally,
    producer: str,
    title: str,
    as_of: date,
    *,
    contact: str | None = None,
    every: Frequency | None = None,
) -> Scorecard:
    events = tally.replayed | tally.sent
    refused = tally.refusals.total()
    sent = len(tally.sent) + refused
    silence = None if tally.last_event is None else (as_of - tally.last_event.date()).days
    allowed = None if every is None else allowed_silence_days(every)
    return Scorecard(
        producer=producer,
        title=title,
        contact=contact,
        as_of=as_of,
        accepted=len(events),
        replayed=len(events) - len(tally.sent),
        duplicates=tally.valid_records - len(tally.sent) - len(tally.other_contents),
        reused_ids=len(tally.other_contents),
        misplaced=tally.misplaced,
        refused=refused,
        attempts=tally.attempts,
        attempts_by_others=tally.attempts_by_others,
        refusals=tuple(_refusals(tally)),
        valid_share=len(tally.sent) / sent if sent else None,
        lateness=_lateness(events.values()),
        expected_every=every,
        last_event=tally.last_event,
        silence_days=None if silence is None else max(silence, 0),
        allowed_silence_days=allowed,
        standing=_standing(silence, allowed),
    )


def _is_attempt(record: ClassifiedRecord) -> TypeGuard[RefusedRecord]:
    return isinstance(record, RefusedRecord) and record.reason == RefusalReason.NOT_OWNER


def _digest(event: CloudEvent) -> int:
    """Return a digest of an event's content without source and id."""
    return hash((event.type, event.time, to_json(event.fact)))


def _refusals(tally: _Tally) -> Iterable[Refusals]:
    ranked = sorted(tally.refusals.items(), key=lambda item: (-item[1], item[0]))
    for (reason, name), count in ranked:
        example = str(tally.examples[reason, name])
        yield Refusals(reason=reason, field=name, count=count, example=example)


def _lateness(days: Iterable[int]) -> Lateness | None:
    ordered = sorted(days)
    if not ordered:
        return None

    def rank(tenths: int) -> int:
        return ordered[ceil(tenths * len(ordered) / 10) - 1]

    return Lateness(median=rank(5), ninth_decile=rank(9), most=ordered[-1])


def _standing(silence: int | None, allowed: int | None) -> ProducerStatus:
    if silence is None:
        return ProducerStatus.NEVER_HEARD
    if allowed is None:
        return ProducerStatus.NOTHING_PROMISED
    return ProducerStatus.SILENT if silence > allowed else ProducerStatus.ON_TIME
