"""Fields filled from cells."""

import unicodedata
from collections.abc import Mapping

from sources.importing.mapper import Mapper
from sources.importing.mapping import CsvMapping
from sources.importing.parsing import ParsingError

FIELDS: dict[str, object] = {
    "site_id": {"template": "s-{dep}-{no}"},
    "opened_on": "le",
    "name": {"column": "nom", "default": "Sans nom"},
    "department": "dep",
    "commune": "com",
    "workstations": {"column": "postes", "default": 0},
}
CELLS = {"dep": "77", "no": "4", "le": "01/02/2018", "nom": "", "com": "77288", "postes": ""}


def filled(
    cells: Mapping[str, str], **fields: object
) -> tuple[dict[str, object], list[ParsingError]]:
    """Fill the fields of a workplace."""
    mapping = CsvMapping.model_validate(
        {
            "title": "Test",
            "fact": "coworking.opened",
            "source": "urn:test",
            "fields": {**FIELDS, **fields},
        }
    )
    return Mapper(mapping, str).fill(cells)


def test_every_field_is_filled() -> None:
    """By its own rule."""
    values, problems = filled(CELLS)
    assert problems == []
    assert (values["site_id"], values["name"], values["workstations"]) == ("s-77-4", "Sans nom", 0)


def test_a_default_is_not_looked_up_among_the_words() -> None:
    """It is what the fact says already."""
    values, _ = filled(CELLS, name={"column": "nom", "values": {"a": "b"}, "default": "c"})
    assert values["name"] == "c"


def test_a_word_is_known_in_each_form() -> None:
    """Of its case, its accents, its apostrophe and its spaces."""
    rule = {"column": "nom", "values": {"Clé d\u2019accès": "b"}}
    for word in (
        "clé d'accès",
        unicodedata.normalize("NFD", "CLÉ D\u2019ACCÈS"),
        "clé\u00a0d'accès",
    ):
        values, problems = filled({**CELLS, "nom": word}, name=rule)
        assert (values["name"], problems) == ("b", [])


def test_what_is_missing_for_an_id_is_reported_by_its_column() -> None:
    """And what can be filled is."""
    values, problems = filled({**CELLS, "no": ""})
    assert [(one.column, one.problem) for one in problems] == [("no", "is empty")]
    assert "site_id" not in values
    assert values["commune"] == "77288"


def test_a_template_takes_each_column_as_it_is() -> None:
    """Braces in a cell are no columns."""
    values, _ = filled({**CELLS, "no": "{dep}"})
    assert values["site_id"] == "s-77-{dep}"
