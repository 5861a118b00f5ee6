"""The worker's counters by producer: one series per declared producer and one for all others."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import accumulate
from typing import Final

from events.claims import claims_of
from events.producers.model import UNKNOWN_PRODUCER, Producers
from events.records import Record
from streams.core import Outcome, Result

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
