"""The share of a family's last records that was refused, and the first cause if it is too high."""

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
from streams.merging import RecordRefusal


class DeadLetterCause(NamedTuple):
    """Why a record was refused, in the words of the contracts, and its origin."""

    reason: str
    field: str
    origin: RecordOrigin


class DeadLetterRate:
    """The refusals among the last records of one family, over all partitions of this worker.

    Records not yet read, and refusals older than the policy's age, count as accepted. `clock`
    returns seconds since any fixed moment.
    """

    def __init__(self, policy: DeadLetterPolicy, *, clock: Callable[[], float] = monotonic) -> None:
        self._policy = policy
        self._clock = clock
        #: When each of the last records was counted, and why it was refused.
        self._last: deque[tuple[float, DeadLetterCause | None]] = deque(maxlen=policy.window)
        self._alarm: DeadLetterCause | None = None

    @property
    def share(self) -> float:
        """The refused share of the last records, 0 to 1."""
        return len(self._causes()) / self._policy.window

    @property
    def alarm(self) -> DeadLetterCause | None:
        """The first cause, if the share exceeds the limit of the policy.

        It is the most frequent reason and field among the refusals in the window when the limit was
        exceeded, with the first such record. It stays the same until the alarm ends.
        """
        causes = self._causes()
        if len(causes) <= self._policy.max_share * self._policy.window:
            self._alarm = None
        elif self._alarm is None:
            [(most, _)] = Counter(cause[:2] for cause in causes).most_common(1)
            self._alarm = next(cause for cause in causes if cause[:2] == most)
        return self._alarm

    def count(
        self, records: Sequence[Record], refusals: Iterable[RecordRefusal]
    ) -> DeadLetterCause | None:
        """Count a batch and the refusals of some of its records.

        Returns the first cause if an alarm began with this batch.
        """
        before, now = self.alarm, self._clock()
        errors = {refusal.record.offset: refusal.error for refusal in refusals}
        for record in records[-self._policy.window :]:
            error = errors.get(record.offset)
            self._last.append((now, None if error is None else _cause_of(record, error)))
        return self.alarm if before is None else None

    def _causes(self) -> list[DeadLetterCause]:
        oldest = self._clock() - self._policy.max_age_seconds
        return [cause for at, cause in self._last if cause is not None and at >= oldest]


def _cause_of(record: Record, error: ContractError) -> DeadLetterCause:
    steps = contract_field(error.field).split(".")
    # A number may be a name chosen by the producer.
    field = ".".join("…" if step.isdigit() else step for step in steps)
    origin = RecordOrigin.of(record)
    return DeadLetterCause(str(error.reason), field, origin)
