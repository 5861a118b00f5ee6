"""From a declared measure to the plan that a worker folds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.algebra import MeasureError, break_down, compile_measure, has_department
from catalogue.terms import Expiry, Measure, Term, TermMode
from events.fact import Family
from events.registry import FACTS_BY_NAME

REGISTERED = Term(Family.SCHOOLS, ("school.registered",))

PLANS: list[tuple[dict[str, Any], Measure]] = [
    (
        {"count": "school.connected", "unless": ["school.disconnected", "school.closed"]},
        Measure(
            Term(
                Family.SCHOOLS,
                ("school.connected",),
                unless=("school.disconnected", "school.closed"),
            )
        ),
    ),
    (
        {"count": "equipment.delivered", "where": {"kind": "tablet", "completes_plan": True}},
        Measure(
            Term(
                Family.EQUIPMENT,
                ("equipment.delivered",),
                where=(
                    ("completes_plan", frozenset({"true"})),
                    ("kind", frozenset({"tablet"})),
                ),
            )
        ),
    ),
    (
        {
            "latest": "workstations",
            "from": ["coworking.opened", "coworking.resized"],
            "unless": "coworking.closed",
        },
        Measure(
            Term(
                Family.COWORKING,
                ("coworking.opened", "coworking.resized"),
                unless=("coworking.closed",),
                amount="workstations",
            )
        ),
    ),
    (
        {"sum": "amount_cents", "from": "grant.paid"},
        Measure(
            Term(Family.GRANTS, ("grant.paid",), mode=TermMode.ADD, amount="amount_cents"),
            divisor=100,
        ),
    ),
    (
        {"latest": "occupied_hours", "from": "workstation.usage_reported", "within_days": 92},
        Measure(
            Term(
                Family.WORKSTATIONS,
                ("workstation.usage_reported",),
                amount="occupied_hours",
                expires=Expiry(days=92),
            )
        ),
    ),
    (
        {"fresh": "dataset.updated", "every": "update_frequency", "grace_days": 7},
        Measure(
            Term(
                Family.DATASETS,
                ("dataset.updated",),
                expires=Expiry(by="update_frequency", grace_days=7),
            )
        ),
    ),
    (
        {"fresh": "school.registered", "within_days": 366},
        Measure(Term(Family.SCHOOLS, ("school.registered",), expires=Expiry(days=366))),
    ),
    (
        {
            "ratio": {
                "of": {"count": "equipment.delivered"},
                "over": {"count": "school.registered"},
            }
        },
        Measure(Term(Family.EQUIPMENT, ("equipment.delivered",)), REGISTERED),
    ),
    (
        {
            "share": {
                "of": {"kind": ["vocational"]},
                "among": {"count": "school.registered"},
            }
        },
        Measure(
            Term(
                Family.SCHOOLS,
                ("school.registered",),
                where=(("kind", frozenset({"vocational"})),),
            ),
            REGISTERED,
        ),
    ),
    (
        {
            "share": {
                "of": {"count": "school.connected", "unless": "school.disconnected"},
                "among": {"count": "school.registered"},
            }
        },
        Measure(
            Term(
                Family.SCHOOLS,
                ("school.connected",),
                unless=("school.disconnected",),
                among=REGISTERED,
            ),
            REGISTERED,
        ),
    ),
    (
        {"count": "school.connected", "where": {"department": ["77", "95"]}},
        Measure(
            Term(
                Family.SCHOOLS,
                ("school.connected",),
                where=(("department", frozenset({"77", "95"})),),
            )
        ),
    ),
]


@pytest.mark.parametrize(("declared", "plan"), PLANS)
def test_each_form_has_its_plan(declared: dict[str, Any], plan: Measure) -> None:
    assert compile_measure(declared) == plan


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


KEYS = (
    *("count", "sum", "latest", "fresh", "ratio", "share", "of", "over", "among"),
    *("from", "unless", "where", "every", "within_days", "grace_days", "kind"),
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["kind", *sorted(FACTS_BY_NAME)]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(junk)
def test_any_declaration_compiles_or_is_refused_with_remedies(declared: object) -> None:
    try:
        compile_measure(declared)
    except MeasureError as refusal:
        found = [one.problem and one.remedy for one in refusal.diagnostics]
    else:
        found = ["compiled"]
    assert found
    assert all(found)
