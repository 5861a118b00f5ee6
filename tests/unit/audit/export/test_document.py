"""Rows and their dictionary as text."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

from audit.export.document import dictionary_text, rows_text
from audit.export.rows import ExportRow
from catalogue.model import Unit
from catalogue.progress import MilestoneStatus
from events.observation import Territory

ROW = ExportRow.model_validate(
    {
        **dict.fromkeys(ExportRow.model_fields),
        "as_of": date(2020, 12, 31),
        "programme": "lycees",
        "programme_title": "Lycées, « numériques »",
        "indicator": "schools",
        "indicator_title": "Lycées",
        "unit": Unit.RATIO,
        "territory": Territory.REGION,
        "territory_name": "Île-de-France",
        "value": 0.5,
        "pace_per_day": 1e-07,
        "numerator": 1,
        "suppressed": False,
        "status": MilestoneStatus.ON_TRACK,
    }
)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_french_spreadsheet_opens_it_by_a_double_click() -> None:
    """A mark of UTF-8, semicolons, decimal commas, and no exponent that it would take for text."""
    heading, line = rows_text([ROW], "excel").splitlines()
    assert heading == "\ufeff" + ";".join(ExportRow.model_fields)
    cells = dict(zip(ExportRow.model_fields, line.split(";"), strict=True))
    assert cells["programme_title"] == "Lycées, « numériques »"
    assert (cells["value"], cells["numerator"], cells["pace_per_day"]) == ("0,5", "1", "0,0000001")


class TestDictionary:
    def test_has_a_title_and_a_description_of_each(self) -> None:
        fields = json.loads(dictionary_text("json"))["fields"]
        assert all(field["title"] and field["description"].endswith(".") for field in fields)
        assert len({field["title"] for field in fields}) == len(fields)

    def test_explains_every_code(self) -> None:
        described = {line["name"]: line["description"] for line in lines(dictionary_text("csv"))}
        assert all(f"{status} :" in described["status"] for status in MilestoneStatus)
        assert all(f"{unit} :" in described["unit"] for unit in Unit)
