"""The reasons for refusing a record; each message has the field, value and remedy."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError

LONGEST_FIELD = 200
"""The maximum length of a refused field's path."""


class RefusalReason(StrEnum):
    """A reason for refusing a record or an event: a closed list, for workers and the gateway."""

    problem: str
    """What is wrong with the record or its field, in English."""

    NULL_VALUE = "null_value", "the record has no value"
    TOO_LARGE = "too_large", "is larger than any event"
    TOO_COMPLEX = "too_complex", "is more complex than any event"
    NOT_A_CLOUDEVENT = "not_a_cloudevent", "the record is not a CloudEvent"
    INVALID_JSON = "invalid_json", "is not valid JSON"
    INVALID_ENVELOPE = "invalid_envelope", "breaks the CloudEvents 1.0 envelope"
    UNKNOWN_TYPE = "unknown_type", "is not an event type of this system"
    INVALID_DATA = "invalid_data", "breaks the contract of its fact"
    DAY_OUT_OF_RANGE = "day_out_of_range", "is a day out of range"
    WRONG_TOPIC = "wrong_topic", "belongs to another topic"
    TIME_AHEAD = "time_ahead", "is later than the clock of its receiver"
    NO_TIMESTAMP = "no_timestamp", "is missing: the broker gave the record none"
    NOT_ALLOWED = "not_allowed", "is not declared for this producer"
    NOT_OWNER = "not_owner", "does not own this fact of this entity"
    PERSON_DATA = "person_data", "looks like a person's data"
    UNREADABLE = "unreadable", "cannot be read from its batch"
    UNPROCESSABLE = "unprocessable", "could not be processed"
    PASSED_OVER = "passed_over", "was skipped on an operator's decision"

    # The problem is optional because a lookup passes only the code.
    def __new__(cls, code: str, problem: str = "") -> Self:
        """Create a member whose value is the code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.problem = problem
        return member


class ContractError(SmartRegionError):
    """A record or an event that breaks its contract, described so that its producer can fix it.

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
        self.problem = reason.problem if problem is None else problem
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
        """The problem, without the reason's code."""
        return Diagnostic((), self.problem, self.value, self.remedy, field=self.field)

    def __str__(self) -> str:
        return str(self.diagnostic)
