"""The worker's counters, as plain numbers: its own, and those by producer."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import accumulate
from typing import Final

from events.claims import claims_of
from events.dead_letter_policy import DEAD_LETTER_POLICY, DeadLetterPolicy
from events.producers.model import UNKNOWN_PRODUCER, Producers
from events.records import Record
from streams.dead_letter_rate import DeadLetterCause, DeadLetterRate
from streams.merging import Outcome, RecordRefusal, Result
from streams.topic_faults import TopicFault

#: The maximum number of (source, type) series: undeclared producers choose their own sources.
MAX_SOURCES = 200
#: The bound of the caches: producers choose their own sources.
_CACHED_SOURCES = 4_096
#: In days: the frequencies that producers declare, and multiples of some.
LATENESS_BOUNDS: Final = (0, 1, 2, 7, 14, 31, 62, 92, 366)

#: Outcomes with new information. A misrouted record is counted on its own partition; a duplicate
#: has already been counted.
_NEW: Final = frozenset({Outcome.ACCEPTED, Outcome.SUPERSEDED})


class Attribution:
    """Maps a source to its producer's id, or to `unknown` if none has declared it."""

    def __init__(self, producers: Producers | None) -> None:
        """Create the mapping of the declared producers; None if no file declares any."""
        self.producers = producers
        self.of_source = lru_cache(maxsize=_CACHED_SOURCES)(self._of_source)
        self.label_of = lru_cache(maxsize=_CACHED_SOURCES)(self._label_of)

    def of_refused(self, record: Record) -> str:
        """Return the producer of a refused record, by the source that it claims."""
        source = claims_of(record.headers, record.value).source
        return UNKNOWN_PRODUCER if source is None else self.of_source(source)

    def _of_source(self, source: str) -> str:
        found = None if self.producers is None else self.producers.of_source(source)
        return UNKNOWN_PRODUCER if found is None else found.id

    def _label_of(self, source: str) -> str:
        """Return the source as declared, since a label creates a series and outlives an erasure."""
        found = None if self.producers is None else self.producers.declared_source(source)
        return source if found is None else found


@dataclass(slots=True)
class LatenessHistogram:
    """Events by the days from their effective day to their recording."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LATENESS_BOUNDS) + 1))
    """Events by bound; the last count is above all bounds."""
    days: int = 0
    """The sum of all observations."""

    def observe(self, days: int, events: int) -> None:
        """Count a number of events of the same lateness in days."""
        self.counts[bisect_left(LATENESS_BOUNDS, days)] += events
        self.days += days * events

    def buckets(self) -> list[tuple[str, int]]:
        """Return cumulative buckets: events up to each bound."""
        bounds = [*map(str, LATENESS_BOUNDS), "+Inf"]
        return list(zip(bounds, accumulate(self.counts), strict=True))


@dataclass(slots=True)
class ProducerMeters:
    """Counters by producer id, including `unknown`."""

    attribution: Attribution = field(default_factory=lambda: Attribution(None))
    events: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    lateness: dict[str, LatenessHistogram] = field(
        default_factory=lambda: defaultdict(LatenessHistogram)
    )
    last_event: dict[str, datetime] = field(default_factory=dict)

    def count(self, result: Result) -> None:
        """Count the result of a batch; the cost is proportional to its distinct sources."""
        of_source = self.attribution.of_source
        for (source, _, outcome, days), records in result.records.items():
            producer = of_source(source)
            self.events[producer, outcome] += records
            if outcome in _NEW:
                self.lateness[producer].observe(max(days, 0), records)
        for refusal in result.refusals:
            producer = self.attribution.of_refused(refusal.record)
            self.events[producer, Outcome.REFUSED] += 1
            self.refused[producer, str(refusal.error.reason)] += 1
        for (source, _), time in result.latest.items():
            producer = of_source(source)
            seen = self.last_event.get(producer)
            if seen is None or time > seen:
                self.last_event[producer] = time


@dataclass(slots=True)
class Meters:
    """Counters since the start of this process."""

    producers: ProducerMeters = field(default_factory=ProducerMeters)
    events: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    policy: DeadLetterPolicy = DEAD_LETTER_POLICY
    dead_letter_rates: dict[str, DeadLetterRate] = field(default_factory=dict)
    """The refusals among the last records, by family."""
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    """How many workers have ended at the current record, by topic and partition."""
    last_event: dict[tuple[str, str], datetime] = field(default_factory=dict)
    sources_dropped: int = 0
    coordinator_errors: int = 0
    mismatches: int = 0
    recoveries: int = 0
    recovery_seconds: float | None = None
    partition_snapshots: Counter[str] = field(default_factory=Counter)
    """The number of partition snapshots, by outcome."""
    log_starts: Mapping[tuple[str, int], int] = field(default_factory=dict)
    """The first available offset, by topic and partition of events."""
    topic_warnings: Sequence[TopicFault] = ()
    """Faults of topics that do not withhold figures."""

    def count(self, result: Result) -> None:
        """Count the result of a batch, after its acknowledgement."""
        self.events.update(result.tally)
        self.producers.count(result)
        self.dead_letters.update(str(refusal.error.reason) for refusal in result.refusals)
        label_of = self.producers.attribution.label_of
        for (source, kind), time in result.latest.items():
            pair = (label_of(source), kind)
            seen = self.last_event.get(pair)
            if seen is None and len(self.last_event) >= MAX_SOURCES:
                self.sources_dropped += 1
            elif seen is None or time > seen:
                self.last_event[pair] = time

    def count_batch(
        self, family: str, records: Sequence[Record], refusals: Sequence[RecordRefusal]
    ) -> DeadLetterCause | None:
        """Count the refused records of a family's batch, after its acknowledgement.

        Returns the first cause if the share of refusals has raised an alarm.
        """
        rate = self.dead_letter_rates.get(family)
        if rate is None:
            rate = self.dead_letter_rates[family] = DeadLetterRate(self.policy)
        return rate.count(records, refusals)
