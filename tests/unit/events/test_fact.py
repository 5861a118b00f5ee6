"""What every fact has in common."""

import json
from datetime import date
from enum import StrEnum
from typing import Annotated

import pytest
from hypothesis import given
from pydantic import Field

from events.fact import Fact, Family
from events.observation import IndicatorObserved
from tests.support.facts import facts


class Season(StrEnum):
    SPRING = "spring"
    AUTUMN = "autumn"


@given(fact=facts())
def test_attributes_are_the_fact_s_json(fact: Fact) -> None:
    expected = json.loads(fact.model_dump_json(exclude={"retracted", fact.DAY}))
    if isinstance(fact, IndicatorObserved):
        del expected["value"]
        expected["value_micros"] = fact.value.scaleb(6)
    found = fact.attributes()
    if "department" not in expected:
        found.pop("department", None)
    assert found == expected


@given(fact=facts())
def test_attributes_are_among_those_declared(fact: Fact) -> None:
    kinds = fact.attribute_kinds()
    attributes = fact.attributes()
    assert kinds.keys() - {"department"} <= attributes.keys() <= kinds.keys()
    assert all(
        type(value) is kinds[name]
        for name, value in attributes.items()
        if kinds[name] in (int, bool)
    )


@given(fact=facts())
def test_attributes_are_plain(fact: Fact) -> None:
    plain = {str, int, bool, dict}
    assert {type(value) for value in fact.attributes().values()} <= plain


@given(fact=facts())
def test_entity_and_day_are_the_fact_s_own(fact: Fact) -> None:
    assert fact.entity_id.startswith(getattr(fact, fact.KEY))
    assert fact.effective_day == getattr(fact, fact.DAY)


class Pruned(Fact):
    FAMILY = Family.SCHOOLS
    NAME = "tree.pruned"
    KEY = "tree"
    DAY = "day"

    tree: str
    day: date
    season: Season | None = None
    tool: Annotated[Season | None, Field(description="As the season.")] = None


@pytest.mark.parametrize("season", [*Season, None])
def test_an_optional_code_is_its_value_or_nothing(season: Season | None) -> None:
    fact = Pruned(tree="t", day=date(2019, 3, 11), season=season, tool=season)
    value = season and season.value
    assert fact.attributes() == {"tree": "t", "season": value, "tool": value}
    assert type(fact.attributes()["season"]) is type(value)
