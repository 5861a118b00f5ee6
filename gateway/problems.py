"""The gateway's problems: why it refuses a request or an event, as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Unpack

from boundary.diagnostic import shown
from events.errors import ContractError, RefusalReason
from gateway.answers import Problem, ProblemMembers

MEDIA_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of problem; its address `/problems/{name}` explains it."""

    name: str
    status: int
    title: str
    meaning: str
    """When it is answered and what to do about it, for a client's developer."""

    @property
    def type(self) -> str:
        """The URI reference that identifies the kind in a problem."""
        return f"/problems/{self.name}"

    def problem(self, detail: str, **members: Unpack[ProblemMembers]) -> Problem:
        """Return the problem of one request; `detail` is what is wrong with it."""
        return {
            "type": self.type,
            "title": self.title,
            "status": self.status,
            "detail": detail,
            **members,
        }


class ProblemError(Exception):
    """A request that is answered with a problem; `headers` go with the answer."""

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Unpack[ProblemMembers],
    ) -> None:
        self.kind = KINDS[name]
        self.problem = self.kind.problem(detail, **members)
        self.headers = dict(headers or {})
        super().__init__(f"{name}: {detail}")


_OF_THE_CONTRACT: Final = (
    ProblemKind(
        RefusalReason.NULL_VALUE.value,
        400,
        "The event has no content",
        "Send it, or `retracted: true` to retract a fact.",
    ),
    ProblemKind(
        RefusalReason.TOO_LARGE.value,
        413,
        "The event is larger than 256 KiB",
        "An event is one fact about one entity on one day: send the facts one by one.",
    ),
    ProblemKind(
        RefusalReason.TOO_COMPLEX.value,
        422,
        "The event is more complex than any event is",
        "It has more than 1 000 values, a name of more than 1 024 characters, an attribute of more "
        "than 2 048, or more than 30 combining marks in a row. An event is one fact: send the "
        "facts one by one, and accents composed with their letters.",
    ),
    ProblemKind(
        RefusalReason.NOT_A_CLOUDEVENT.value,
        400,
        "The content is no CloudEvent",
        "Send a JSON object with `specversion`, `id`, `source`, `type`, `time` and `data`.",
    ),
    ProblemKind(
        RefusalReason.INVALID_JSON.value,
        400,
        "The content is not JSON",
        "Send JSON as in RFC 8259: UTF-8, no NaN, no key twice in one object, no excessive "
        "nesting.",
    ),
    ProblemKind(
        RefusalReason.INVALID_ENVELOPE.value,
        422,
        "An attribute of the event is missing or wrong",
        "`field` names the attribute of CloudEvents 1.0, `remedy` describes what is expected.",
    ),
    ProblemKind(
        RefusalReason.UNKNOWN_TYPE.value,
        422,
        "There is no event of this type",
        "`/asyncapi.json` has all types, `/schemas/{type}.json` has one.",
    ),
    ProblemKind(
        RefusalReason.INVALID_DATA.value,
        422,
        "The event breaks the contract of its fact",
        "A field of the fact is missing, unknown or wrong: `field` names it, `remedy` describes "
        "what is expected there.",
    ),
    ProblemKind(
        RefusalReason.DAY_OUT_OF_RANGE.value,
        422,
        "The fact's day is out of range",
        "It took effect before 2010, or later than the day after `time`. Send a fact once it has "
        "happened.",
    ),
    ProblemKind(
        RefusalReason.WRONG_TOPIC.value,
        422,
        "The event belongs to another topic",
        "The gateway chooses topics by itself and does not answer this.",
    ),
    ProblemKind(
        RefusalReason.TIME_AHEAD.value,
        422,
        "The event's time is ahead of the clock",
        "`time` is more than 5 minutes later than this server's clock. Set the clock of your "
        "system, or send the time at which the fact was recorded.",
    ),
    ProblemKind(
        RefusalReason.NOT_ALLOWED.value,
        403,
        "The producer may not send this event",
        "It is not declared for the event's `source` or `type`. Ask for its declaration to be "
        "extended.",
    ),
    ProblemKind(
        RefusalReason.NOT_OWNER.value,
        403,
        "The producer does not own this fact of this entity",
        "An owned fact is accepted from its owner only, and this entity has another owner, or "
        "none. Leave it to the owner, or ask for the declaration to be changed.",
    ),
    ProblemKind(
        RefusalReason.PERSON_DATA.value,
        422,
        "The event seems to hold a person's data",
        "A field looks like a name, a mail address, a phone number, a birth, or the number of a "
        "person or of an account; or an `enrolment_id` is no pseudonym as `smart-region "
        "pseudonymise` makes it. Such data are not kept here: send a pseudonym.",
    ),
)

