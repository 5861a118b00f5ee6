"""The share of a family's last records that was refused, and the first cause if it is too high.

Counting is by batch, so accepted records cost nothing. A refusal counts until a full window of
later records is read, and for a day at most.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import NamedTuple

from events.dead_letter_content import contract_field
from events.dead_letter_policy import DeadLetterPolicy
from events.dead_letters import RecordOrigin
from events.errors import ContractError
from events.records import Record
from streams.core import RecordRefusal


class DeadLetterCause(NamedTuple):
    """Why a record was refused, in the words of the contracts, and its origin."""

    reason: str
    field: str
    origin: RecordOrigin


class _Refused(NamedTuple):
    """A refused record within the window."""

    number: int
    """Its place in the order of reading."""
    counted_at: float
    cause: DeadLetterCause


class DeadLetterRate:
    """The refusals among the last records of one family, over all partitions of this worker.

    `clock` returns seconds since any fixed moment: refusals older than the policy's age are dropped
    even if no further record is read.
    """

    def __init__(self, policy: DeadLetterPolicy, *, clock: Callable[[], float] = monotonic) -> None:
        self._policy = policy
        self._clock = clock
        self._seen = 0
        self._refused: deque[_Refused] = deque()
        self._alarm: DeadLetterCause | None = None

    @property
    def share(self) -> float:
        """The refused share of the last records, 0 to 1.

        Records not yet read, and refusals that are too old, count as accepted.
        """
        self._forget(self._seen, self._clock())
        return self._share

    @property
    def _share(self) -> float:
        return len(self._refused) / self._policy.window

    @property
    def alarm(self) -> DeadLetterCause | None:
        """The first cause, if the share exceeds the limit of the policy.

        It is the most frequent reason and field among the refusals in the window when the limit was
        exceeded, with the first such record. It stays the same until the alarm ends.
        """
        self._forget(self._seen, self._clock())
        return self._alarm

    def count(
        self, records: Sequence[Record], refusals: Iterable[RecordRefusal]
    ) -> DeadLetterCause | None:
        """Count a batch and the refusals of some of its records.

        Returns the first cause if an alarm began in this batch, even if it also ended in it.
        """
        begun = None
        now = self._clock()
        errors = {refusal.record.offset: refusal.error for refusal in refusals}
        start, end = self._seen, self._seen + len(records)
        for index, record in enumerate(records if errors else (), start):
            error = errors.get(record.offset)
            if error is None:
                continue
            self._forget(index, now)
            self._refused.append(_Refused(index, now, _cause_of(record, error)))
            self._forget(index + 1, now)
            if self._alarm is None and self._is_too_much():
                self._alarm = self._first_cause()
                begun = begun or self._alarm
        self._seen = end
        self._forget(end, now)
        return begun

    def _forget(self, seen: int, now: float) -> None:
        """Drop refusals that are outside the window after `seen` records, or too old."""
        first = seen - self._policy.window
        oldest = now - self._policy.max_age_seconds
        while self._refused and (
            self._refused[0].number < first or self._refused[0].counted_at < oldest
        ):
            self._refused.popleft()
        if not self._is_too_much():
            self._alarm = None

    def _is_too_much(self) -> bool:
        return self._share > self._policy.max_share

    def _first_cause(self) -> DeadLetterCause:
        causes = [refused.cause for refused in self._refused]
        [(most, _)] = Counter(cause[:2] for cause in causes).most_common(1)
        return next(cause for cause in causes if cause[:2] == most)


def _cause_of(record: Record, error: ContractError) -> DeadLetterCause:
    steps = contract_field(error.field).split(".")
    # A number may be a name chosen by the producer.
    field = ".".join("…" if step.isdigit() else step for step in steps)
    origin = RecordOrigin(record.topic, record.partition, record.offset)
    return DeadLetterCause(str(error.reason), field, origin)
