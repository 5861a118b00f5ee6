"""The contracts for client generators: named schemas with widely supported keywords.

The JSON Schema of an event (`schema_of`) is exact, and uses keywords that few generators support:
`const`, `anyOf` with null, patterns of days, nested definitions. These schemas are simpler, and
less exact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from events.contracts.json_schema import description_of, schema_of
from events.fact import JSON, Fact
from events.registry import FACTS

EVENT: Final = "Event"
EVENT_TYPE: Final = "EventType"

_BASE: Final = "#/components/schemas/"
_LARGEST_INT32: Final = 2**31 - 1
_EXTENSIONS: Final = (
    "Further attributes are extensions of CloudEvents: named with lower-case letters and digits, "
    "they hold text, a whole number or a boolean."
)
_DAYS: Final = ("date", "date-time")
"""Generated clients have their own types for these formats, to which no pattern applies."""


def event_name(fact: type[Fact]) -> str:
    """Return the name of the schema of a fact's event; that of its data is the fact's own."""
    return f"{fact.__name__}Event"


def client_schemas() -> dict[str, JSON]:
    """Return the schemas of every event and its data, and `Event`, discriminated by `type`."""
    shared: dict[str, JSON] = {}
    for fact in FACTS.values():
        schema = spelled_out(schema_of(fact))
        for name, part in schema["$defs"].items():
            plain = _plain(part)
            _add(shared, name, enumeration(name, plain) if "enum" in plain else plain)
        _add(shared, event_name(fact), _event(fact, schema))
    events: dict[str, JSON] = {name: f"{_BASE}{event_name(fact)}" for name, fact in FACTS.items()}
    return {
        EVENT: {
            "description": "One event of any type.",
            "oneOf": [{"$ref": reference} for reference in events.values()],
            "discriminator": {"propertyName": "type", "mapping": events},
        },
        EVENT_TYPE: {
            "type": "string",
            "description": "Which fact an event says, and the version of its contract.",
            "enum": list(FACTS),
            "x-enum-varnames": [_constant_name(fact) for fact in FACTS.values()],
        },
        **shared,
    }


def spelled_out(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with keywords that generators support, and references into one document.

    Numbers that need 64 bits have that format. If an enumeration restricts an object's names, they
    become its properties: generators would create a map of any names, which some clients write as
    an empty object.
    """
    definitions: dict[str, Any] = schema["$defs"]
    rules: set[str] = set()

    def replaced(part: Any) -> Any:  # noqa: ANN401 - JSON of any shape
        if isinstance(part, list):
            return [replaced(one) for one in part]
        if not isinstance(part, dict):
            return part
        whole = {name: replaced(one) for name, one in part.items()}
        if whole.get("type") == "integer" and whole.get("maximum", 0) > _LARGEST_INT32:
            whole["format"] = "int64"
        if "$ref" in whole:
            whole["$ref"] = whole["$ref"].replace("#/$defs/", _BASE)
        rule = whole.get("propertyNames", {}).get("$ref")
        if rule is not None:
            rules.add(name := rule.removeprefix(_BASE))
            del whole["propertyNames"]
            value = whole.pop("additionalProperties")
            whole["properties"] = dict.fromkeys(definitions[name]["enum"], value)
            whole["additionalProperties"] = False
        return whole

    spelled = replaced(dict(schema))
    still_used = str(spelled)
    spelled["$defs"] = {
        name: part
        for name, part in spelled["$defs"].items()
        if name not in rules or f"'{_BASE}{name}'" in still_used
    }
    return cast("dict[str, Any]", spelled)


def enumeration(name: str, schema: Mapping[str, JSON]) -> dict[str, JSON]:
    """Set unique names for the values of a named enumeration.

    In Go, all constants of a client share one namespace, in which `_75` is not valid either.
    """
    prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", name)
    values = cast("list[str]", schema["enum"])
    return {**schema, "x-enum-varnames": [f"{prefix}_{value}".upper() for value in values]}


def _add(schemas: dict[str, JSON], name: str, schema: JSON) -> None:
    """Add a schema. Raises ValueError for a duplicate name, of which a generator would use one."""
    if schemas.setdefault(name, schema) != schema:
        raise ValueError(f"two schemas are named {name}: give one of the models another name")


def _event(fact: type[Fact], schema: Mapping[str, Any]) -> JSON:
    attributes = {name: _plain(part) for name, part in schema["properties"].items()}
    return {
        "type": "object",
        "description": f"{description_of(fact)}\n\n{_EXTENSIONS}",
        "required": schema["required"],
        "properties": attributes,
        "additionalProperties": True,
        "examples": schema["examples"],
    }


def _constant_name(fact: type[Fact]) -> str:
    return f"{fact.NAME.replace('.', '_')}_v{fact.VERSION}".upper()


def _plain(part: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema in the subset that generators support."""
    schema = {name: value for name, value in part.items() if name not in ("$comment", "title")}
    if "anyOf" in schema:
        # Optional values may be null or absent: clients omit them.
        (kind,) = (one for one in schema.pop("anyOf") if one != {"type": "null"})
        schema = kind | schema
    if "const" in schema:
        only = schema.pop("const")
        schema |= {"enum": [only], "default": only}
    if schema.get("format") in _DAYS:
        schema.pop("pattern", None)
    if schema.get("type") == "integer":
        schema.setdefault("format", "int32")
    if "properties" in schema:
        schema["properties"] = {name: _plain(one) for name, one in schema["properties"].items()}
    for name in ("additionalProperties", "propertyNames", "items"):
        if isinstance(schema.get(name), dict):
            schema[name] = _plain(schema[name])
    return schema
