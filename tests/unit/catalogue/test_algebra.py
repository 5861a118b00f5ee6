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


def test_facts_without_a_number_can_only_be_counted() -> None:
    with pytest.raises(MeasureError, match="count the facts instead"):
        compile_measure({"latest": "kind", "from": "school.registered"})


def test_a_ratio_has_departements_where_both_its_terms_have() -> None:
    released, registered = {"count": "dataset.released"}, {"count": "school.registered"}
    for of, over in ((released, registered), (registered, released)):
        assert not has_department(compile_measure({"ratio": {"of": of, "over": over}}))
