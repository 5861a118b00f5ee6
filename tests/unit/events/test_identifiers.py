"""Identifiers and quantities of the territory, and Insee's 1 287 codes."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from events.communes import COMMUNES
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
    Position,
    PseudonymousId,
    Role,
    Siret,
    Uai,
)
from tests.support.facts import sirets, uais


def accepts(kind: Any, value: object) -> bool:  # noqa: ANN401 - an annotated type
    try:
        TypeAdapter(kind).validate_json(json.dumps(value), strict=True)
    except ValidationError:
        return False
    return True


@given(uai=uais(), wrong=st.sampled_from("ABCDEFGHJKLMNPRSTUVWXYZ"))
def test_only_one_check_letter_is_accepted(uai: str, wrong: str) -> None:
    assert accepts(Uai, uai[:7] + wrong) == (wrong == uai[7])


@pytest.mark.parametrize(
    "uai",
    ["", "750419Y", "0750419y", "0750419Y\n", "0690001A", "0750419I", "\u0660750419Y", " 0750419Y"],
)
def test_malformed_uai_is_refused(uai: str) -> None:
    assert not accepts(Uai, uai)


@pytest.mark.parametrize("commune", ["2A004", "69123", "7728", "772888", "77 88", "\uff177288"])
def test_commune_elsewhere_is_refused(commune: str) -> None:
    assert not accepts(CommuneCode, commune)


@pytest.mark.parametrize("siret", ["23750007900312", "35600000000048", "35600000009075"])
def test_known_sirets_are_accepted(siret: str) -> None:
    assert accepts(Siret, siret)


@given(siret=sirets(), index=st.integers(9, 13), digit=st.integers(0, 9))
def test_a_mistyped_siret_is_found(siret: str, index: int, digit: int) -> None:
    mistyped = siret[:index] + str(digit) + siret[index + 1 :]
    assert accepts(Siret, mistyped) == (mistyped == siret) or siret.startswith("356000000")


@pytest.mark.parametrize("name", ["", "a b", "é", "a" * 65, "a/b", "a\n"])
def test_unsafe_entity_ids_are_refused(name: str) -> None:
    assert not accepts(EntityId, name)


@pytest.mark.parametrize("name", ["short", "UPPERCASE-0123456", "a@b.example-000000"])
def test_personal_looking_pseudonyms_are_refused(name: str) -> None:
    assert not accepts(PseudonymousId, name)


@pytest.mark.parametrize("position", ["", "48.8,2.3", "48.854722,2.360833", "49.241309,1.446450"])
def test_a_position_is_latitude_and_longitude_or_not_known(position: str) -> None:
    assert accepts(Position, position)


@pytest.mark.parametrize(
    "position",
    ["2.360833,48.854722", "48.854722", "48,8;2,3", "48.8547221,2.3", "48.8, 2.3", "45.76,4.83"],
)
def test_swapped_half_too_fine_and_distant_positions_are_refused(position: str) -> None:
    assert not accepts(Position, position)
    assert not accepts(Position, None)


INVISIBLE = ("\u200b", "\u00ad\u2060\ufeff", "\u3164", "\u2800", "\U000e0041", "\ufe0f\u0301")


@pytest.mark.parametrize("kind", [Label, PlainText, Role])
@pytest.mark.parametrize("text", INVISIBLE, ids=ascii)
def test_a_text_without_a_visible_character_is_blank(kind: object, text: str) -> None:
    assert not accepts(kind, text)
    assert not accepts(kind, f" {text} ")
    assert accepts(kind, f"{text}a")


@pytest.mark.parametrize(("text", "taken"), [("", False), (" \t", False), ("é" * 200, True)])
def test_labels_are_not_blank(text: str, *, taken: bool) -> None:
    assert accepts(Label, text) is taken


# U+0085 (next line) is a space to the regular expressions of pydantic, not to those of JSON Schema.
@pytest.mark.parametrize("text", [" ", "\u0085", *INVISIBLE], ids=ascii)
def test_the_sender_of_a_blank_label_learns_that_nothing_is_visible(text: str) -> None:
    with pytest.raises(ValidationError, match="has no visible character"):
        TypeAdapter(Label).validate_python(text)


@pytest.mark.parametrize("value", ["12", 12.0, 1e3, True, None, -1, 10**9 + 1])
def test_counts_are_strict(value: object) -> None:
    assert not accepts(Count, value)


@pytest.mark.parametrize(("value", "taken"), [(0, False), (1, True), (10**13, True)])
def test_money_is_positive_cents(value: int, *, taken: bool) -> None:
    assert accepts(Cents, value) is taken


@given(day=st.dates(FIRST_DAY, date(2100, 1, 1)))
def test_days_are_read_from_iso_text(day: date) -> None:
    assert TypeAdapter(Day).validate_json(f'"{day}"') == day


@pytest.mark.parametrize(
    "value",
    ["2009-12-31", "2019-02-29", "20190301", "1546300800", "2019-01-01T00:00:00", 1546300800, None],
)
def test_other_days_are_refused(value: object) -> None:
    assert not accepts(Day, value)


NUMBERS = {"75": 21, "77": 507, "78": 259, "91": 194, "92": 36, "93": 40, "94": 47, "95": 183}
"""Communes and arrondissements by département: Insee, Code officiel géographique."""


def test_there_are_as_many_communes_as_insee_counts() -> None:
    assert {key.value: len(set(codes)) for key, codes in COMMUNES.items()} == NUMBERS
    assert sum(NUMBERS.values()) == 1287


def test_codes_are_those_of_communes_of_the_region() -> None:
    codes = [code for department in Department for code in COMMUNES[department]]
    assert TypeAdapter(list[CommuneCode]).validate_python(codes) == codes
    assert {"75056", "75101", "75120", "77288", "78646", "91228", "92050", "95500"} <= set(codes)
