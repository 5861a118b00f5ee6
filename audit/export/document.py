"""Rows and their dictionary as text: CSV, or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import UnionType
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin

from audit.export.rows import KEY, ExportRow
from boundary.spreadsheets import csv_text
from boundary.terminal import legible_lines
from catalogue.open_data import COLUMNS

Format: TypeAlias = Literal["csv", "excel", "json"]
"""`excel` is CSV as a French spreadsheet opens it by a double click."""

DELIMITERS: Final[Mapping[Format, str]] = {"csv": ",", "excel": ";"}
BYTE_ORDER_MARK: Final = "\ufeff"
DECIMAL_COMMA: Final = ","

#: Table Schema's types, by Python's; an enumeration is a string with its values.
_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    date: "date",
}


def rows_text(rows: Iterable[ExportRow], form: Format) -> str:
    """Return rows as text: CSV (RFC 4180, a header line), or a JSON array of objects."""
    documents = [row.model_dump(mode="json") for row in rows]
    return (
        _json(documents) if form == "json" else _csv(list(ExportRow.model_fields), documents, form)
    )


def dictionary_text(form: Format) -> str:
    """Return the dictionary of the columns: CSV for people, or a Table Schema as JSON."""
    schema = table_schema(form)
    if form == "json":
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
        for field in schema["fields"]
    ]
    return _csv(list(lines[0]), lines, form)


def table_schema(form: Format) -> dict[str, Any]:
    """Describe the columns as a Table Schema (specs.frictionlessdata.io/table-schema).

    The fields of the key may be empty (all categories, no milestone): a unique key, and no
    primary key, whose fields are all required.
    """
    fields = [_field(name) for name in ExportRow.model_fields]
    if form == "excel":
        fields = [
            field | ({"decimalChar": DECIMAL_COMMA} if field["type"] == "number" else {})
            for field in fields
        ]
    return {"fields": fields, "uniqueKeys": [list(KEY)], "missingValues": [""]}


def _field(name: str) -> dict[str, Any]:
    field = ExportRow.model_fields[name]
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
        **COLUMNS[name],
        "constraints": constraints,
    }


def _csv(header: list[str], lines: Iterable[dict[str, Any]], form: Format) -> str:
    rows = ({name: _cell(value, form) for name, value in line.items()} for line in lines)
    mark = BYTE_ORDER_MARK if form == "excel" else ""
    return mark + csv_text(header, rows, delimiter=DELIMITERS[form])


def _cell(value: object, form: Format) -> object:
    if form == "excel" and isinstance(value, float):
        return f"{Decimal(repr(value)):f}".replace(".", DECIMAL_COMMA)
    return value


def _json(document: object) -> str:
    return legible_lines(json.dumps(document, ensure_ascii=False, indent=1)) + "\n"
