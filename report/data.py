"""The figures of a page as data: the same values, texts and reasons as CSV and JSON.

`data.yaml` says what the columns are. Two descriptions follow from it: the metadata of the CSV as
CSV on the Web, and a Frictionless Data Package, which has the figures inside.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from boundary.spreadsheets import csv_text
from catalogue.model import Indicator
from catalogue.open_data import COLUMNS, LICENCE, data_package
from events.document import data_beside
from events.territory import TERRITORY
from report.completeness import Completeness
from report.standing import Standing, TextCell
from report.view import View

KEY: Final = ("indicator", "territory", "milestone")
"""What identifies a row; without a milestone it has none."""
CSVW: Final = "application/csvm+json"
"""The media type of metadata of CSV on the Web."""
METADATA: Final = "-metadata.json"
"""What the address of a CSV's metadata has after that of the CSV."""


class Column(NamedTuple):
    """A column of the CSV. `type` is of those that CSVW and Table Schema both have by that name."""

    name: str
    title: str
    description: str
    type: str = "string"
    required: bool = False


_DATA: Final = data_beside(__file__, TERRITORY.words)
OVERVIEW: Final[Mapping[str, str]] = _DATA["overview"]
"""The title and the description of the first page's figures."""
FIGURE_COLUMNS: Final = (
    *(Column(name, **{**COLUMNS.get(name, {}), **own}) for name, own in _DATA["columns"].items()),
    *(
        Column(f"{name}_{part}", **{key: text.format(**cell) for key, text in texts.items()})
        for name, cell in _DATA["cells"].items()
        for part, texts in _DATA["parts"].items()
    ),
)
"""The columns of the CSV in their order: values, then the parts of each cell."""


def rows_of(
    standings: Iterable[Standing], view: View, completeness: Completeness
) -> list[dict[str, Any]]:
    """Return a row for each standing: its numbers, and each cell as text, note and reason."""
    return [figure_row(one, view, completeness) for one in standings]


def table_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as CSV; a cell's text, note and reason have a column each."""
    return csv_text([one.name for one in FIGURE_COLUMNS], map(_flat, rows))


def json_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as a JSON array."""
    return json.dumps(list(rows), ensure_ascii=False, indent=1) + "\n"


def csvw_text(file: str, query: str, title: str, description: str) -> str:
    """Return the metadata of a CSV beside it, by its name and query string, as JSON.

    CSV on the Web: www.w3.org/TR/tabular-metadata. A column's titles are its heading, which readers
    compare with the file's, and the French one.
    """
    schema = [
        {
            "name": one.name,
            "titles": [one.name, one.title],
            "dc:description": one.description,
            "datatype": one.type,
            "required": one.required,
            "null": [""],
        }
        for one in FIGURE_COLUMNS
    ]
    metadata = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "fr"}],
        "url": f"{file}{query}",
        "dc:title": title,
        "dc:description": description,
        "dc:license": {"@id": LICENCE["path"]},
        "tableSchema": {"columns": schema, "primaryKey": list(KEY)},
    }
    return json.dumps(metadata, ensure_ascii=False, indent=1) + "\n"


def package_text(rows: Iterable[Mapping[str, Any]], indicator: Indicator, view: View) -> str:
    """Return an indicator's figures with what they mean, as a Frictionless Data Package.

    The rows are inside: a file beside it could be of another moment.
    """
    fields = [
        {
            "name": one.name,
            "type": one.type,
            "title": one.title,
            "description": one.description,
            "constraints": {"required": one.required},
        }
        for one in FIGURE_COLUMNS
    ]
    resource = {
        "name": indicator.id,
        "title": indicator.title,
        "data": [_flat(one) for one in rows],
        "schema": {"fields": fields, "uniqueKeys": [list(KEY)], "missingValues": [""]},
    }
    about = indicator.id, indicator.title, indicator.definition
    return data_package(*about, resource, as_of=view.as_of, known_on=view.known_on)


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with a field for each part of a cell."""
    return {
        name if not part else f"{name}_{part}": value
        for name, cell in row.items()
        for part, value in (cell.items() if isinstance(cell, dict) else (("", cell),))
    }


def figure_row(one: Standing, view: View, completeness: Completeness) -> dict[str, Any]:
    """Return the row of a standing."""
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
        **{name: cell_of(getattr(one, name)) for name in _DATA["cells"]},
    }


def cell_of(cell: TextCell) -> dict[str, str | None]:
    """Return a cell; what it lacks is None."""
    return {
        "text": cell.text or None,
        "note": cell.note or None,
        "reason": cell.reason or None,
    }
