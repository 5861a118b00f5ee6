"""The file of a territory: what follows from its codes, and what is refused."""

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from events.declaration import InvalidDeclarationError
from events.identifiers import uai_department
from events.territory import FILE, TERRITORY, DeclaredTerritory, read_territory


def territory(*codes: str, **fields: object) -> DeclaredTerritory:
    uai = {"2A": "620", "2B": "720"}
    declared = [{"code": code, "name": code, "uai": uai.get(code)} for code in codes]
    return DeclaredTerritory.model_validate(
        {"code": "53", "name": "Bretagne", "departments": declared, **fields}
    )


def problems(text: str, folder: Path) -> str:
    file = folder / "territory.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidDeclarationError) as refused:
        read_territory(file)
    return str(refused.value).replace(f"{folder}/", "")


@pytest.mark.parametrize(
    ("codes", "begins", "does_not"),
    [
        (("22", "35"), ("022", "035"), ("220", "029")),
        (("2A", "2B"), ("620", "720"), ("02A", "020")),
        (("974",), ("974",), ("0974", "975")),
    ],
)
def test_uais_begin_with_the_digits_of_a_departement(
    codes: tuple[str, ...], begins: tuple[str, ...], does_not: tuple[str, ...]
) -> None:
    pattern = territory(*codes).uai_pattern
    assert all(re.fullmatch(pattern, one) for one in begins)
    assert not any(re.fullmatch(pattern, one) for one in does_not)


@pytest.mark.parametrize(
    ("codes", "commune", "elsewhere"),
    [(("22", "35"), "35238", "44109"), (("2A",), "2A004", "2B033"), (("974",), "97411", "97611")],
)
def test_communes_begin_with_the_code_of_a_departement(
    codes: tuple[str, ...], commune: str, elsewhere: str
) -> None:
    pattern = territory(*codes).commune_pattern
    assert re.fullmatch(pattern, commune)
    assert not re.fullmatch(pattern, elsewhere)


@pytest.mark.parametrize(
    ("latitude", "longitude", "inside", "outside"),
    [
        ([47, 49], [-6, -1], ("48.1,-5.1", "47.5,-1.68"), ("-5.1,48.1", "48.1,-0.9", "49.0,-2.0")),
        ([-22, -20], [55, 56], ("-21.3,55.5", "-20.9,55.2"), ("55.5,-21.3", "-22.1,55.5")),
        ([41, 44], [8, 11], ("41.9,8.7", "43.0,10.1"), ("8.7,41.9", "40.9,8.7")),
        ([43.5, 44.5], [-1.5, 0.5], ("43.9,-1.2", "44.0,-0.9", "44.1,0.4"), ("45.0,0.4",)),
        (None, None, ("48.1,-5.1", "-21.3,55.5"), ("48.1", "48,1")),
    ],
)
def test_positions_are_within_whole_degrees(
    latitude: object, longitude: object, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    pattern = territory("22", latitude=latitude, longitude=longitude).position_pattern
    assert all(re.fullmatch(pattern, one) for one in inside)
    assert not any(re.fullmatch(pattern, one) for one in outside)


def test_every_uai_of_the_region_leads_to_its_departement() -> None:
    for one in TERRITORY.departments:
        assert uai_department(f"{one.uai_digits}0419Y").value == one.code


def test_outlines_lie_beside_the_file(tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8")
    file = tmp_path / "territory.yaml"
    file.write_text(re.sub("outlines: .*/", "outlines: ", text), encoding="utf-8")
    for name in ("outlines.json", "communes.json"):
        (tmp_path / name).write_text("{}")
    assert read_territory(file).outlines == tmp_path / "outlines.json"


def test_outlines_that_are_not_there_are_refused(tmp_path: Path) -> None:
    text = "code: '53'\nname: Bretagne\noutlines: a.json\ndepartments: [{ code: '22', name: Un }]\n"
    assert problems(text, tmp_path) == (
        "territory.yaml:3: outlines: is not there, value 'a.json': correct the path"
    )


def test_each_mistake_is_one_line_with_its_remedy(tmp_path: Path) -> None:
    text = """\
code: '5'
name: Bretagne
latitude: [49, 47]
departments:
  - { code: '22', name: Un, town: Rennes }
"""
    assert problems(text, tmp_path) == (
        "territory.yaml:1: code: is not a Région, value '5': write its two digits, quoted: '53'\n"
        "territory.yaml:5: departments[0].town: is not a known key here, value 'town': write one"
        " of code, name, uai, nuts, marker, communes"
    )


@pytest.mark.parametrize(
    ("codes", "problem"),
    [
        (("22", "22"), "is there twice"),
        (("22", "974"), "has another length than the first"),
        (("20",), "is missing"),
    ],
)
def test_departements_that_do_not_go_together_are_refused(
    codes: tuple[str, ...], problem: str
) -> None:
    declared = [{"code": code.replace("20", "2A"), "name": code} for code in codes]
    fields = {"code": "53", "name": "Bretagne", "departments": declared}
    with pytest.raises(ValidationError, match=problem):
        DeclaredTerritory.model_validate(fields)


@pytest.mark.parametrize("numbers", ["1-", "1,2", "1234", "7 3", "9-7", "1" * 50 + "x"])
def test_communes_are_numbers_in_ascending_order(numbers: str) -> None:
    declared = [{"code": "22", "name": "Un", "communes": numbers}]
    with pytest.raises(ValidationError, match=r"numbers|ascending"):
        DeclaredTerritory.model_validate({"code": "53", "name": "B", "departments": declared})


def test_a_number_of_a_commune_that_is_too_long_is_refused(tmp_path: Path) -> None:
    text = (
        "code: '04'\nname: La Réunion\n"
        "departments: [{ code: '974', name: La Réunion, communes: 1-24 100 }]\n"
    )
    assert problems(text, tmp_path) == (
        "territory.yaml:3: departments[0].communes: makes a code that is too long, value '974100':"
        " write the 2 last digits"
    )


def test_bounds_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match="is empty"):
        territory("22", latitude=[49, 47])
