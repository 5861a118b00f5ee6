"""The worker's counters, as plain numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from events.dead_letter_policy import DEAD_LETTER_POLICY, DeadLetterPolicy
from events.records import Record
from streams.core import Outcome, RecordRefusal, Result
from streams.dead_letter_rate import DeadLetterCause, DeadLetterRate
from streams.producers.meters import ProducerMeters
from streams.topic_faults import TopicFault

#: The maximum number of (source, type) series: undeclared producers choose their own sources.
MAX_SOURCES = 200


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