_OF_THE_REQUEST: Final = (
    ProblemKind(
        "malformed_request",
        400,
        "The request is malformed",
        "The server could not parse the request, or its headers are larger than 16 KiB. Check what "
        "your client, or a proxy before this server, sends.",
    ),
    ProblemKind(
        "ambiguous_request",
        400,
        "The request is ambiguous",
        "A header with one value came twice, `ce-` headers contradict the body, or the body has "
        "both a length and a transfer encoding. Send each of them once.",
    ),
    ProblemKind(
        "unauthenticated",
        401,
        "The request is not authenticated",
        "Sign it (`webhook-id`, `webhook-timestamp`, `webhook-signature`, `smartregion-producer`) "
        "or send a bearer token. The same answer is given for an unknown producer, a wrong "
        "signature, an old timestamp and a revoked token.",
    ),
    ProblemKind("not_found", 404, "There is nothing at this address", "Events go to `/events`."),
    ProblemKind(
        "method_not_allowed",
        405,
        "The method is not allowed at this address",
        "The header `Allow` has the methods that are.",
    ),
    ProblemKind(
        "slow_request",
        408,
        "The request did not arrive in time",
        "Headers and body have a deadline each. Send smaller batches over a slow connection.",
    ),
    ProblemKind(
        "repeated",
        409,
        "The signed request was sent before",
        "It was answered then, byte for byte the same, and its answer is no longer kept. Sign its "
        "events anew to get an answer: an event that arrives twice counts once.",
    ),
    ProblemKind(
        "body_too_large",
        413,
        "The body is larger than 1 MiB",
        "Send fewer events at once; `limit` is the number of bytes.",
    ),
    ProblemKind(
        "batch_too_large",
        413,
        "The batch has more than 500 events",
        "Send it in parts; `limit` is the number of events.",
    ),
    ProblemKind(
        "unsupported_media_type",
        415,
        "The content type is not supported",
        "Send `application/cloudevents+json`, `application/cloudevents-batch+json`, or "
        "`application/json` with `ce-` headers; in UTF-8, not compressed.",
    ),
    ProblemKind(
        "batch_refused",
        422,
        "No event of the batch was accepted",
        "`items` has the problem of each event.",
    ),
    ProblemKind(
        "over_quota",
        429,
        "The producer exceeds its quota",
        "Nothing was accepted: send it again after `Retry-After` seconds.",
    ),
    ProblemKind(
        "internal_error",
        500,
        "The server failed",
        "This is a fault of the gateway, not of the request. Send it again later: what arrives "
        "twice counts once.",
    ),
    ProblemKind(
        "broker_away",
        503,
        "The broker does not acknowledge",
        "The events may or may not be kept: send them again after `Retry-After` seconds, what "
        "arrives twice counts once.",
    ),
    ProblemKind(
        "overloaded",
        503,
        "The server has as many requests as it can process",
        "Nothing was accepted. Send it again after `Retry-After` seconds.",
    ),
)

KINDS: Final[Mapping[str, ProblemKind]] = MappingProxyType(
    {kind.name: kind for kind in (*_OF_THE_REQUEST, *_OF_THE_CONTRACT)}
)


def of_contract(error: ContractError) -> Problem:
    """Return the problem of an event that breaks its contract."""
    return KINDS[error.reason.value].problem(
        str(error),
        field=error.field,
        value=None if error.value is None else shown(error.value),
        remedy=error.remedy,
    )
