"""An example of an event, derived from its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["example_of"]

DAY: Final = "2019-03-11"
QUANTITY: Final = 12
"""The example of a number without constraints."""


def example_of(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a value that satisfies a schema, with required fields only.

    A field has its own example, or else the first of its allowed values. `definitions` are the
    targets of `$ref`, by default the schema's own.
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
