"""From a declared measure to the plan that a worker folds."""

from __future__ import annotations

import pytest

from catalogue.algebra import MeasureError, break_down, compile_measure, has_department


def test_a_breakdown_splits_the_denominator_that_has_the_field() -> None:
    measure = compile_measure(
        {
            "ratio": {
                "of": {"fresh": "dataset.updated", "within_days": 31},
                "over": {"count": "dataset.released"},
            }
        }
    )
    split = break_down(measure, "theme")
    assert [term.breakdown for term in split.terms] == ["theme", "theme"]


def test_a_breakdown_leaves_whole_the_denominator_that_lacks_the_field() -> None:
    usage = "workstation.usage_reported"
    measure = compile_measure(
        {
            "ratio": {
                "of": {"latest": "occupied_hours", "from": usage},
                "over": {"latest": "available_hours", "from": usage},
            }
        }
    )
    split = break_down(measure, "occupied_hours")
    assert [term.breakdown for term in split.terms] == ["occupied_hours", None]


def test_facts_without_a_number_can_only_be_counted() -> None:
    with pytest.raises(MeasureError, match="count the facts instead"):
        compile_measure({"latest": "kind", "from": "school.registered"})


def test_an_amount_must_be_of_each_fact() -> None:
    with pytest.raises(MeasureError, match=r"is not a field of coworking\.closed"):
        compile_measure(
            {"latest": "workstations", "from": ["coworking.opened", "coworking.closed"]}
        )


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"count": "dataset.released"}, False),
        ({"count": "training.completed"}, True),
        ({"count": "broadband.coverage_reported"}, True),
        (
            {
                "ratio": {
                    "of": {"count": "dataset.released"},
                    "over": {"count": "school.registered"},
                }
            },
            False,
        ),
    ],
)
def test_a_measure_has_departements_where_all_its_terms_have(
    *, declared: object, expected: bool
) -> None:
    assert has_department(compile_measure(declared)) is expected
