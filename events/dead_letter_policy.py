"""The dead-letter policy: what dead letters keep, and which share of refusals is an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from events.cloudevent import MAX_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPolicy:
    """The bounds of what a dead letter keeps, and of the share of refused records without alarm.

    Within these bounds `events.dead_letter_content.letter_content` decides what is kept. A refused
    record never stops a worker: an alarm only informs an operator.
    """

    max_kept_bytes: int = MAX_BYTES
    """The largest record that a letter keeps: key, value and headers of the largest event."""
    max_single: int = 100
    """The most refusals of one kind in a worker's batch that have a dead letter each; more become a
    summary. A person reads a hundred lines, and a batch has some thousand records."""
    max_summarized: int = 10_000
    """The most records of one summary, a little more than a batch has by default; further records
    are another summary. What replays one holds their offsets in memory."""
    window: int = 100
    """The share is that among so many last records of a family: as in the sliding window of
    Resilience4j's circuit breaker (slidingWindowSize) and the least throughput of Polly's."""
    max_age_seconds: float = 24 * 60 * 60.0
    """So long after it was read a refused record counts in the share: an alarm is still there on
    the morning after a night's delivery, and ends where nothing more is read."""
    max_share: float = 0.2
    """An alarm is a larger share. Between the 10 % at which Polly's circuit breaker opens and the
    50 % of Resilience4j's; four times the share at which one producer counts as faulty."""


DEAD_LETTER_POLICY: Final = DeadLetterPolicy()
"""The policy of all programs: what a letter keeps must not depend on who writes it."""
