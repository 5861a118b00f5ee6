"""What a catalogue's objects answer about themselves."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from catalogue.algebra import compile_measure
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue, Indicator, Milestone, Programme, UndeclaredError
from catalogue.publication import PersonPart, counts_persons
from events.frequency import Frequency
from events.identifiers import Department

CATALOGUE = load_catalogue()


def declared(**changes: Any) -> dict[str, Any]:
    return {
        "id": "connected",
        "title": "Lycées connectés",
        "definition": "Lycées connectés.",
        "unit": "count",
        "direction": "rising",
        "grain": "department",
        "measure": {"count": "school.connected"},
        "periodicity": "quarterly",
        "availability_delay_days": 15,
        **changes,
    }


def milestone(identifier: str, day: date | None, *scope: str) -> dict[str, Any]:
    held = {"scope": list(scope)} if scope else {}
    return {"id": identifier, "target": 10, "day": day, "source": "Programme", **held}


@pytest.mark.parametrize(
    ("as_of", "in_force"),
    [
        (date(2017, 1, 1), "half"),
        (date(2018, 12, 31), "half"),
        (date(2019, 1, 1), "all"),
        (date(2025, 1, 1), "all"),
    ],
)
def test_the_milestone_in_force_is_the_next_one_else_the_last(as_of: date, in_force: str) -> None:
    indicator = Indicator.model_validate(
        declared(
            milestones=[milestone("half", date(2018, 12, 31)), milestone("all", date(2020, 12, 31))]
        )
    )
    found = indicator.milestone_for(None, as_of)
    assert found is not None
    assert found.id == in_force


def test_a_milestone_without_a_day_stays_in_force() -> None:
    indicator = Indicator.model_validate(declared(milestones=[milestone("all", None)]))
    assert indicator.milestone_for(None, date(2099, 1, 1)) == indicator.milestones[0]


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ((), {None}),
        (("region",), {None}),
        (("77", "95"), {"77", "95"}),
        (("departments",), set(Department)),
        (("region", "departments"), {None, *Department}),
    ],
)
def test_a_milestone_holds_its_scope(scope: tuple[str, ...], held: set[str | None]) -> None:
    one = Milestone.model_validate(milestone("all", None, *scope))
    assert {department for department in (None, *Department) if one.holds(department)} == held


def test_milestones_of_one_day_may_have_different_scopes() -> None:
    day = date(2018, 12, 31)
    indicator = Indicator.model_validate(
        declared(milestones=[milestone("seine", day, "77"), milestone("oise", day, "95")])
    )
    found = indicator.milestone_for("95", date(2018, 1, 1))
    assert found is not None
    assert found.id == "oise"


@pytest.mark.parametrize(
    ("unit", "measure", "value", "shared"),
    [
        ("count", {"count": "school.connected"}, 0, True),
        ("count", {"count": "school.connected"}, 41, False),
        (
            "ratio",
            {"share": {"of": {"audience": "employee"}, "among": {"count": "training.enrolled"}}},
            1,
            True,
        ),
    ],
)
def test_a_total_of_the_region_is_no_baseline_of_a_departement(
    *, unit: str, measure: object, value: int, shared: bool
) -> None:
    baseline = {"value": value, "day": date(2016, 1, 1), "source": "Programme"}
    indicator = Indicator.model_validate(declared(unit=unit, measure=measure, baseline=baseline))
    assert indicator.baseline_for(None) == indicator.baseline
    assert (indicator.baseline_for("77") is not None) is shared


def test_delays_add_up() -> None:
    assert Indicator.model_validate(declared(grace_days=31)).reporting_delay_days == 92 + 15 + 31


@pytest.mark.parametrize(
    ("indicator", "categories"),
    [
        ("schools_connected_ratio", ()),
        ("workstations_occupancy_ratio", ("company", "employee", "self_employed", "other")),
        (
            "trainees_completed",
            ("job_seeker", "early_leaver", "low_qualified", "employee", "other"),
        ),
    ],
)
def test_the_categories_are_the_fields_closed_values(
    indicator: str, categories: tuple[str, ...]
) -> None:
    assert CATALOGUE.indicator(indicator).categories == categories


def test_a_compiled_measure_is_taken_as_it_is() -> None:
    measure = compile_measure({"count": "school.connected"})
    assert Indicator.model_validate(declared(measure=measure)).measure is measure


def test_a_trend_has_a_year_of_months_unless_declared_otherwise() -> None:
    by_default = Indicator.model_validate(declared()).trend
    own = CATALOGUE.indicator("premises_connectable_ratio").trend
    assert (by_default.points, by_default.at_least) == (13, 6)
    assert (own.points, own.step_days) == (5, Frequency.QUARTERLY.days)


def test_a_window_that_the_step_divides_has_both_its_ends() -> None:
    points = {"window_days": 60, "step_days": 20, "at_least": 4}
    assert Indicator.model_validate(declared(trend=points)).trend.points == 4
    with pytest.raises(ValidationError, match="more than the 4 points"):
        Indicator.model_validate(declared(trend={**points, "at_least": 5}))


def test_the_regions_own_catalogue_publishes_persons_by_tens() -> None:
    assert {one.id: one.min_cell for one in CATALOGUE.indicators if one.min_cell} == {
        one.id: 10 for one in CATALOGUE.indicators if counts_persons(one)
    }
    assert CATALOGUE.person_parts["priority_audience_ratio"] == (
        PersonPart("trainees_enrolled", frozenset({"job_seeker", "early_leaver", "low_qualified"})),
        PersonPart("trainees_enrolled"),
    )


@pytest.mark.parametrize("missing", ["min_cell", "published"])
def test_persons_have_a_smallest_cell_and_a_step(missing: str) -> None:
    protected = {"min_cell": 10, "published": "monthly"}
    del protected[missing]
    with pytest.raises(ValidationError, match=f"{missing}\n *is missing"):
        Indicator.model_validate(declared(**protected))


def test_a_target_below_the_smallest_cell_is_refused() -> None:
    """Whether it is reached would disclose a number that is withheld."""
    milestone = {"id": "few", "target": 9, "source": "Essai"}
    few = {"min_cell": 10, "published": "monthly", "milestones": [milestone]}
    with pytest.raises(ValidationError, match="is below min_cell"):
        Indicator.model_validate(declared(**few))


def test_equal_terms_are_there_once() -> None:
    registered = [term for term in CATALOGUE.terms if term.facts == ("school.registered",)]
    assert len(registered) == 1


def test_an_indicator_knows_its_programme() -> None:
    assert CATALOGUE.programme_of("datasets_released").id == "open_data"


def test_explanations_of_former_milestones_stay_known() -> None:
    """Topics are kept for ever, and are read again with what is declared then."""
    programme = {
        **dict.fromkeys(("title", "promise", "owner"), "Texte"),
        "id": "schools",
        "indicators": [declared(milestones=[milestone("all", date(2018, 12, 31))])],
    }
    former = ["connected.half", "gone.half"]
    known = Programme.model_validate(programme | {"former_milestones": former})
    assert Catalogue(programmes=(known,)).known_milestones == {
        "connected": ["all", "half"],
        "gone": ["half"],
    }
    for wrong in ("half", "connected.half.all", "Connected.half", "connected."):
        with pytest.raises(ValidationError, match="is not a milestone of an indicator"):
            Programme.model_validate(programme | {"former_milestones": [wrong]})


def test_an_unknown_indicator_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UndeclaredError, match="schools_connected_ratio"):
        CATALOGUE.indicator("schools_conected")
