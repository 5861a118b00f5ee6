"""The scorecard: what a producer sent, what was refused of it, how late, how long ago."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from itertools import accumulate
from typing import Final

from pydantic_core import to_json

from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.errors import RefusalReason
from events.frequency import Frequency
from events.producers.model import UNKNOWN_PRODUCER, Producers
from operations.scorecards.references import ReportModel
from operations.scorecards.sightings import AcceptedRecord, RefusedRecord, Sighting, lateness_days
from streams.producers.silence import allowed_silence_days

__all__ = ["Lateness", "ProducerStatus", "Refusals", "Scorecard", "ScorecardBuilder", "producer_of"]

#: What the reports call those who sent what no declared producer may.
_UNDECLARED: Final = "Not declared"


class ProducerStatus(StrEnum):
    """Whether a producer keeps to the frequency that it promised."""

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
    """Refusals of one reason at one field, and where one of them is to be seen."""

    reason: str
    field: str
    count: int
    example: str
    """`smartregion.schools[3]@17`: topic, partition, offset; `http`: at the gateway."""


class Scorecard(ReportModel):
    """What became of what one producer sent, up to a day.

    An event counts as accepted once, by its source and id: `duplicates` are the records that
    repeat one, `reused_ids` those that say something else under the source and id of one.
    `misplaced` are records that a worker has to forward to the partition of their entity.
    `replayed` are those of the accepted that the monitor itself had to send again after a refusal.
    `attempts` are those of the refused that tell of what another producer owns;
    `attempts_by_others` what others sent of what this one owns, refused, and none of its own
    records.
    `valid_share` is the share of valid ones among what was sent and no repetition (0 to 1; None
    where nothing was).
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
    """A fold over what was seen of all producers, in any order."""

    def __init__(self, producers: Producers) -> None:
        self._producers = producers
        self._tallies = {producer.id: _Tally() for producer in producers}
        self._undeclared = _Tally()

    def add(self, producer: str, sighting: Sighting) -> None:
        """Count what was seen of a producer."""
        self._tallies.get(producer, self._undeclared).add(sighting)
        if isinstance(sighting, RefusedRecord) and sighting.owner in self._tallies:
            self._tallies[sighting.owner].attempts_by_others += 1

    def cards(self, as_of: date) -> tuple[Scorecard, ...]:
        """Return a scorecard for each declared producer, in the order of their declaration.

        What none of them may have sent makes a last one, for `unknown`, where there is any.
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


def producer_of(sighting: Sighting, producers: Producers) -> str:
    """Return the id of the producer that a record is from, or `unknown`.

    Who has shown at the gateway who it is answers for what it sent, whatever that says.
    """
    if isinstance(sighting, RefusedRecord) and sighting.producer is not None:
        named = producers.get(sighting.producer)
        return UNKNOWN_PRODUCER if named is None else named.id
    source = sighting.event.source if isinstance(sighting, AcceptedRecord) else sighting.source
    found = producers.of_source(source) if source is not None else None
    return UNKNOWN_PRODUCER if found is None else found.id


_EventKey = tuple[str, str]
"""An event's source and id."""


@dataclass(slots=True)
class _Tally:
    """A fold over what was seen of one producer; the order does not matter."""

    valid_records: int = 0
    sent: dict[_EventKey, int] = field(default_factory=dict)
    """The lateness of each event that its producer sent and that was valid."""
    contents: dict[_EventKey, int] = field(default_factory=dict)
    """What was first read under each of these ids, as a digest: there are millions of them."""
    other_contents: set[tuple[_EventKey, int]] = field(default_factory=set)
    misplaced: int = 0
    replayed: dict[_EventKey, int] = field(default_factory=dict)
    attempts_by_others: int = 0
    refusals: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], RecordOrigin] = field(default_factory=dict)
    last_event: datetime | None = None

    @property
    def empty(self) -> bool:
        """True where nothing was seen."""
        return not (self.sent or self.replayed or self.refusals)

    def add(self, sighting: Sighting) -> None:
        """Count what was seen."""
        if isinstance(sighting, AcceptedRecord):
            self._take(sighting)
        else:
            self._refuse(sighting)

    def _take(self, sighting: AcceptedRecord) -> None:
        event = sighting.event
        days = lateness_days(event.time, event.fact.effective_day)
        events = self.replayed if sighting.replayed else self.sent
        key = (event.source, event.id)
        if not sighting.replayed:
            self.valid_records += 1
            self.misplaced += sighting.misplaced
            content = _digest(event)
            if self.contents.setdefault(key, content) != content:
                self.other_contents.add((key, content))
        # Where a producer gave two events one id, the later counts, whichever is read first.
        events[key] = max(days, events.get(key, days))
        if self.last_event is None or event.time > self.last_event:
            self.last_event = event.time

    def _refuse(self, sighting: RefusedRecord) -> None:
        kind = (sighting.reason, sighting.field)
        self.refusals[kind] += 1
        self.examples[kind] = min(sighting.origin, self.examples.get(kind, sighting.origin))


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
        attempts=sum(
            count
            for (reason, _), count in tally.refusals.items()
            if reason == RefusalReason.NOT_OWNER
        ),
        attempts_by_others=tally.attempts_by_others,
        refusals=tuple(_refusals(tally)),
        valid_share=len(tally.sent) / sent if sent else None,
        lateness=_lateness(Counter(events.values())),
        expected_every=every,
        last_event=tally.last_event,
        silence_days=None if silence is None else max(silence, 0),
        allowed_silence_days=allowed,
        standing=_standing(silence, allowed),
    )


def _digest(event: CloudEvent) -> int:
    """Return a number for all that an event says besides its source and id."""
    return hash((event.type, event.time, to_json(event.fact)))


def _refusals(tally: _Tally) -> Iterable[Refusals]:
    ranked = sorted(tally.refusals.items(), key=lambda item: (-item[1], item[0]))
    for (reason, name), count in ranked:
        example = str(tally.examples[reason, name])
        yield Refusals(reason=reason, field=name, count=count, example=example)


def _lateness(days: Mapping[int, int]) -> Lateness | None:
    if not days:
        return None
    ordered = sorted(days)
    up_to = list(accumulate(days[one] for one in ordered))
    total = up_to[-1]

    def rank(tenths: int) -> int:
        return next(
            day for day, count in zip(ordered, up_to, strict=True) if 10 * count >= tenths * total
        )

    return Lateness(median=rank(5), ninth_decile=rank(9), most=ordered[-1])


def _standing(silence: int | None, allowed: int | None) -> ProducerStatus:
    if silence is None:
        return ProducerStatus.NEVER_HEARD
    if allowed is None:
        return ProducerStatus.NOTHING_PROMISED
    return ProducerStatus.SILENT if silence > allowed else ProducerStatus.ON_TIME
