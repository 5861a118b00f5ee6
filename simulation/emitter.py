"""How a producing system numbers, dates and sends its facts as records, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from random import Random

from events.cloudevent import CloudEvent, encode_structured
from events.fact import Fact, Family
from simulation.chance import days_after, stream
from simulation.figures import region_figures
from simulation.times import FIRST_DAY, LAST_DAY

LATE_SHARE = 0.015
LATE_DAYS = (21, 90)

DELAYED_SHARE = 0.004
DELAYED_DAYS = (1, 20)

DUPLICATE_SHARE = 0.008
DUPLICATE_DAYS = (0, 3)
LONGEST_RETRY_SECONDS = 3600

CORRECTION_DAYS = (2, 30)

OVERTAKEN_SHARE = 0.1
OVERTAKEN_DAYS = (1, 5)
"""Some corrected records are sent after their correction, by as many days."""

OFFICE_OPENS = time(6, tzinfo=UTC)
OFFICE_SECONDS = 14 * 60 * 60


class RecordKind(StrEnum):
    """What is particular about a record."""

    REGULAR = "regular"
    LATE = "late"
    """Recorded weeks after the usual day."""
    DELAYED = "delayed"
    """Recorded in time, sent days later, some after the record that corrects it."""
    CORRECTION = "correction"
    """Same entity, fact and effective day as an earlier record, recorded later."""
    RETRACTION = "retraction"
    """Takes back an earlier record."""
    DUPLICATE = "duplicate"
    """The same bytes a second time: same source, same id."""
    INVALID = "invalid"
    """Breaks the contract; to be refused."""


@dataclass(frozen=True, slots=True)
class SimulatedRecord:
    """One record as it leaves its producing system.

    `line` is the CloudEvent as one line of JSON, without a line end (an invalid record's line may
    be anything); `key` is the Kafka record's key, the entity's id; `family` determines the topic.
    """

    sent: datetime
    family: Family
    kind: RecordKind
    key: str
    line: str

    @property
    def day(self) -> date:
        """The simulated day of emission (UTC)."""
        return self.sent.date()


class Emitter:
    """Everything that one producing system sends within a window of days.

    A fact is recorded on a day, never before the first simulated one (what happened earlier is
    the initial load), and sent that day unless something goes wrong. Nothing that goes wrong may
    outlive the last simulated day: what would be late, corrected or taken back after it is right
    from the start, so that the story's end is the same for every seed.

    The window only spares the work of writing lines: chance and ids run through all the years.
    """

    def __init__(self, seed: int, family: Family, system: str, *, first: date, last: date) -> None:
        self.records: list[SimulatedRecord] = []
        """In no particular order."""
        self._family = family
        self._system = system
        self._first = first
        self._last = last
        self._chance = stream(seed, f"outbox:{system}")
        self._habits = region_figures().habits[system]
        self._sequence = 0

    def recorded(self, chance: Random, day: date) -> date:
        """Return when the system records what happened on a day."""
        return days_after(chance, day, *self._habits.recorded_after)

    def report(self, fact: Fact, chance: Random, wrongly: Mapping[str, object]) -> date | None:
        """Send a fact as the system's habits are, first `wrongly` where it is corrected later.

        Return the day on which another one is recorded that will be taken back; mostly None.
        """
        recorded = self.recorded(chance, fact.effective_day)
        fate = chance.random()
        self.send(fact, recorded, wrongly=wrongly if fate < self._habits.corrected else None)
        return recorded if fate > 1 - self._habits.retracted else None

    def send(
        self,
        fact: Fact,
        on: date,
        *,
        wrongly: Mapping[str, object] | None = None,
        punctual: bool = False,
    ) -> None:
        """Record a fact on a day; where it is not punctual it may be late, or overtaken.

        Where it is first recorded `wrongly`, in these fields, it is corrected some days later; the
        correction may overtake.
        """
        on = max(on, FIRST_DAY)
        if wrongly is not None:
            self._correct(fact.model_copy(update=wrongly), fact, on)
            return
        fate = self._chance.random()
        late_on = days_after(self._chance, on, *LATE_DAYS)
        delay_days = self._chance.randint(*DELAYED_DAYS)
        if punctual:
            self._dispatch(fact, on, RecordKind.REGULAR)
        elif fate < LATE_SHARE and late_on <= LAST_DAY:
            self.send_late(fact, late_on)
        elif fate > 1 - DELAYED_SHARE and on + timedelta(days=delay_days) <= LAST_DAY:
            self._dispatch(fact, on, RecordKind.DELAYED, delay_days)
        else:
            self._dispatch(fact, on, RecordKind.REGULAR)

    def send_late(self, fact: Fact, on: date) -> None:
        """Record a fact on a day, known to be weeks after the usual one."""
        self._dispatch(fact, on, RecordKind.LATE)

    def _correct(self, wrong: Fact, right: Fact, on: date) -> None:
        corrected_on = days_after(self._chance, on, *CORRECTION_DAYS)
        overtaken = self._chance.random() < OVERTAKEN_SHARE
        wrong_sent_on = days_after(self._chance, corrected_on, *OVERTAKEN_DAYS)
        if corrected_on > LAST_DAY:
            self._dispatch(right, on, RecordKind.REGULAR)
            return
        if overtaken and wrong_sent_on <= LAST_DAY:
            self._dispatch(wrong, on, RecordKind.DELAYED, (wrong_sent_on - on).days)
        else:
            self._dispatch(wrong, on, RecordKind.REGULAR)
        self._dispatch(right, corrected_on, RecordKind.CORRECTION)

    def retract(self, fact: Fact, on: date) -> None:
        """Record a fact that never was, and take it back some days later."""
        on = max(on, FIRST_DAY)
        retracted_on = days_after(self._chance, on, *CORRECTION_DAYS)
        if retracted_on <= LAST_DAY:
            self._dispatch(fact, on, RecordKind.REGULAR)
            retraction = fact.model_copy(update={"retracted": True})
            self._dispatch(retraction, retracted_on, RecordKind.RETRACTION)

    def spoil(self, fact: Fact, on: date, flaw: Callable[[str], str]) -> None:
        """Send a fact's line on a day as a faulty system would write it."""
        recorded = self._instant(on)
        self._put(self._event(fact, recorded), [(recorded, RecordKind.INVALID)], flaw)

    def _dispatch(self, fact: Fact, on: date, kind: RecordKind, delay_days: int = 0) -> None:
        recorded = self._instant(on)
        sent = recorded + timedelta(days=delay_days)
        departures = [(sent, kind)]
        if self._chance.random() < DUPLICATE_SHARE:
            days = self._chance.randint(*DUPLICATE_DAYS)
            seconds = self._chance.randint(1, LONGEST_RETRY_SECONDS)
            again = sent + timedelta(days=days, seconds=seconds)
            departures.append((again, RecordKind.DUPLICATE))
        self._put(self._event(fact, recorded), departures)

    def _event(self, fact: Fact, recorded: datetime) -> CloudEvent:
        self._sequence += 1
        return CloudEvent(
            id=f"{self._system}-{self._sequence:06d}",
            source=f"urn:iledefrance:{self._system}",
            time=recorded,
            fact=fact,
        )

    def _instant(self, day: date) -> datetime:
        opening = datetime.combine(day, OFFICE_OPENS)
        return opening + timedelta(seconds=self._chance.randrange(OFFICE_SECONDS))

    def _put(
        self,
        event: CloudEvent,
        departures: list[tuple[datetime, RecordKind]],
        flaw: Callable[[str], str] | None = None,
    ) -> None:
        line = ""
        for sent, kind in departures:
            if self._first <= sent.date() <= self._last:
                line = line or (flaw or str)(encode_structured(event).value.decode())
                key = event.fact.entity_id
                self.records.append(SimulatedRecord(sent, self._family, kind, key, line))
