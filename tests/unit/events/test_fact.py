"""What every fact has in common."""

import json
from datetime import date
from enum import StrEnum
from typing import Annotated

import pytest
from hypothesis import given
from pydantic import Field, ValidationError

from events.fact import Fact, Family, bare_type
from events.grant import GrantCall, GrantCommitted
from events.identifiers import Department
from events.observation import IndicatorObserved
from events.school import SchoolConnected
from tests.support.facts import facts

CONNECTED = SchoolConnected(
    uai="0750419Y", connected_on=date(2019, 3, 11), downlink_mbps=1000, retracted=True
)


class Season(StrEnum):
    SPRING = "spring"
    AUTUMN = "autumn"


@given(fact=facts())
def test_json_form_is_read_back(fact: Fact) -> None:
    assert type(fact).model_validate_json(fact.model_dump_json()) == fact


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


@pytest.mark.parametrize(
    ("annotation", "bare"),
    [
        (int, int),
        (int | None, int),
        (Annotated[int, Field(ge=0)] | None, int),
        (Season | None, Season),
        (Annotated[Season | None, Field()], Season),
        (list[Season], list[Season]),
    ],
)
def test_a_type_is_bare_without_its_constraints(annotation: object, bare: object) -> None:
    assert bare_type(annotation) == bare


def test_a_fact_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CONNECTED.downlink_mbps = 1  # type: ignore[misc]


def test_a_fact_built_in_python_is_checked_too() -> None:
    with pytest.raises(ValidationError, match="siret"):
        GrantCommitted(
            grant_id="g-1",
            committed_on=date(2019, 3, 11),
            call=GrantCall.SHARED_WORKPLACES,
            siret="23750007900313",
            amount_cents=1,
            department=Department.PARIS,
        )
