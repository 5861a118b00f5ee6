"""An example of an event, made of its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["example_of"]

DAY: Final = "2019-03-11"
QUANTITY: Final = 12
"""Where nothing better is known; any number would do."""


def example_of(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON of any shape
    """A value that satisfies a schema of ours: what is required, and nothing else.

    A field's own example is taken where it has one, the first of the values that it may have
    otherwise. `definitions` are those that `$ref` leads to; the schema's own unless given.
    """
    known = schema.get("$defs", {}) if definitions is None else definitions
    if "$ref" in schema:
        return example_of(known[schema["$ref"].rpartition("/")[2]], known)
    if "const" in schema:
        return schema["const"]
    for given in (schema.get("examples"), schema.get("enum")):
        if given:
            return given[0]
    return _by_kind(schema, known)


def _by_kind(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Any:  # noqa: ANN401
    kind = schema["type"]
    if kind == "object" and "properties" in schema:
        required = schema.get("required", ())
        return {
            name: example_of(field, known)
            for name, field in schema["properties"].items()
            if name in required
        }
    if kind == "object":
        name = example_of(schema["propertyNames"], known)
        return {name: example_of(schema["additionalProperties"], known)}
    if kind == "string":
        return DAY if schema.get("format") == "date" else "text"
    return QUANTITY
