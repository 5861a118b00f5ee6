"""The OpenAPI 3.1 document of the gateway: its operations, answers, problems and events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from events.cloudevent import INSTANT
from events.contracts.client_schemas import EVENT, EVENT_TYPE, client_schemas, enumeration
from events.fact import JSON
from gateway.answers import answer_schemas
from gateway.body import MAX_BODY
from gateway.http_binding import MOST_EVENTS
from gateway.idempotency import REPLAYED_HEADER
from gateway.problems import KINDS, MEDIA_TYPE, ProblemKind

_INTRODUCTION: Final = f"""\
Systems send the Smart Région monitor events: CloudEvents 1.0 over HTTP, one by one or in batches
of at most {MOST_EVENTS} (and {MAX_BODY} bytes).

An answer of 202 means that the broker has the event; its receipt has the position. After any other
answer, send again: the same `source` and `id` sent twice count once.

Each event's contract is at `/schemas/{{type}}.json`; `/asyncapi.json` has all of them. Problems
are answered in the format of RFC 9457; the address in `type` explains each."""

_SIGNATURE_HEADERS: Final = {
    "smartregion-producer": "The producer's id.",
    "webhook-id": "An id of the request; the same when it is sent again.",
    "webhook-timestamp": "When it was signed, in seconds since 1970; at most 5 minutes away.",
}
_SENDING: Final = "events"
_ABOUT: Final = "about"
_HEX: Final = "[0-9A-Fa-f]"
_FURTHER_BYTE: Final = f"%[89ABab]{_HEX}"
_ENCODED: Final = "|".join(
    (
        # Of one byte to four. Not every sequence of bytes that matches is UTF-8.
        "[!#$&-~]",
        f"%[2-6]{_HEX}|%7[0-9A-Ea-e]",
        f"%[Cc]2%[ABab]{_HEX}|%([Cc][3-9A-Fa-f]|[Dd]{_HEX}){_FURTHER_BYTE}",
        f"%[Ee]{_HEX}({_FURTHER_BYTE}){{2}}",
        f"%[Ff][0-4]({_FURTHER_BYTE}){{3}}",
    )
)
"""A character in a header, as CloudEvents has it."""
_TEXT: Final[JSON] = {"type": "string", "minLength": 1, "pattern": f"^({_ENCODED}){{1,256}}$"}
_URI_REFERENCE: Final[JSON] = {
    "type": "string",
    "minLength": 1,
    "pattern": r"^([A-Za-z0-9:/?#\[\]@!$&'()*+,;=._~-]|%25){1,256}$",
}
_CE_HEADERS: Final[tuple[tuple[str, str, JSON, bool], ...]] = (
    (
        "specversion",
        "The version of CloudEvents.",
        {"type": "string", "enum": ["1.0"], "default": "1.0"},
        True,
    ),
    ("id", "Text of 1 to 256 characters, unique for the source.", _TEXT, True),
    (
        "source",
        "URI reference of the producing system, 1 to 256 characters.",
        _URI_REFERENCE,
        True,
    ),
    ("type", "The type of fact in the body.", {"$ref": f"#/components/schemas/{EVENT_TYPE}"}, True),
    # Generated clients write a time of their language into a header in a format of their own: it
    # is text here.
    (
        "time",
        "When the fact was recorded, as RFC 3339 writes it: with seconds and zone; 2010 or later.",
        {"type": "string", "pattern": INSTANT, "examples": ["2019-03-11T09:30:00Z"]},
        True,
    ),
    ("subject", "Text of 1 to 256 characters; kept, and not read.", _TEXT, False),
    (
        "dataschema",
        "URI of the data's schema, 1 to 256 characters; kept, and not read.",
        _URI_REFERENCE,
        False,
    ),
)
"""The attributes in binary mode: name, meaning, schema, whether each event has it."""
_REPEATED: Final[dict[str, JSON]] = {
    "headers": {
        REPLAYED_HEADER: {
            "description": "Present where the same signed request was sent before: this is its "
            "first answer.",
            "schema": {"type": "string"},
        }
    }
}
_REFUSALS: Final = frozenset({400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 503})
"""The statuses of problems that POST /events may answer."""
_UNDESCRIBED: Final = 405
"""An operation cannot describe the answer to another method."""


def openapi_document() -> dict[str, JSON]:
    """Return the document; its server is a variable, since each installation has its own."""
    paths = _paths()
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Smart Région: the gateway",
            "version": "1.0.0",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [
            {
                "url": "{gateway}",
                "description": "The gateway of an installation.",
                "variables": {
                    "gateway": {
                        "default": "http://127.0.0.1:6070",
                        "description": "Its address, from the operator.",
                    }
                },
            }
        ],
        "tags": [
            {"name": _SENDING, "description": "Sends events."},
            {"name": _ABOUT, "description": "Describes how events are accepted."},
        ],
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "responses": {
                kind.name: _problem_response(kind) for kind in KINDS.values() if _is_alone(kind)
            },
            "securitySchemes": _security_schemes(),
        },
        "security": [],
    }


def _paths() -> dict[str, JSON]:
    return {
        "/events": _sending(
            "sendEvent",
            "Send one event.",
            "In structured content mode: attributes and data are one JSON object; `data_base64` is "
            "refused by its name. This address accepts batches and binary content mode too, as the "
            "other addresses describe them.",
            media_type="application/cloudevents+json",
            schema=_reference(EVENT),
            answer=_reference("Receipts"),
        ),
        "/events/batch": _sending(
            "sendBatch",
            "Send a batch of events.",
            f"At most {MOST_EVENTS} events and {MAX_BODY} bytes. One that is refused does not hold "
            "back the others.",
            media_type="application/cloudevents-batch+json",
            schema={"type": "array", "maxItems": MOST_EVENTS, "items": _reference(EVENT)},
            answer=_reference("BatchAnswer"),
        ),
        "/events/binary": _sending(
            "sendBinary",
            "Send one event whose attributes are headers.",
            "In binary content mode: the body is the event's `data` alone. In a header, whatever "
            'is not printable ASCII is percent-encoded UTF-8, and so are `%`, `"` and spaces. '
            "Extensions of CloudEvents are further headers `ce-…`. Without a content type the body "
            "is JSON.",
            media_type="application/json",
            schema={
                "type": "object",
                "description": "The fact: `data` of the event that `ce-type` names.",
            },
            answer=_reference("Receipts"),
            parameters=[_header(*it) for it in _CE_HEADERS],
        ),
        "/openapi.json": _get(
            "openapi", "This document.", {"200": _answered("OpenAPI 3.1.", {"type": "object"})}
        ),
        "/asyncapi.json": _get(
            "asyncapi",
            "The topics and their messages, for producers on Kafka.",
            {"200": _answered("AsyncAPI 3.0.", {"type": "object"})},
        ),
        "/schemas/{type}.json": _get(
            "schema",
            "The JSON Schema of one type of event.",
            {
                "200": _answered(
                    "JSON Schema, draft 2020-12.", {"type": "object"}, "application/schema+json"
                ),
                **_problems(404),
            },
            _in_path("type", EVENT_TYPE),
        ),
        "/problems/{name}": _get(
            "problem",
            "What a kind of problem means, and what to do about it.",
            {"200": _text("The explanation."), **_problems(404)},
            _in_path("name", "ProblemName"),
        ),
    }


def _sending(
    name: str,
    summary: str,
    description: str,
    *,
    media_type: str,
    schema: JSON,
    answer: JSON,
    parameters: Sequence[JSON] = (),
) -> dict[str, JSON]:
    """Describe one way to send.

    Each has a path of its own: generators make one function of a path, with one body.
    """
    operation: dict[str, JSON] = {
        "operationId": name,
        "tags": [_SENDING],
        "summary": summary,
        "description": description,
        "security": [
            {"bearer": []},
            {name: [] for name in ("signature", *map(_scheme_name, _SIGNATURE_HEADERS))},
        ],
        "requestBody": {"required": True, "content": {media_type: {"schema": schema}}},
        "responses": {
            "202": {**_answered("The broker has every event.", answer), **_REPEATED},
            "207": {
                **_answered(
                    "Some events of the batch were accepted, some not.", _reference("BatchAnswer")
                ),
                **_REPEATED,
            },
            **_problems(*_REFUSALS),
        },
    }
    if parameters:
        operation["parameters"] = list(parameters)
    return {"post": operation}


def _reference(name: str) -> JSON:
    return {"$ref": f"#/components/schemas/{name}"}


def _header(name: str, description: str, schema: JSON, required: bool) -> JSON:  # noqa: FBT001
    return {
        "name": f"ce-{name}",
        "in": "header",
        "required": required,
        "description": description,
        "schema": schema,
    }


def _get(name: str, summary: str, responses: dict[str, JSON], *parameters: JSON) -> dict[str, JSON]:
    operation: dict[str, JSON] = {
        "operationId": name,
        "tags": [_ABOUT],
        "summary": summary,
        "responses": {**responses, **_problems(500)},
    }
    if parameters:
        operation["parameters"] = list(parameters)
    return {"get": operation}


def _problems(*statuses: int) -> dict[str, JSON]:
    """Describe the answers of these statuses, each with all problems of that status."""
    return {str(status): _of_status(status) for status in sorted(statuses)}


def _of_status(status: int) -> dict[str, JSON]:
    kinds = [kind for kind in KINDS.values() if kind.status == status]
    if len(kinds) == 1:
        return {"$ref": f"#/components/responses/{kinds[0].name}"}
    meanings = "\n".join(f"- `{kind.name}`: {kind.meaning}" for kind in kinds)
    return {"description": meanings, **_headers(status), "content": _problem_content()}


def _is_alone(kind: ProblemKind) -> bool:
    """Return True where no other kind has its status: its answer is then a named component."""
    statuses = [one.status for one in KINDS.values()]
    return kind.status != _UNDESCRIBED and statuses.count(kind.status) == 1


def _problem_response(kind: ProblemKind) -> dict[str, JSON]:
    return {
        "description": f"{kind.title}. {kind.meaning}",
        **_headers(kind.status),
        "content": _problem_content(),
    }


def _problem_content() -> dict[str, JSON]:
    return {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _headers(status: int) -> dict[str, JSON]:
    text: JSON = {"type": "string"}
    by_status: dict[int, tuple[str, str, JSON]] = {
        401: ("WWW-Authenticate", "How to authenticate.", text),
        405: ("Allow", "The methods that are allowed.", text),
        415: ("Accept", "The supported content types.", text),
        429: ("Retry-After", "Seconds to wait.", {"type": "integer"}),
        503: ("Retry-After", "Seconds to wait.", {"type": "integer"}),
    }
    if status not in by_status:
        return {}
    name, description, schema = by_status[status]
    return {"headers": {name: {"description": description, "schema": schema}}}


def _answered(
    description: str, schema: JSON, media_type: str = "application/json"
) -> dict[str, JSON]:
    return {"description": description, "content": {media_type: {"schema": schema}}}


def _text(description: str) -> dict[str, JSON]:
    return _answered(description, {"type": "string"}, "text/plain")


def _in_path(name: str, schema: str) -> JSON:
    return {"name": name, "in": "path", "required": True, "schema": _reference(schema)}


def _security_schemes() -> dict[str, JSON]:
    schemes: dict[str, JSON] = {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token that was issued to the producer.",
        },
        "signature": {
            "type": "apiKey",
            "in": "header",
            "name": "webhook-signature",
            "description": "`v1,` and the base64 of the HMAC-SHA256 of `{id}.{timestamp}.{body}`, "
            "as Standard Webhooks has it; several are separated by spaces.",
        },
    }
    for header, description in _SIGNATURE_HEADERS.items():
        schemes[_scheme_name(header)] = {
            "type": "apiKey",
            "in": "header",
            "name": header,
            "description": description,
        }
    return schemes


def _scheme_name(header: str) -> str:
    return header.replace("-", "_")


def _schemas() -> dict[str, JSON]:
    problem_name: dict[str, JSON] = {
        "type": "string",
        "description": "A kind of problem.",
        "enum": [*sorted(KINDS)],
    }
    return {
        **answer_schemas(),
        "ProblemName": enumeration("ProblemName", problem_name),
        **client_schemas(),
    }
