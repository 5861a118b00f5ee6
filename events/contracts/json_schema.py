"""The JSON Schema (draft 2020-12) of each event, derived from its model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import getdoc
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from events.cloudevent import EVENT_MODELS
from events.fact import JSON, Fact
from events.identifiers import also_checked

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

DAY_RULE: Final = "at most the day after that of the event's `time` (UTC)"
_DAY: Final = "2019-03-11"
_QUANTITY: Final = 12
"""The example of a number without constraints."""

_ATTRIBUTE_NAMES: Final = {"pattern": "^[a-z0-9]+$"}
"""Names of CloudEvents attributes: pydantic omits this rule for unknown ones."""


def schema_file(fact: type[Fact]) -> str:
    """Return the name of a fact's schema in docs/contracts/released and in /schemas/."""
    return f"{fact.TYPE}.json"


def schema_id(fact: type[Fact]) -> str:
    """Return the schema's identifier: a permanent tag URI (RFC 4151), not a web address."""
    return f"tag:iledefrance.fr,2026:smart-region/schemas/{fact.TYPE}"


def description_of(fact: type[Fact]) -> str:
    """Return the description of a fact."""
    return getdoc(fact) or ""


def schema_of(fact: type[Fact]) -> dict[str, Any]:
    """Return the schema of a fact's event in structured mode: the envelope with its data.

    Rules that JSON Schema cannot express are in the descriptions and named in `$comment`. The last
    key is an example.
    """
    generated = EVENT_MODELS[fact.TYPE].model_json_schema(schema_generator=_Generator)
    _describe_day_rule(generated["$defs"][fact.__name__]["properties"][fact.DAY])
    example = {**_example_of(generated), "source": f"urn:example:{fact.FAMILY}"}
    return {
        "$schema": DIALECT,
        "$id": schema_id(fact),
        "title": fact.TYPE,
        "description": description_of(fact),
        "examples": [example],
        "type": "object",
        "required": generated["required"],
        "properties": generated["properties"],
        "propertyNames": _ATTRIBUTE_NAMES,
        "additionalProperties": generated["additionalProperties"],
        "$defs": generated["$defs"],
    }


def _describe_day_rule(day: dict[str, Any]) -> None:
    rules = day.get("$comment")
    known = (rules.removeprefix(also_checked()["$comment"]),) if rules else ()
    day |= also_checked(*known, "day_out_of_range")
    day["description"] = f"{day['description']}; {DAY_RULE}"


class _Generator(GenerateJsonSchema):
    """A generator without redundant titles, and without null defaults of optional fields."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def json_text(document: Mapping[str, JSON]) -> str:
    """Return a JSON document with indentation, in UTF-8 and in its order."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _example_of(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a value that satisfies a schema, with required fields only.

    A field has its own example, or else the first of its allowed values. `definitions` are the
    targets of `$ref`, by default the schema's own.
    """
    known = schema.get("$defs", {}) if definitions is None else definitions
    if "$ref" in schema:
        return _example_of(known[schema["$ref"].rpartition("/")[2]], known)
    if "const" in schema:
        return schema["const"]
    for given in (schema.get("examples"), schema.get("enum")):
        if given:
            return given[0]
    return _example_by_kind(schema, known)


def _example_by_kind(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:  # noqa: ANN401
    kind = schema["type"]
    if kind == "object" and "properties" in schema:
        required = schema.get("required", ())
        return {
            name: _example_of(field, known)
            for name, field in schema["properties"].items()
            if name in required
        }
    if kind == "object":
        name = _example_of(schema["propertyNames"], known)
        return {name: _example_of(schema["additionalProperties"], known)}
    if kind == "string":
        return _DAY if schema.get("format") == "date" else "text"
    return _QUANTITY
