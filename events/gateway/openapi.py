"""The OpenAPI 3.1 document of the door, made of its problems, its formats and the contracts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from events.contracts.json_schema import schema_of
from events.fact import JSON
from events.gateway.body import LARGEST_BODY
from events.gateway.http_binding import MOST_EVENTS
from events.gateway.problems import KINDS, MEDIA_TYPE, ProblemKind
from events.registry import FACTS

__all__ = ["openapi_document"]

_INTRODUCTION: Final = f"""\
Systems tell the Smart Région monitor what happened: CloudEvents 1.0 over HTTP, one by one or in
batches of at most {MOST_EVENTS} (and {LARGEST_BODY} bytes).

An answer of 202 means that the broker keeps the event: its receipt says where. Whatever else is
answered, send again: the same `source` and `id` sent twice count once.

Each event's contract is at `/schemas/{{type}}.json`; `/asyncapi.json` has all of them. Problems
are answered as RFC 9457 has them; the address in `type` explains each."""

_SIGNATURE_HEADERS: Final = {
    "smartregion-producer": "The producer's id.",
    "webhook-id": "An id of the request; the same when it is sent again.",
    "webhook-timestamp": "When it was signed, in seconds since 1970; at most 5 minutes away.",
}
_REFUSALS: Final = frozenset({400, 401, 403, 408, 413, 415, 422, 429, 431, 500, 503})
"""What POST /events may answer besides what it takes."""


def openapi_document() -> dict[str, JSON]:
    """Return the document; it names no server, since each installation has its own."""
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Smart Région: the producers' door",
            "version": "1.0.0",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "responses": {kind.name: _problem_response(kind) for kind in KINDS.values()},
            "securitySchemes": _security_schemes(),
        },
        "security": [],
    }


def _paths() -> dict[str, JSON]:
    return {
        "/events": {"post": _post_events()},
        "/healthz": _get(
            "health", "The process lives.", {"200": _answered("It does.", _object("alive"))}
        ),
        "/readyz": _get(
            "readiness",
            "Whether events are taken.",
            {
                "200": _answered("They are.", _object("ready", "waiting_for")),
                "503": _answered("They are not; why.", _object("ready", "waiting_for")),
            },
        ),
        "/metrics": _get(
            "metrics",
            "The door's counters, in Prometheus' text format; some doors ask for its token.",
            {"200": _text("The counters."), **_problems(401)},
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
            _in_path("type", sorted(FACTS)),
        ),
        "/problems/{name}": _get(
            "problem",
            "What a kind of problem means, and what to do about it.",
            {"200": _text("The explanation."), **_problems(404)},
            _in_path("name", sorted(KINDS)),
        ),
    }


def _post_events() -> dict[str, JSON]:
    event: JSON = {"$ref": "#/components/schemas/Event"}
    return {
        "operationId": "sendEvents",
        "summary": "Send one event, or a batch.",
        "description": "Structured, batched and binary content mode. In binary mode the headers "
        "`ce-specversion`, `ce-id`, `ce-source`, `ce-type` and `ce-time` have the attributes, and "
        "the body is the event's `data` alone.",
        "security": [
            {"bearer": []},
            {name: [] for name in ("signature", *map(_scheme_name, _SIGNATURE_HEADERS))},
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/cloudevents+json": {"schema": event},
                "application/cloudevents-batch+json": {
                    "schema": {"type": "array", "maxItems": MOST_EVENTS, "items": event}
                },
                "application/json": {"schema": {"type": "object"}},
            },
        },
        "responses": {
            "202": _answered(
                "The broker has every event.", {"$ref": "#/components/schemas/Receipts"}
            ),
            "207": _answered(
                "Some events of the batch were taken, some not.",
                {"$ref": "#/components/schemas/Items"},
            ),
            **_problems(*_REFUSALS),
        },
    }


def _get(name: str, summary: str, responses: dict[str, JSON], *parameters: JSON) -> dict[str, JSON]:
    operation: dict[str, JSON] = {
        "operationId": name,
        "summary": summary,
        "responses": {**responses, **_problems(500)},
    }
    if parameters:
        operation["parameters"] = list(parameters)
    return {"get": operation}


def _problems(*statuses: int) -> dict[str, JSON]:
    """Describe the answers of these statuses, each with all problems that it may mean."""
    return {str(status): _of_status(status) for status in sorted(statuses)}


def _of_status(status: int) -> dict[str, JSON]:
    kinds = [kind for kind in KINDS.values() if kind.status == status]
    if len(kinds) == 1:
        return {"$ref": f"#/components/responses/{kinds[0].name}"}
    told = "\n".join(f"- `{kind.name}`: {kind.meaning}" for kind in kinds)
    return {"description": told, **_headers(status), "content": _problem_content()}


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
        401: ("WWW-Authenticate", "How to show who sends.", text),
        405: ("Allow", "The methods that are taken.", text),
        415: ("Accept", "The content types that are read.", text),
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


def _object(*names: str) -> dict[str, JSON]:
    kinds: dict[str, JSON] = {"waiting_for": {"type": ["string", "null"]}}
    return {
        "type": "object",
        "required": list(names),
        "properties": {name: kinds.get(name, {"type": "boolean"}) for name in names},
    }


def _in_path(name: str, values: Iterable[str]) -> dict[str, JSON]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "enum": list(values)},
    }


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
    receipt: JSON = {"$ref": "#/components/schemas/Receipt"}
    problem: JSON = {"$ref": "#/components/schemas/Problem"}
    return {
        "Receipt": {
            "type": "object",
            "description": "The broker has the event, and this is where.",
            "required": ["id", "source", "topic", "partition", "offset"],
            "properties": {
                "id": {"type": "string"},
                "source": {"type": "string"},
                "topic": {"type": "string"},
                "partition": {"type": "integer", "minimum": 0},
                "offset": {
                    "type": ["integer", "null"],
                    "minimum": 0,
                    "description": "Null where the broker no longer knew that of a retry.",
                },
            },
        },
        "Receipts": {
            "type": "object",
            "required": ["receipts"],
            "properties": {"receipts": {"type": "array", "items": receipt}},
        },
        "Item": {
            "type": "object",
            "description": "What became of one event of a batch: a receipt or a problem.",
            "required": ["index", "status"],
            "properties": {
                "index": {"type": "integer", "minimum": 0},
                "status": {"type": "integer", "description": "That of a request of its own."},
                "receipt": receipt,
                "problem": problem,
            },
        },
        "Items": {
            "type": "object",
            "required": ["items"],
            "properties": {
                "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}}
            },
        },
        "Problem": {
            "type": "object",
            "description": "Problem details (RFC 9457).",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                "type": {"type": "string", "format": "uri-reference"},
                "title": {"type": "string"},
                "status": {"type": "integer"},
                "detail": {"type": "string"},
                "field": {"type": "string", "description": "What it is about."},
                "value": {
                    "type": ["string", "null"],
                    "description": "What was found there, cut short; null where nothing was.",
                },
                "remedy": {"type": "string"},
                "limit": {"type": "integer"},
                "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
            },
        },
        "Event": {
            "description": "One event of any type.",
            "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in FACTS],
        },
        **{name: _embedded(schema_of(fact), name) for name, fact in FACTS.items()},
    }


def _embedded(schema: dict[str, Any], name: str) -> JSON:
    """Return a contract that stands alone as a part of this document: its references follow it.

    Its own `$id` is left out: it would become the base of the references.
    """
    base = f"#/components/schemas/{name}"

    def moved(part: Any) -> Any:  # noqa: ANN401 - JSON of any shape
        if isinstance(part, dict):
            return {
                key: f"{base}{value[1:]}"
                if key == "$ref" and isinstance(value, str) and value.startswith("#")
                else moved(value)
                for key, value in part.items()
            }
        return [moved(one) for one in part] if isinstance(part, list) else part

    embedded: JSON = moved(
        {key: part for key, part in schema.items() if key not in ("$id", "$schema")}
    )
    return embedded
