"""The JSON Schema (draft 2020-12) of each event, made of the models that read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from inspect import getdoc
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from events.cloudevent import EVENT_MODELS
from events.contracts.example import example_of
from events.fact import JSON, Fact
from events.identifiers import also_checked

__all__ = [
    "DIALECT",
    "description_of",
    "json_text",
    "schema_file",
    "schema_id",
    "schema_of",
]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

DAY_RULE: Final = "at most the day after that of the event's `time` (UTC)"

_ATTRIBUTE_NAMES: Final = {"pattern": "^[a-z0-9]+$"}
"""Names of CloudEvents attributes: pydantic keeps this rule of unknown ones to itself."""


def schema_file(fact: type[Fact]) -> str:
    """The name of a fact's schema in docs/contracts/released, and at the gateway, /schemas/."""
    return f"{fact.TYPE}.json"


def schema_id(fact: type[Fact]) -> str:
    """The schema's identifier: a name for ever (RFC 4151), and no place on the web."""
    return f"tag:iledefrance.fr,2026:smart-region/schemas/{fact.TYPE}"


def description_of(fact: type[Fact]) -> str:
    """What a fact says, in a few sentences."""
    return getdoc(fact) or ""


def schema_of(fact: type[Fact]) -> dict[str, Any]:
    """The schema of a fact's event in structured mode: the CloudEvents envelope with its data.

    It says everything that is checked but what JSON Schema has no words for: that is told in the
    descriptions, and named in `$comment`. An example closes it.
    """
    generated = EVENT_MODELS[fact.TYPE].model_json_schema(schema_generator=_Generator)
    _tell_day_rule(generated["$defs"][fact.__name__]["properties"][fact.DAY])
    example = {**example_of(generated), "source": f"urn:example:{fact.FAMILY}"}
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


def _tell_day_rule(day: dict[str, Any]) -> None:
    rules = day.get("$comment")
    known = (rules.removeprefix(also_checked()["$comment"]),) if rules else ()
    day |= also_checked(*known, "day_out_of_range")
    day["description"] = f"{day['description']}; {DAY_RULE}"


class _Generator(GenerateJsonSchema):
    """Leaves out what only repeats: titles made of names, and that what is optional may be null."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default") is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def json_text(document: Mapping[str, JSON]) -> str:
    """A JSON document as people and diffs read it: indented, in UTF-8, in the order it was made."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
