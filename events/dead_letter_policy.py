"""The dead-letter policy: what dead letters keep, and which share of refusals raises an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from events.cloudevent import MAX_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterPolicy:
    """The limits of what a dead letter keeps, and of the share of refused records without an alarm.

    Within these limits, `events.dead_letter_content.letter_content` decides what is kept. A refused
    record never stops a worker: an alarm only informs an operator.
    """

    max_kept_bytes: int = MAX_BYTES
    """The largest record that a dead letter keeps: key, value and headers of the largest event."""
    max_single: int = 100
    """The maximum number of refusals of one kind in a worker's batch with a dead letter each; more
    are summarized. A person reads a hundred lines; a batch has a few thousand records."""
    max_summarized: int = 10_000
    """The maximum number of records in one summary, slightly more than in a default batch; further
    records go into another summary. A replay holds the offsets of a summary in memory."""
    window: int = 100
    """The share is measured over this many last records of a family, as in Resilience4j's circuit
    breaker (slidingWindowSize) and the minimum throughput of Polly's."""
    max_age_seconds: float = 24 * 60 * 60.0
    """How long a refused record counts in the share after it was read: an alarm is still there the
    morning after a nightly delivery, and ends if nothing more is read."""
    max_share: float = 0.2
    """A larger share raises an alarm. Between the 10 % at which Polly's circuit breaker opens and
    the 50 % of Resilience4j's; four times the share at which one producer counts as faulty."""


DEAD_LETTER_POLICY: Final = DeadLetterPolicy()
"""The policy of all programs: what a dead letter keeps must not depend on its writer."""
