"""What the exact contracts say of the events in a request, and which rules they have in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final
from urllib.parse import unquote

from jsonschema_rs import Draft202012Validator

from events.contracts.json_schema import schema_of
from events.registry import FACTS

_STRUCTURED: Final = "application/cloudevents+json"
_BATCH: Final = "application/cloudevents-batch+json"
_BINARY: Final = "application/json"
_RULES: Final = (
    # The `$comment` of the contracts names these: fields that must agree, and the like.
    ("invalid_data", "adds up to more than the available hours"),
    ("invalid_data", "differs from the département of the UAI"),
    ("invalid_data", "has no milestone"),
    ("invalid_data", "in the catalogue"),
    ("invalid_data", "has no visible character"),
    ("invalid_data", "is before the period's start, or over 366 days after it"),
    ("invalid_data", "is more than the commune's `premises`"),
    ("invalid_data", "is not in the département of the site"),
    ("invalid_data", "decimal places"),
    # 617.0 is a whole number to JSON Schema, as 617 is; in an extension too.
    ("invalid_data", "should be a valid integer"),
    ("invalid_envelope", "is not the value of a CloudEvents attribute"),
    # Every text is searched for what looks like a person's.
    ("person_data", ""),
)
"""What the contracts have in words: kind of problem, and a part of its detail."""
_SIMPLER: Final = (
    # Generators of clients do not read the keyword for names of extensions.
    ("invalid_envelope", "is not the name of a CloudEvents attribute"),
    # Percent-encoded bytes that are not UTF-8: the pattern would be twice as long.
    ("invalid_envelope", "is not a header's text"),
)
"""What the document has in words, and the contracts as schemas."""


def sent_events(headers: Mapping[str, str], body: bytes) -> list[Any]:
    """Return the possible events of a request, as the JSON format has them; none if it has no form.

    `headers` has any case. What cannot be read is None.
    """
    named = {name.lower(): value for name, value in headers.items()}
    content_type = named.get("content-type", "")
    try:
        if content_type == _BINARY:
            return [_binary_event(named, body)]
        read = json.loads(body)
    except ValueError:
        return [None]
    if content_type == _BATCH:
        return read if isinstance(read, list) else [None]
    return [read] if content_type == _STRUCTURED else []


def _binary_event(headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    attributes = {
        name.removeprefix("ce-"): unquote(value, errors="strict")
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    return {**attributes, "data": json.loads(body)}


def keeps_its_contract(event: Any) -> bool:  # noqa: ANN401 - JSON of any shape
    """Return True where an event fits the JSON Schema of its type."""
    kind = event.get("type") if isinstance(event, dict) else None
    return isinstance(kind, str) and kind in FACTS and _validator(kind).is_valid(event)


@cache
def _validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(schema_of(FACTS[kind]), validate_formats=True)


def is_of_a_rule(problem: Mapping[str, Any], *, of_document: bool) -> bool:
    """Return True for the problem of an event that a rule refuses which is in words alone.

    That is in the contracts, or `of_document` in the OpenAPI document, whose schemas are simpler.
    """
    return any(
        problem["type"] == f"/problems/{kind}" and detail in problem["detail"]
        for kind, detail in (*_RULES, *(_SIMPLER if of_document else ()))
    )
