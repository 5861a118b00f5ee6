"""What one entity contributes: its timeline, and the steps that a term makes of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.loader import load_catalogue
from catalogue.terms import Term, TermMode
from events.fact import Family
from streams.contribution import (
    EntityView,
    Timeline,
    ViewTerms,
    contributions,
    contributions_of_first,
    first_difference,
    timeline,
)
from streams.state import cell_of
from tests.support.histories import events_of, state_of

TERMS = load_catalogue().terms


@pytest.mark.parametrize("family", Family)
@given(data=st.data())
def test_what_two_timelines_share_cancels_out(family: Family, data: st.DataObject) -> None:
    history = data.draw(st.lists(events_of(family), min_size=1, max_size=8))
    before, after = state_of(*history[:-1]), state_of(*history)
    for term in TERMS:
        if term.family is family:
            old, new = (timeline(EntityView.of(term), state) for state in (before, after))
            since = first_difference(old, new)

            assert difference(term, old, new, since) == difference(term, old, new, 0)


@pytest.mark.parametrize(
    ("left", "right", "since"),
    [("", "abc", 0), ("abc", "abcd", 2), ("abcd", "abxd", 1), ("abc", "xbc", 0), ("abc", "abc", 2)],
)
def test_timelines_are_compared_from_the_cell_before_their_first_difference(
    left: str, right: str, since: int
) -> None:
    """How long a cell counts depends on the next one."""

    def cells(letters: str) -> Timeline:
        return [(ord(letter), 0, "", "", 0, True, {}) for letter in letters]

    assert first_difference(cells(left), cells(right)) == since


def test_cells_before_the_first_difference_contribute_nothing() -> None:
    terms = ViewTerms(EntityView.of(KINDS), [(0, KINDS)])
    seen: Timeline = [(day, 0, "", "", 0, True, {"kind": "tablet"}) for day in (1, 3, 7)]

    assert [day for day, _, _ in contributions(terms, seen, 1)] == [3, 7]


def test_a_cell_replaced_on_its_day_hides_no_contribution_to_another_term() -> None:
    level, added = KINDS, replace(KINDS, mode=TermMode.ADD)
    terms = ViewTerms(EntityView.of(KINDS), [(0, level), (1, added)])
    steps, _ = terms.contribution({"kind": "tablet"}, 0, counts=True)

    assert steps == [((1, "", "tablet"), 0, 1)]


def difference(term: Term, old: Timeline, new: Timeline, since: int) -> dict[object, int]:
    total = Counter[object]()
    for cells, sign in ((old, -1), (new, 1)):
        view = EntityView.of(term)
        terms = ViewTerms(view, [(0, term)])
        for day, (steps, reports), added in contributions(terms, cells, since, sign):
            for key, after, amount in steps:
                total[key, day + after] += added * amount
            for key in reports:
                total["report", key, day] += added
    return {what: amount for what, amount in total.items() if amount}


@pytest.mark.parametrize("family", Family)
@given(data=st.data())
def test_the_first_cell_contributes_as_a_timeline_of_one(
    family: Family, data: st.DataObject
) -> None:
    one = data.draw(events_of(family))
    views = [
        ViewTerms(EntityView.of(term), [(index, term)])
        for index, term in enumerate(TERMS)
        if term.family is family
    ]
    state = state_of(one)
    expected = [
        contributed
        for terms in views
        for contributed in contributions(terms, timeline(terms.view, state))
    ]

    day = one.fact.effective_day.isoformat()
    counting = [
        (terms, counts)
        for terms in views
        if (counts := terms.view.counts.get(one.fact.NAME)) is not None
    ]
    assert contributions_of_first(counting, day, cell_of(one).attributes) == expected


def test_values_of_other_types_are_not_mixed_up() -> None:
    """A flag and a number that are equal to Python have different categories."""
    view = EntityView(Family.EQUIPMENT, ("equipment.delivered",), ())
    term = Term(Family.EQUIPMENT, view.facts, breakdown="kind")
    terms = ViewTerms(view, [(0, term)])
    found = [
        terms.contribution({"kind": kind}, None, counts=True)[0][0][0]
        for kind in (True, 1, "1", False, 0, None)
    ]

    assert [category for _, _, category in found] == ["true", "1", "1", "false", "0", ""]


def test_a_fact_without_the_departement_that_it_needs_is_no_report() -> None:
    sizes = Term(Family.COWORKING, ("coworking.resized",), amount="workstations")
    terms = ViewTerms(EntityView.of(sizes), [(0, sizes)])
    found = [terms.contribution({"department": code}, None, counts=True) for code in (None, "77")]

    assert [reports for _, reports in found] == [(), ((0, "77", ""),)]


KINDS = Term(Family.EQUIPMENT, ("equipment.delivered",), breakdown="kind")


@pytest.mark.parametrize("kind", ["tablet", True])
@pytest.mark.parametrize(("following", "counts"), [(None, True), (None, False), (30, False)])
def test_entities_alike_share_one_contribution(
    kind: object, following: int | None, *, counts: bool
) -> None:
    """The very same object, by which the fold adds thousands of them together."""
    terms = ViewTerms(EntityView.of(KINDS), [(0, KINDS)])
    one, other = (
        terms.contribution({"kind": kind, "quantity": quantity}, following, counts=counts)
        for quantity in (1, 2)
    )

    assert one is other


def test_what_is_remembered_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values that a producer makes up one by one fill no memory, and count nevertheless."""
    monkeypatch.setattr("streams.contribution._MOST_REMEMBERED", 3)
    terms = ViewTerms(EntityView.of(KINDS), [(0, KINDS)])
    found = [
        terms.contribution({"kind": kind}, None, counts=True)[0][0][0][2]
        for kind in map(str, range(20))
    ]

    assert found == [str(kind) for kind in range(20)]
    assert 0 < len(terms._of_texts[True]) <= 3
    assert 0 < len(terms._remembered) <= 3


def test_a_term_that_comes_later_counts_what_was_asked_before() -> None:
    terms = ViewTerms(EntityView.of(KINDS), [(0, KINDS)])
    terms.contribution({"kind": "tablet"}, None, counts=True)
    terms.add(1, Term(Family.EQUIPMENT, KINDS.facts))
    steps, reports = terms.contribution({"kind": "tablet"}, None, counts=True)

    assert [key for key, _, _ in steps] == [(0, "", "tablet"), (1, "", "")]
    assert reports == ((0, "", ""), (1, "", ""))
