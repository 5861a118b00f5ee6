"""The figures of a page as data: the same values, texts and reasons as CSV and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from boundary.spreadsheets import csv_text
from report.completeness import Completeness
from report.standing import Standing, TextCell
from report.view import View

_CELLS: Final = (
    "status",
    "value",
    "parts",
    "target",
    "deadline",
    "progress",
    "projection",
    "change",
    "pace",
    "required_pace",
    "attained",
    "last_reported",
    "explanation",
)


def rows_of(
    standings: Iterable[Standing], view: View, completeness: Completeness
) -> list[dict[str, Any]]:
    """Return a row for each standing: its numbers, and each cell as text, note and reason."""
    return [_row(one, view, completeness) for one in standings]


def table_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV; a cell's text, note and reason have a column each."""
    flat = [
        {
            name if not part else f"{name}_{part}": value
            for name, cell in row.items()
            for part, value in (cell.items() if isinstance(cell, dict) else (("", cell),))
        }
        for row in rows
    ]
    return csv_text([*flat[0]], flat) if flat else ""


def json_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as a JSON array."""
    return json.dumps(list(rows), ensure_ascii=False, indent=1) + "\n"


def _row(one: Standing, view: View, completeness: Completeness) -> dict[str, Any]:
    judgement = one.judgement
    milestone = judgement.milestone
    known_on = view.known_on
    # What is not divided is kept in cents, or in millionths: its number is the figure.
    is_ratio = one.indicator.measure.denominator is not None and judgement.value is not None
    return {
        "as_of": str(view.as_of),
        "known_on": None if known_on is None else str(known_on),
        "complete": completeness.is_complete,
        "figure_of": str(judgement.as_of),
        "indicator": one.indicator.id,
        "title": one.indicator.title,
        "unit": str(one.indicator.unit),
        "department": judgement.department,
        "territory": one.territory,
        "milestone": None if milestone is None else milestone.id,
        "milestone_status": None if judgement.status is None else str(judgement.status),
        "number": None if judgement.value is None else float(judgement.value),
        "numerator": judgement.numerator if is_ratio else None,
        "denominator": judgement.denominator if is_ratio else None,
        "target_number": None
        if milestone is None or milestone.target is None
        else float(milestone.target),
        **{name: _cell(getattr(one, name)) for name in _CELLS},
    }


def _cell(cell: TextCell) -> dict[str, str | None]:
    return {
        "text": cell.text or None,
        "note": cell.note or None,
        "reason": cell.reason or None,
    }
