"""Identifiers and quantities of the territory."""

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from events.identifiers import (
    FIRST_DAY,
    Cents,
    CommuneCode,
    Count,
    Day,
    Department,
    EntityId,
    Label,
    PlainText,
    PseudonymousId,
    Role,
    Siret,
    Uai,
    commune_department,
    uai_check_letter,
    uai_department,
)
from tests.support.facts import communes, sirets, uais

LYCEES = Path(__file__).parents[4] / "shared" / "data" / "lycees_idf_uai.csv"


def accepts(kind: Any, value: object) -> bool:  # noqa: ANN401 - an annotated type
    """Return whether a type takes a value as JSON, strictly."""
    try:
        TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
    except ValidationError:
        return False
    return True


@pytest.fixture(scope="module")
def lycees() -> list[dict[str, str]]:
    """The Ministère's open directory of lycées, where it is at hand."""
    if not LYCEES.exists():
        pytest.skip(f"{LYCEES.name} is not at hand: it is not part of the project")
    with LYCEES.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_real_uai_is_accepted(lycees: list[dict[str, str]]) -> None:
    """All lycées of the region's open directory have a UAI that we take."""
    assert [row["code_uai"] for row in lycees if not accepts(Uai, row["code_uai"])] == []


def test_the_department_of_a_real_uai_is_known(lycees: list[dict[str, str]]) -> None:
    """The département read from a UAI is the one the directory states."""
    assert all(uai_department(row["code_uai"]) == row["code_departement"] for row in lycees)


def test_every_real_commune_is_accepted(lycees: list[dict[str, str]]) -> None:
    """Communes of lycées, Paris's arrondissements included, are codes that we take."""
    assert all(accepts(CommuneCode, row["code_insee_commune"]) for row in lycees)


def test_check_letter_of_known_schools() -> None:
    """Lycée Jenatzy (Paris) and lycée Henri IV end with the letter their digits give."""
    assert (uai_check_letter("0750419"), uai_check_letter("0750654")) == ("Y", "D")


@given(uai=uais(), wrong=st.sampled_from("ABCDEFGHJKLMNPRSTUVWXYZ"))
def test_only_one_check_letter_is_accepted(uai: str, wrong: str) -> None:
    """A UAI with another letter is refused, so that a typing mistake is found."""
    assert accepts(Uai, uai[:7] + wrong) == (wrong == uai[7])


@given(uai=uais(), index=st.integers(1, 6), digit=st.integers(0, 9))
def test_a_mistyped_digit_is_found(uai: str, index: int, digit: int) -> None:
    """One wrong digit never gives a valid UAI: 23 is prime and larger than a digit."""
    mistyped = uai[:index] + str(digit) + uai[index + 1 :]
    assert accepts(Uai, mistyped) == (mistyped == uai)


@pytest.mark.parametrize(
    "uai",
    ["", "750419Y", "0750419y", "0750419Y\n", "0690001A", "0750419I", "\u0660750419Y", " 0750419Y"],
)
def test_malformed_uai_is_refused(uai: str) -> None:
    """Wrong length, case, département, letter or digits of another script are refused."""
    assert not accepts(Uai, uai)


@given(uai=uais())
def test_department_of_any_uai(uai: str) -> None:
    """Every valid UAI lies in one of the eight départements."""
    assert uai_department(uai).value == uai[1:3]


@given(commune=communes())
def test_department_of_any_commune(commune: str) -> None:
    """Every valid commune code lies in one of the eight départements."""
    assert accepts(CommuneCode, commune)
    assert commune_department(commune) in Department


@pytest.mark.parametrize("commune", ["2A004", "69123", "7728", "772888", "77 88", "\uff177288"])
def test_commune_elsewhere_is_refused(commune: str) -> None:
    """Communes of other regions, and what is no code at all, are refused."""
    assert not accepts(CommuneCode, commune)


@pytest.mark.parametrize("siret", ["23750007900312", "35600000000048", "35600000009075"])
def test_known_sirets_are_accepted(siret: str) -> None:
    """The Région's, and two of La Poste's, one of which only satisfies La Poste's rule."""
    assert accepts(Siret, siret)


@given(siret=sirets(), index=st.integers(9, 13), digit=st.integers(0, 9))
def test_a_mistyped_siret_is_found(siret: str, index: int, digit: int) -> None:
    """Luhn finds any single wrong digit (La Poste's own numbers apart)."""
    mistyped = siret[:index] + str(digit) + siret[index + 1 :]
    assert accepts(Siret, mistyped) == (mistyped == siret) or siret.startswith("356000000")


@pytest.mark.parametrize("name", ["", "a b", "é", "a" * 65, "a/b", "a\n"])
def test_unsafe_entity_ids_are_refused(name: str) -> None:
    """An entity's identifier is short and plain: it becomes a record's key."""
    assert not accepts(EntityId, name)


@pytest.mark.parametrize("name", ["short", "UPPERCASE-0123456", "a@b.example-000000"])
def test_personal_looking_pseudonyms_are_refused(name: str) -> None:
    """A pseudonym has at least 16 plain characters, so that no name or address fits."""
    assert not accepts(PseudonymousId, name)


INVISIBLE = ("\u200b", "\u00ad\u2060\ufeff", "\u3164", "\u2800", "\U000e0041", "\ufe0f\u0301")


@pytest.mark.parametrize("kind", [Label, PlainText, Role])
@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_a_text_without_a_visible_character_is_blank(kind: object, text: str) -> None:
    """It reads as nothing; beside a visible character the same ones are part of words."""
    assert not accepts(kind, text)
    assert not accepts(kind, f" {text} ")
    assert accepts(kind, f"{text}a")


@pytest.mark.parametrize(("text", "taken"), [("", False), (" \t", False), ("é" * 200, True)])
def test_labels_are_not_blank(text: str, *, taken: bool) -> None:
    """A label shows something, and counts characters, not bytes."""
    assert accepts(Label, text) is taken


@pytest.mark.parametrize("value", ["12", 12.0, 1e3, True, None, -1, 10**9 + 1])
def test_counts_are_strict(value: object) -> None:
    """A count is a whole JSON number in range: no text, fraction, boolean or null."""
    assert not accepts(Count, value)


@pytest.mark.parametrize(("value", "taken"), [(0, False), (1, True), (10**13, True)])
def test_money_is_positive_cents(value: int, *, taken: bool) -> None:
    """An amount is at least a cent, and at most what keeps every total exact."""
    assert accepts(Cents, value) is taken


@given(day=st.dates(FIRST_DAY, date(2100, 1, 1)))
def test_days_are_read_from_iso_text(day: date) -> None:
    """Any day from 2010 on is read back from its ISO form."""
    assert TypeAdapter(Day).validate_json(f'"{day}"') == day


@pytest.mark.parametrize(
    "value",
    ["2009-12-31", "2019-02-29", "20190301", "1546300800", "2019-01-01T00:00:00", 1546300800, None],
)
def test_other_days_are_refused(value: object) -> None:
    """A day before 2010, one that never was, or a number of seconds is refused."""
    assert not accepts(Day, value)


def test_a_day_s_json_schema() -> None:
    """Producers see a day as a date in the JSON Schema."""
    assert TypeAdapter(Day).json_schema()["format"] == "date"
