"""Insee's 1 287 codes."""

from __future__ import annotations

from pydantic import TypeAdapter

from events.communes import COMMUNES
from events.identifiers import CommuneCode, Department

NUMBERS = {"75": 21, "77": 507, "78": 259, "91": 194, "92": 36, "93": 40, "94": 47, "95": 183}
"""Communes and arrondissements by département: Insee, Code officiel géographique."""


def test_there_are_as_many_communes_as_insee_counts() -> None:
    assert {key.value: len(set(codes)) for key, codes in COMMUNES.items()} == NUMBERS
    assert sum(NUMBERS.values()) == 1287


def test_codes_are_those_of_communes_of_the_region() -> None:
    codes = [code for department in Department for code in COMMUNES[department]]
    assert TypeAdapter(list[CommuneCode]).validate_python(codes) == codes
    assert {"75056", "75101", "75120", "77288", "78646", "91228", "92050", "95500"} <= set(codes)
