"""Rows and their dictionary as text: CSV, or JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from types import UnionType
from typing import Any, Literal, TypeAlias, get_args, get_origin

from streams.export.row import KEY, Row

__all__ = ["Format", "dictionary_text", "rows_text"]

Format: TypeAlias = Literal["csv", "json"]

#: Table Schema's types, by Python's; an enumeration is a string with its values.
_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    date: "date",
}


def rows_text(rows: Iterable[Row], form: Format) -> str:
    """Give rows as text: CSV (RFC 4180, comma, a header line), or a JSON array of objects."""
    documents = [row.model_dump(mode="json") for row in rows]
    return _csv(list(Row.model_fields), documents) if form == "csv" else _json(documents)


def dictionary_text(form: Format) -> str:
    """Give the dictionary of the columns: CSV for people, or a Table Schema as JSON.

    Table Schema: specs.frictionlessdata.io/table-schema, which schema.data.gouv.fr uses.
    """
    fields = [_field(name) for name in Row.model_fields]
    if form == "json":
        schema = {"fields": fields, "primaryKey": list(KEY), "missingValues": [""]}
        return _json(schema)
    lines = [
        {
            "name": field["name"],
            "title": field["title"],
            "type": field["type"],
            "required": field["constraints"]["required"],
            "values": " ".join(field["constraints"].get("enum", ())),
            "description": field["description"],
        }
        for field in fields
    ]
    return _csv(list(lines[0]), lines)


def _field(name: str) -> dict[str, Any]:
    field = Row.model_fields[name]
    kinds = get_args(field.annotation)
    if get_origin(field.annotation) is not UnionType:
        kinds = (field.annotation,)
    kind = kinds[0]
    constraints: dict[str, Any] = {"required": type(None) not in kinds}
    if issubclass(kind, StrEnum):
        constraints["enum"] = [str(value) for value in kind]
    return {
        "name": name,
        "type": _TYPES.get(kind, "string"),
        "title": field.title,
        "description": field.description,
        "constraints": constraints,
    }


def _csv(header: list[str], lines: Iterable[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, header)
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _cell(value) for name, value in line.items()})
    return out.getvalue()


def _cell(value: object) -> object:
    """Write a flag as Table Schema reads it; None is an empty cell."""
    return str(value).lower() if isinstance(value, bool) else value


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
