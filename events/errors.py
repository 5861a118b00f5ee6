"""The reasons for refusing a record; each message has the field, the value and the remedy."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError

__all__ = [
    "REASONS_OF_WORKERS",
    "ContractError",
    "RefusalReason",
]

LONGEST_FIELD = 200
"""The maximum length of a refused field's path."""


class RefusalReason(StrEnum):
    """A reason for refusing a record; the closed vocabulary of dead letters and their metric."""

    NULL_VALUE = "null_value"
    TOO_LARGE = "too_large"
    TOO_COMPLEX = "too_complex"
    NOT_A_CLOUDEVENT = "not_a_cloudevent"
    INVALID_JSON = "invalid_json"
    INVALID_ENVELOPE = "invalid_envelope"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_DATA = "invalid_data"
    DAY_OUT_OF_RANGE = "day_out_of_range"
    WRONG_TOPIC = "wrong_topic"
    TIME_AHEAD = "time_ahead"
    NOT_ALLOWED = "not_allowed"
    NOT_OWNER = "not_owner"
    PERSON_DATA = "person_data"
    UNREADABLE = "unreadable"
    ENTITY_FULL = "entity_full"
    UNPROCESSABLE = "unprocessable"
    PASSED_OVER = "passed_over"


#: Reasons of workers only: a request over HTTP is not a record yet.
REASONS_OF_WORKERS = frozenset(
    {
        RefusalReason.UNREADABLE,
        RefusalReason.ENTITY_FULL,
        RefusalReason.UNPROCESSABLE,
        RefusalReason.PASSED_OVER,
    }
)

PROBLEMS = {
    RefusalReason.NULL_VALUE: "the record has no value",
    RefusalReason.TOO_LARGE: "is larger than any event",
    RefusalReason.TOO_COMPLEX: "is more complex than any event",
    RefusalReason.NOT_A_CLOUDEVENT: "the record is not a CloudEvent",
    RefusalReason.INVALID_JSON: "is not valid JSON",
    RefusalReason.INVALID_ENVELOPE: "breaks the CloudEvents 1.0 envelope",
    RefusalReason.UNKNOWN_TYPE: "is not an event type of this system",
    RefusalReason.INVALID_DATA: "breaks the contract of its fact",
    RefusalReason.DAY_OUT_OF_RANGE: "is a day out of range",
    RefusalReason.WRONG_TOPIC: "belongs to another topic",
    RefusalReason.TIME_AHEAD: "is later than the clock of the gateway",
    RefusalReason.NOT_ALLOWED: "is not declared for this producer",
    RefusalReason.NOT_OWNER: "does not own this fact of this entity",
    RefusalReason.PERSON_DATA: "looks like a person's data",
    RefusalReason.UNREADABLE: "cannot be read from its batch",
    RefusalReason.ENTITY_FULL: "is one day more than is kept of an entity",
    RefusalReason.UNPROCESSABLE: "could not be processed",
    RefusalReason.PASSED_OVER: "was skipped on an operator's decision",
}


class ContractError(SmartRegionError):
    """A record or an event that breaks its contract, described so that its producer can repair it.

    `field` is a dotted path from the envelope (`data.uai`), `value` what was found there
    (None: absent), `remedy` what to do.
    """

    def __init__(
        self,
        reason: RefusalReason,
        field: str,
        value: object,
        remedy: str,
        *,
        problem: str | None = None,
    ) -> None:
        self.reason = reason
        # An unknown field's name may be as long as its record.
        self.field = field if len(field) <= LONGEST_FIELD else field[: LONGEST_FIELD - 1] + "…"
        self.value = value
        self.remedy = remedy
        self.problem = PROBLEMS[reason] if problem is None else problem
        super().__init__(reason, field, value, remedy)

    def without_traceback(self) -> Self:
        """Return the error without its traceback, to be stored.

        The frames of a traceback hold the request's body, in a cycle with the error: only the
        cyclic garbage collector would free it, much later.
        """
        self.__traceback__ = self.__context__ = None
        return self

    @property
    def diagnostic(self) -> Diagnostic:
        """What is wrong, without the reason's code."""
        return Diagnostic((), self.problem, self.value, self.remedy, field=self.field)

    def __str__(self) -> str:
        return str(self.diagnostic)
