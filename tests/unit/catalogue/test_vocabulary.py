"""What a measure may name, and the territories."""

from __future__ import annotations

import pytest

from catalogue.territories import REGION, REGION_NAME, TERRITORY_NAMES, TERRITORY_TITLES
from catalogue.vocabulary import carries_department, fields_of
from events.fact import Family
from events.identifiers import Department
from events.registry import FACTS_BY_NAME


@pytest.mark.parametrize("fact", FACTS_BY_NAME)
def test_the_day_and_the_retraction_are_no_fields_of_a_measure(fact: str) -> None:
    assert not {"retracted", FACTS_BY_NAME[fact].DAY} & set(fields_of(fact))


@pytest.mark.parametrize("fact", FACTS_BY_NAME)
def test_whatever_an_indicator_can_be_broken_down_by_has_french_words(fact: str) -> None:
    for use in fields_of(fact).values():
        if use.choices and use.name not in ("department", "territory"):
            assert tuple(use.words) == use.choices, use.name
            assert all(use.words.values()), use.name
            assert use.dimension, use.name


def test_only_data_sets_and_explanations_have_no_departement() -> None:
    nowhere = [family for family in Family if not carries_department(family)]
    assert nowhere == [Family.DATASETS, Family.EXPLANATIONS]


def test_the_region_and_every_department_have_a_name() -> None:
    assert list(TERRITORY_NAMES) == [REGION, *(str(code) for code in Department)]


def test_a_department_is_titled_with_its_code() -> None:
    assert TERRITORY_TITLES["77"] == "Seine-et-Marne (77)"
    assert TERRITORY_TITLES[REGION] == REGION_NAME
