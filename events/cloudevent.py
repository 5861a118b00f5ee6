"""CloudEvents 1.0 on Kafka: records to events and back, in structured and binary mode.

Follows the CloudEvents specification 1.0.2, its JSON event format and its Kafka protocol binding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple, Union

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    create_model,
)
from pydantic_core import core_schema, to_json

from events.errors import ContractError, RefusalReason
from events.explanation import field_refusal, json_refusal, type_refusal
from events.fact import Fact, Family
from events.identifiers import FIRST_DAY
from events.records import CutPart, UnreadableValue
from events.registry import FACTS
from events.trace_context import TRACEPARENT, TRACESTATE, TraceContext, read_trace_context

Header = tuple[str, bytes]
"""A header of a record to write; unlike it, a header that is read may lack a value."""
_ReadHeaders = Sequence[tuple[str, bytes | None]]

SPEC_VERSION: Final = "1.0"
CONTENT_TYPE: Final = "content-type"
STRUCTURED: Final = b"application/cloudevents+json"
PREFIX: Final = "ce_"
_USUAL_HEADER: Final = (CONTENT_TYPE, STRUCTURED)

MAX_BYTES: Final = 256 * 1024
"""The limit of a record's value and headers: four times the minimum of CloudEvents, and small
enough for a copy with an additional header."""

_USUAL_BYTES: Final = MAX_BYTES - len(CONTENT_TYPE) - len(STRUCTURED)

_ENCODED: Final = "data_base64"
"""Binary data in the JSON event format, which is refused: a fact has one form."""

_ONE_DAY: Final = timedelta(days=1)
_EARLIEST: Final = datetime(FIRST_DAY.year - 1, 12, 31, tzinfo=UTC)
_LATEST: Final = datetime(9998, 12, 31, tzinfo=UTC)  # One more day is valid in any zone.
_ID: Final = r"^[^\x00-\x1f\x7f-\x9f]{1,256}$"
# Case-insensitive without (?i), which ECMA expressions of JSON Schema do not have.
_JSON_MEDIA_TYPE: Final = (
    "^([Aa][Pp][Pp][Ll][Ii][Cc][Aa][Tt][Ii][Oo][Nn]|[Tt][Ee][Xx][Tt])"
    r"/([A-Za-z0-9.-]+\+)?[Jj][Ss][Oo][Nn] *(;.*)?$"
)
_URI_REFERENCE: Final = r"^[A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~%-]{1,256}$"


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """One fact with its source and time: the content of an accepted record.

    `id` is unique per `source`; `time` is when the fact was recorded, aware, kept in UTC; `trace`
    is the event's own trace context, if it has a valid one. Raises ContractError if the fact's day
    is after the day of `time` + 1 (UTC).
    """

    id: str
    source: str
    time: datetime
    fact: Fact
    trace: TraceContext | None = None

    def __post_init__(self) -> None:
        time = self.time
        if time.tzinfo is not UTC:
            if time.tzinfo is None:
                raise ContractError(
                    RefusalReason.INVALID_ENVELOPE, "time", time, "give the time its zone"
                )
            time = time.astimezone(UTC)
            object.__setattr__(self, "time", time)
        if self.fact.effective_day > time.date() + _ONE_DAY:
            raise ContractError(
                RefusalReason.DAY_OUT_OF_RANGE,
                f"data.{self.fact.DAY}",
                self.fact.effective_day.isoformat(),
                "record a fact once it has happened, or correct the day or `time`",
                problem=f"is later than the day after `time` ({time:%Y-%m-%d})",
            )

    @property
    def type(self) -> str:
        """The CloudEvents type of the fact."""
        return self.fact.TYPE


class EncodedRecord(NamedTuple):
    """A Kafka record: its key (the entity's identifier in UTF-8), value and headers."""

    key: bytes
    value: bytes
    headers: list[Header]


_HOUR_AND_ZONE: Final = r"[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
INSTANT: Final = (
    "^(2009-12-31|(20[1-9][0-9]|2[1-9][0-9]{2}|[3-9][0-9]{3})-[0-9]{2}-[0-9]{2})"
    f"{_HOUR_AND_ZONE}$"
)
"""The form of `time` in schemas: JSON Schema cannot express its bounds otherwise."""


#: Accepts only times of RFC 3339; pydantic alone accepts other forms too.
_INSTANT: Final = GetPydanticSchema(
    lambda *_: core_schema.chain_schema(
        [
            core_schema.str_schema(pattern=rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_HOUR_AND_ZONE}$"),
            core_schema.datetime_schema(
                tz_constraint="aware", ge=_EARLIEST, le=_LATEST, strict=False
            ),
        ]
    ),
    lambda *_: {"type": "string", "format": "date-time", "pattern": INSTANT},
)


class Attributes(BaseModel):
    """The context attributes of CloudEvents 1.0, without the type; null is as good as absent."""

    model_config = ConfigDict(extra="allow", strict=True)
    __pydantic_extra__: dict[
        Annotated[str, StringConstraints(pattern="^[a-z0-9]+$")], str | int | bool | None
    ]

    specversion: Annotated[Literal["1.0"], Field(description="the text '1.0'")]
    id: Annotated[
        str,
        StringConstraints(pattern=_ID),
        Field(
            description="text of 1 to 256 characters, unique for the source",
            examples=["7c4e8a52-3b1f-4b6e-9d0a-2f5c1e8b7a90"],
        ),
    ]
    source: Annotated[
        str,
        StringConstraints(pattern=_URI_REFERENCE),
        Field(
            description="URI reference of the producing system, 1 to 256 characters",
            examples=["/iledefrance/lycees"],
        ),
    ]
    time: Annotated[
        datetime,
        _INSTANT,
        Field(
            description="when the fact was recorded, RFC 3339 with its zone, 2010 or later",
            examples=["2019-03-11T09:30:00Z"],
        ),
    ]
    datacontenttype: Annotated[
        Annotated[str, StringConstraints(pattern=_JSON_MEDIA_TYPE)] | None,
        Field(description="'application/json', or nothing"),
    ] = None
    dataschema: Annotated[
        Annotated[str, StringConstraints(pattern=_URI_REFERENCE)] | None,
        Field(description="URI of the data's schema, or nothing"),
    ] = None
    subject: Annotated[
        Annotated[str, StringConstraints(pattern=_ID)] | None,
        Field(description="text of 1 to 256 characters, or nothing"),
    ] = None


def _event_model(fact: type[Fact]) -> type[Attributes]:
    described = Field(description=f"the fact as a JSON object: {', '.join(fact.model_fields)}")
    fields: dict[str, Any] = {
        "type": (Literal[fact.TYPE], ...),
        "data": (Annotated[fact, described], ...),
    }
    return create_model(f"{fact.__name__}Event", __base__=Attributes, **fields)


EVENT_MODELS: Final = {name: _event_model(fact) for name, fact in FACTS.items()}
"""The models of whole events (attributes and data), by type."""
# One pass in pydantic's Rust core from bytes to a checked event, chosen by its type.
_ANY_EVENT: Final[Any] = Annotated[
    Union[tuple(EVENT_MODELS.values())],  # noqa: UP007 - the members are computed
    Field(discriminator="type"),
]
_read_structured: Final = TypeAdapter[Any](_ANY_EVENT).validator.validate_json


def record_size(headers: _ReadHeaders, value: bytes) -> int:
    """Return the bytes of a record's headers and value, which MAX_BYTES limits."""
    return len(value) + sum(len(name.encode()) + len(content or b"") for name, content in headers)


def refuse_large(headers: _ReadHeaders, value: bytes) -> None:
    """Raise ContractError (too_large) if a record's headers and value exceed MAX_BYTES."""
    size = record_size(headers, value)
    if size > MAX_BYTES:
        if isinstance(value, CutPart):
            size += value.size - len(value)
        raise ContractError(
            RefusalReason.TOO_LARGE, "value", f"{size} bytes", f"send at most {MAX_BYTES} bytes"
        )


def decode(
    headers: _ReadHeaders | None, value: bytes | None, *, family: Family | None = None
) -> CloudEvent:
    """Return the event of a Kafka record, in either content mode.

    `family` is that of the record's topic. Raises only ContractError.
    """
    if value is None:
        raise ContractError(
            RefusalReason.NULL_VALUE,
            "value",
            None,
            "send an event with `retracted: true` to take a fact back",
        )
    if isinstance(value, UnreadableValue):
        raise ContractError(
            RefusalReason.UNREADABLE,
            "value",
            value.cause,
            "send the events again, in small batches and with few headers",
        )
    headers = headers or ()
    refuse_large(headers, value)
    structured = _is_structured(headers)
    event = decode_json(value) if structured else _decode_binary(headers, value)
    if family is not None and event.fact.FAMILY is not family:
        raise ContractError(
            RefusalReason.WRONG_TOPIC,
            "type",
            event.type,
            f"send it to smartregion.{event.fact.FAMILY}, not to smartregion.{family}",
        )
    return event


def read_usual(headers: _ReadHeaders | None, value: bytes | None) -> Any:  # noqa: ANN401 - a model
    """Return the checked event of a record in the most common form; None for any other.

    The result has `id`, `source`, `time` and `data`; its day is not checked against its time. For
    anything but a valid event in structured mode, its content type as the first header, returns
    None: call `decode`, which returns the event or raises.
    """
    if (
        type(value) is not bytes
        or not headers
        or headers[0] != _USUAL_HEADER
        or len(value) > _USUAL_BYTES
        or (len(headers) > 1 and record_size(headers, value) > MAX_BYTES)
    ):
        return None
    try:
        return _read_structured(value)
    except ValidationError:
        return None


def decode_json(text: str | bytes) -> CloudEvent:
    """Return the event of one JSON object (structured mode). Raises only ContractError."""
    try:
        read = _read_structured(text)
    except ValidationError as error:
        raise _structured_refusal(error) from None
    return _event(read, read.data)


def encode_structured(event: CloudEvent) -> EncodedRecord:
    """Return the record of an event in structured mode: the value is the whole event as JSON."""
    envelope = {**_attributes(event), "datacontenttype": "application/json", "data": event.fact}
    headers = [(CONTENT_TYPE, STRUCTURED), *(event.trace.headers if event.trace else ())]
    return EncodedRecord(event.fact.entity_id.encode(), to_json(envelope), headers)


def _attributes(event: CloudEvent) -> dict[str, str]:
    return {
        "specversion": SPEC_VERSION,
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        **_trace_attributes(event.trace),
    }


def _trace_attributes(trace: TraceContext | None) -> dict[str, str]:
    return {} if trace is None else {name: text.decode() for name, text in trace.headers}


def _is_structured(headers: _ReadHeaders) -> bool:
    for name, value in headers:
        if name.lower() == CONTENT_TYPE:
            if value == STRUCTURED:
                return True
            if value is None:
                continue
            media_type = value.partition(b";")[0].strip().lower()
            if media_type == STRUCTURED:
                return True
            if media_type.startswith(b"application/cloudevents"):
                raise ContractError(
                    RefusalReason.NOT_A_CLOUDEVENT,
                    CONTENT_TYPE,
                    value,
                    f"send single events as {STRUCTURED.decode()}",
                    problem="is a format that is not read here",
                )
    return False


def _decode_binary(headers: _ReadHeaders, value: bytes) -> CloudEvent:
    attributes: dict[str, str] = {}
    for header, content in headers:
        name = header.lower()
        if name.startswith(PREFIX):
            attributes[name.removeprefix(PREFIX)] = _text(header, content)
        elif name == CONTENT_TYPE and content is not None:
            attributes["datacontenttype"] = _text(header, content)
    if not attributes.keys() - {"datacontenttype"}:
        raise ContractError(
            RefusalReason.NOT_A_CLOUDEVENT,
            CONTENT_TYPE,
            attributes.get("datacontenttype"),
            f"add the header {CONTENT_TYPE}: {STRUCTURED.decode()}, or the ce_ headers",
        )
    fact = FACTS.get(type_name := attributes.pop("type", ""))
    if fact is None:
        raise type_refusal(type_name or None, FACTS)
    try:
        read = Attributes.model_validate_json(to_json(attributes))
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        raise field_refusal(details, details["loc"], Attributes) from None
    try:
        data = fact.model_validate_json(value)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        if details["type"] == "json_invalid":
            raise json_refusal(details, "data") from None
        raise field_refusal(details, ("data", *details["loc"]), fact) from None
    return _event(read, data)


def _event(read: Attributes, fact: Fact) -> CloudEvent:
    others, trace = read.__pydantic_extra__, None
    if TRACEPARENT in others:
        trace = read_trace_context(others[TRACEPARENT], others.get(TRACESTATE))
    return CloudEvent(read.id, read.source, read.time, fact, trace)


def _text(header: str, content: bytes | None) -> str:
    try:
        if content is not None:
            return content.decode()
    except UnicodeDecodeError:
        pass
    raise ContractError(
        RefusalReason.INVALID_ENVELOPE,
        header,
        content,
        "send the header's value as text in UTF-8",
        problem="is not text",
    )


def _structured_refusal(error: ValidationError) -> ContractError:
    details = error.errors(include_url=False)[0]
    kind, found = details["type"], details["input"]
    if kind == "json_invalid":
        return json_refusal(details, "value")
    tag, *path = details["loc"] or (None,)
    if tag is None and isinstance(found, dict) and ("type" in found or "specversion" in found):
        return type_refusal(found.get("type"), FACTS)
    if tag is None:
        return ContractError(
            RefusalReason.NOT_A_CLOUDEVENT,
            "value",
            found,
            "send a JSON object with the attributes of CloudEvents 1.0",
        )
    if path[0] == _ENCODED or (path == ["data"] and isinstance(found, dict) and _ENCODED in found):
        return ContractError(
            RefusalReason.INVALID_ENVELOPE,
            _ENCODED,
            None,
            "send the fact as a JSON object in `data`: give your SDK an object, not bytes",
            problem="is not read here",
        )
    owner = FACTS[str(tag)] if path[0] == "data" and len(path) > 1 else EVENT_MODELS[str(tag)]
    return field_refusal(details, tuple(path), owner)
