"""Errors of the events package; each message names the field, the value and the remedy."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from boundary.addresses import shown_address

__all__ = [
    "REASONS_OF_WORKERS",
    "BrokerAddressError",
    "BrokerEntryError",
    "BrokerRefusedError",
    "BrokerUnreachableError",
    "ContractError",
    "DeliveryError",
    "EventsError",
    "RefusalReason",
    "SecuritySettingError",
    "TopicMismatchError",
    "TopicMissingError",
    "shown",
]

SHOWN_CHARACTERS = 80
"""How much of a refused value a message repeats: enough to recognise it, never a whole record."""
LONGEST_FIELD = 200
"""How much of a refused field's path is kept."""

#: What of a topic no command of ours alters.
_OF_A_PERSON = frozenset({"partitions", "replication"})


class RefusalReason(StrEnum):
    """Why a record is not taken; the closed vocabulary of dead letters and their metric."""

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


#: Those that only a worker has: what comes by HTTP is no record yet.
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
    RefusalReason.TIME_AHEAD: "is later than the clock of the producers' door",
    RefusalReason.NOT_ALLOWED: "is not declared for this producer",
    RefusalReason.NOT_OWNER: "does not own this fact of this entity",
    RefusalReason.PERSON_DATA: "looks like a person's data",
    RefusalReason.UNREADABLE: "cannot be read from its batch",
    RefusalReason.ENTITY_FULL: "is one day more than is kept of an entity",
    RefusalReason.UNPROCESSABLE: "could not be worked through",
    RefusalReason.PASSED_OVER: "was passed over on an operator's word",
}


class EventsError(Exception):
    """Anything that the events package refuses or cannot do."""


class ContractError(EventsError):
    """A record or an event that breaks its contract, told so that its producer can repair it.

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
        # An unknown field's name is the producer's, and may be as long as its record.
        self.field = field if len(field) <= LONGEST_FIELD else field[: LONGEST_FIELD - 1] + "…"
        self.value = value
        self.remedy = remedy
        self.problem = PROBLEMS[reason] if problem is None else problem
        super().__init__(reason, field, value, remedy)

    def at_rest(self) -> Self:
        """Return the error without the frames that it came through, to be kept.

        They hold all that was worked on, and the error itself where it was raised again: then only
        a search for cycles would free a body, thousands of bodies later.
        """
        self.__traceback__ = self.__context__ = None
        return self

    def __str__(self) -> str:
        found = "" if self.value is None else f", value {shown(self.value)}"
        return f"{self.field}: {self.problem}{found}: {self.remedy}"


class BrokerAddressError(EventsError):
    """What should tell where the broker is does not."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        super().__init__(
            f"broker: is not an address, value {shown(shown_address(bootstrap))}:"
            " write HOST:PORT, several separated by commas"
        )


class BrokerUnreachableError(EventsError):
    """No broker answered at the given address within the time allowed.

    A broker that does not like a password or a certificate only hangs up: the remedy names what
    `security_protocol` asks for.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        waited_seconds: float,
        cause: str,
        security_protocol: str = "PLAINTEXT",
    ) -> None:
        self.bootstrap = bootstrap
        self.waited_seconds = waited_seconds
        self.cause = cause
        self.security_protocol = security_protocol
        suspects = ["the address", "SMART_REGION_SECURITY_PROTOCOL"]
        if security_protocol.startswith("SASL"):
            suspects.append("the user, the password and the mechanism (SMART_REGION_SASL_…)")
        if security_protocol.endswith("SSL"):
            suspects.append("the certificates (SMART_REGION_SSL_…)")
        super().__init__(
            f"broker: no Kafka broker answered over {security_protocol} within"
            f" {round(waited_seconds, 1):g} s, value {bootstrap!r} ({cause}):"
            f" check {', '.join(suspects)}, and that the broker is up"
        )


class BrokerEntryError(EventsError):
    """The broker does not let us in, or is not who it should be; no attempt will end otherwise."""

    def __init__(self, address: str, *, problem: str, remedy: str) -> None:
        self.address = address
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"broker: {problem}, value {address!r}: {remedy}")


class BrokerRefusedError(EventsError):
    """The broker answered, and refused what was asked of it."""

    def __init__(self, action: str, subject: str, *, cause: str) -> None:
        self.action = action
        self.subject = subject
        self.cause = cause
        super().__init__(
            f"broker: refused to {action}, value {subject!r} ({cause}):"
            " check the rights of this user and the broker's log"
        )


class SecuritySettingError(EventsError):
    """A setting that says how the broker knows us cannot be; secrets are never repeated."""

    def __init__(self, variable: str, value: str | None, *, remedy: str) -> None:
        self.variable = variable
        self.value = value
        self.remedy = remedy
        super().__init__(f"{variable}: cannot be used, value {shown(value)}: {remedy}")


class DeliveryError(EventsError):
    """Events that are valid were not acknowledged, by the broker or by the producers' door.

    `line` is that of the first of them, where they were read from lines.
    """

    def __init__(self, *, undelivered: int, cause: str, line: int | None = None) -> None:
        self.undelivered = undelivered
        self.cause = cause
        self.line = line
        which = "them" if line is None else f"from line {line} on"
        super().__init__(
            f"delivery: not every event was acknowledged, value {undelivered} missing ({cause}):"
            f" emit {which} again; what arrives twice counts once"
        )


class TopicMissingError(EventsError):
    """The broker does not know a topic that is to be written."""

    def __init__(self, topic: str, *, waited_seconds: float) -> None:
        self.topic = topic
        self.waited_seconds = waited_seconds
        super().__init__(
            f"topic: not found on the broker within {waited_seconds:g} s, value {topic!r}:"
            " create it with `smart-region topics apply`, and check that the broker is up"
        )


class TopicMismatchError(EventsError):
    """A topic on the broker differs from its declaration."""

    def __init__(self, topic: str, field: str, *, expected: object, actual: object) -> None:
        self.topic = topic
        self.field = field
        self.expected = expected
        self.actual = actual
        by = "" if field in _OF_A_PERSON else " (`smart-region topics apply --alter-settings`)"
        super().__init__(
            f"{topic}.{field}: differs from the declaration, value {actual!r} instead of"
            f" {expected!r}: give the declared value to the topic{by}, or declare the value it has"
        )


def shown(value: object) -> str:
    """The beginning of a value as a message shows it: one line, at most 80 characters."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()  # As JSON, which its writer wrote, has it.
    # Cut before repr: a refused value may be megabytes long.
    text = repr(value[:SHOWN_CHARACTERS] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
