"""The fold: from entity states to figures, kept up to date by differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalogue.loader import load_catalogue
from catalogue.terms import FREQUENCY_DAYS, Expiry, Term, TermMode
from catalogue.vocabulary import fields_of
from events.cloudevent import CloudEvent
from events.fact import Family
from events.registry import facts_of
from streams.fold import Fold, Series, SeriesKey
from streams.state import EMPTY, EntityState, cell_of
from tests.support.histories import (
    DAYS,
    event,
    events_of,
    histories,
    pool,
    state_of,
    uai,
    with_cell,
)
from tests.support.states import merge_states

PARIS, MEAUX = uai("0750001"), uai("0770001")
CONNECTED = Term(
    Family.SCHOOLS, ("school.connected",), unless=("school.disconnected", "school.closed")
)
WORKSTATIONS = Term(
    Family.COWORKING,
    ("coworking.opened", "coworking.resized"),
    unless=("coworking.closed",),
    amount="workstations",
)
FRESH = Term(
    Family.DATASETS,
    ("dataset.released", "dataset.updated"),
    unless=("dataset.withdrawn",),
    expires=Expiry(by="update_frequency", grace_days=2),
)
HOURS = Term(
    Family.WORKSTATIONS, ("workstation.usage_reported",), mode=TermMode.ADD, amount="occupied_hours"
)

Totals = Mapping[tuple[str, str], int]


def states_of(history: Iterable[CloudEvent]) -> dict[str, EntityState]:
    states: dict[str, EntityState] = {}
    for one in history:
        entity = one.fact.entity_id
        states[entity] = merge_states(states.get(entity, EMPTY), state_of(one))
    return states


def folded(term: Term, history: Iterable[CloudEvent]) -> Fold:
    fold = Fold([term])
    for entity, state in states_of(history).items():
        fold.replace(term.family, 0, entity, EMPTY, state)
    return fold


def take(fold: Fold, states: dict[str, EntityState], one: CloudEvent) -> None:
    entity = one.fact.entity_id
    before = states.get(entity, EMPTY)
    states[entity] = merge_states(before, state_of(one))
    fold.replace(one.fact.FAMILY, 0, entity, before, states[entity])


def totals(fold: Fold, day: date) -> Totals:
    return {
        (key.department, key.category): total
        for key, series in fold.series(0).items()
        if (total := series.total(day.toordinal()))
    }


# -- The same, evaluated entity by entity and day by day, from the words of `catalogue.terms`.


class ReportedRecord(NamedTuple):
    day: date
    time: int
    source: str
    id: str
    fact_index: (
        int  # Only for records of one (time, source, id) and day: as the term names their facts.
    )
    fact: str
    fields: Mapping[str, Any]


def evaluated(term: Term, states: Mapping[str, EntityState], as_of: date) -> Totals:
    """Return the sum over the term's entities of what each counts on a day."""
    found = Counter[tuple[str, str]]()
    for entity, state in states.items():
        if term.entities is not None and entity not in term.entities:
            continue
        if term.among is not None and not evaluated(term.among, {entity: state}, as_of):
            continue
        records = records_of(term, state, as_of)
        for record in records if term.mode is TermMode.ADD else records[-1:]:
            if record.fact in term.facts and satisfied(term, record) and live(term, record, as_of):
                found.update(amounts(term, record))
    return {key: amount for key, amount in found.items() if amount}


def records_of(term: Term, state: EntityState, as_of: date) -> list[ReportedRecord]:
    """Return the records of an entity up to a day, each with its inherited attributes."""
    definitions = {
        day: cell.attributes
        for day, cell in state.get(facts_of(term.family)[0].NAME, {}).items()
        if cell.attributes is not None
    }
    return sorted(
        ReportedRecord(
            date.fromisoformat(day),
            *cell[:3],
            fact_index,
            fact,
            {**in_force(definitions, day), **cell.attributes},
        )
        for fact_index, fact in enumerate((*term.facts, *term.unless))
        for day, cell in state.get(fact, {}).items()
        if cell.attributes is not None and date.fromisoformat(day) <= as_of
    )


def in_force(definitions: Mapping[str, Mapping[str, Any]], day: str) -> Mapping[str, Any]:
    earlier = [one for one in definitions if one <= day]
    return definitions[max(earlier) if earlier else min(definitions)] if definitions else {}


def satisfied(term: Term, record: ReportedRecord) -> bool:
    if any(field not in record.fields for field in term.needed):
        return False
    return all(text(record.fields.get(field)) in values for field, values in term.where)


def live(term: Term, record: ReportedRecord, as_of: date) -> bool:
    if term.expires is None:
        return True
    days = term.expires.days
    if term.expires.by is not None:
        days = FREQUENCY_DAYS.get(record.fields.get(term.expires.by, "irregular"))
    return days is None or as_of - record.day <= timedelta(days + term.expires.grace_days)


def amounts(term: Term, record: ReportedRecord) -> Totals:
    department = record.fields.get("department", "")
    amount: Any = 1 if term.amount is None else record.fields.get(term.amount, 0)
    if term.breakdown is not None and term.breakdown == term.amount:
        return {(department, category): part for category, part in (amount or {}).items()}
    if isinstance(amount, dict):
        amount = sum(amount.values())
    category = "" if term.breakdown is None else text(record.fields.get(term.breakdown))
    return {(department, category): amount}


def text(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


@st.composite
def terms(draw: st.DrawFn, family: Family) -> Term:
    names = [fact.NAME for fact in facts_of(family)]
    facts = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    others = [name for name in names if name not in facts]
    fields = {**fields_of(names[0]), **fields_of(facts[0])}
    closed = [use for use in fields.values() if use.closed]
    amount = draw(st.sampled_from([None, *(use for use in fields.values() if use.numeric)]))
    filtered = draw(st.lists(st.sampled_from(closed), max_size=2, unique=True)) if closed else []
    divided = [None, *(use.name for use in closed)]
    if amount is not None and amount.mapping:
        divided = [None, amount.name]
    mode, expires = draw(st.sampled_from(TermMode)), draw(expiries(family))
    known = sorted({one.fact.entity_id for one in pool(family)})
    some = st.frozensets(st.sampled_from(known), min_size=1)
    among: st.SearchStrategy[Term | None] = st.none()
    if mode is TermMode.REPLACE and expires is None:
        among |= counts(family)
    return Term(
        family,
        tuple(facts),
        unless=tuple(draw(st.lists(st.sampled_from(others), unique=True))) if others else (),
        mode=mode,
        amount=None if amount is None else amount.name,
        where=tuple(
            (use.name, draw(st.frozensets(st.sampled_from(use.choices), min_size=1)))
            for use in filtered
        ),
        expires=expires,
        breakdown=draw(st.sampled_from(divided)),
        entities=draw(st.none() | some),
        among=draw(among),
    )


@st.composite
def counts(draw: st.DrawFn, family: Family) -> Term:
    names = [fact.NAME for fact in facts_of(family)]
    facts = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    others = [name for name in names if name not in facts]
    unless = draw(st.lists(st.sampled_from(others), unique=True)) if others else []
    return Term(family, tuple(facts), unless=tuple(unless))


def expiries(family: Family) -> st.SearchStrategy[Expiry | None]:
    grace = st.integers(0, 3)
    fixed = st.builds(Expiry, days=st.integers(0, 40), grace_days=grace)
    named = st.builds(Expiry, by=st.just("update_frequency"), grace_days=grace)
    return st.none() | fixed | named if family is Family.DATASETS else st.none() | fixed


def days() -> st.SearchStrategy[date]:
    return st.builds(
        lambda day, moved: date.fromisoformat(day) + timedelta(moved),
        st.sampled_from(DAYS),
        st.integers(-3, 40),
    )


class TestAgainstTheDefinition:
    @pytest.mark.slow
    @settings(max_examples=300)
    @given(st.data(), st.sampled_from(Family))
    def test_a_total_is_the_sum_of_what_lives(self, data: st.DataObject, family: Family) -> None:
        term = data.draw(terms(family))
        fold = Fold([term])
        states: dict[str, EntityState] = {}
        steps = st.lists(events_of(family) | days(), min_size=1, max_size=20)
        for step in data.draw(steps):
            if isinstance(step, date):
                assert totals(fold, step) == evaluated(term, states, step)
                continue
            take(fold, states, step)

    @pytest.mark.parametrize("term", load_catalogue().terms, ids=lambda term: "+".join(term.facts))
    @settings(max_examples=20)
    @given(data=st.data())
    def test_a_term_of_the_catalogue_is_no_exception(self, data: st.DataObject, term: Term) -> None:
        history, day = data.draw(histories(term.family)), data.draw(days())

        assert totals(folded(term, history), day) == evaluated(term, states_of(history), day)


class TestLaws:
    @settings(max_examples=40)
    @given(st.data(), st.sampled_from(Family))
    def test_terms_do_not_disturb_each_other(self, data: st.DataObject, family: Family) -> None:
        first, *others = data.draw(st.lists(terms(family), min_size=2, max_size=3))
        alike = [replace(one, facts=first.facts, unless=first.unless) for one in others]
        history = data.draw(histories(family))

        fold, states = Fold([first, *others, *alike]), dict[str, EntityState]()
        for one in history:
            take(fold, states, one)

        for index, term in enumerate(fold.terms):
            alone = folded(term, history).contents(family, 0)
            assert {
                key[1:]: sums for key, sums in fold.contents(family, 0).items() if key.term == index
            } == {key[1:]: sums for key, sums in alone.items()}

    @settings(max_examples=40)
    @given(st.data(), st.sampled_from(Family))
    def test_entities_are_folded_together_as_one_by_one(
        self, data: st.DataObject, family: Family
    ) -> None:
        """In any order: what many contribute alike is added together, and comes to the same."""
        term, states = data.draw(terms(family)), states_of(data.draw(histories(family)))
        together = Fold([term])
        order = data.draw(st.permutations(sorted(states)))
        together.apply(
            0, [together.difference(family, entity, EMPTY, states[entity]) for entity in order]
        )
        one_by_one = Fold([term])
        for entity, state in states.items():
            one_by_one.replace(family, 0, entity, EMPTY, state)

        assert together.contents(family, 0) == one_by_one.contents(family, 0)


@pytest.mark.parametrize(
    ("term", "history", "expected"),
    [
        # A connected lycée counts from its day on, and no more from the day it is cut off.
        (
            CONNECTED,
            [
                event("school.connected", PARIS, "2018-03-01"),
                event("school.disconnected", PARIS, "2018-06-01"),
            ],
            {"2018-02-28": 0, "2018-03-01": 1, "2018-05-31": 1, "2018-06-01": 0},
        ),
        # A site's workstations are those of its latest size, not their sum.
        (
            WORKSTATIONS,
            [
                event("coworking.opened", "one", "2018-01-01", workstations=20),
                event("coworking.resized", "one", "2018-02-01", workstations=35),
            ],
            {"2018-01-31": 20, "2018-02-01": 35},
        ),
        # A site that never opened has no département: it counts neither there nor for the Région.
        (
            WORKSTATIONS,
            [event("coworking.resized", "one", "2018-02-01", workstations=35)],
            {"2018-02-01": 0},
        ),
        # Nobody knows how often a dataset that was never released is to be updated.
        (FRESH, [event("dataset.updated", "one", "2018-02-01")], {"2018-02-01": 0}),
        # An expired record is not replaced by the one before, even if that has not expired.
        (
            FRESH,
            [
                event("dataset.released", "one", "2018-01-01", update_frequency="annual"),
                event("dataset.released", "one", "2018-02-01", update_frequency="daily"),
            ],
            {"2018-02-04": 1, "2018-02-05": 0},
        ),
        # An expired record no longer counts, however late the next one comes.
        (
            FRESH,
            [
                event("dataset.released", "one", "2018-01-01", update_frequency="daily"),
                event("dataset.released", "one", "2018-02-01", update_frequency="daily"),
            ],
            {"2018-01-04": 1, "2018-01-05": 0, "2018-02-01": 1},
        ),
        # Occupied hours are those of all audiences.
        (
            HOURS,
            [
                event(
                    "workstation.usage_reported",
                    "one",
                    "2018-01-31",
                    occupied_hours={"company": 20, "employee": 10},
                )
            ],
            {"2018-01-31": 30},
        ),
        # A connected lycée's workspace counts only while the lycée is connected.
        (
            Term(Family.SCHOOLS, ("school.workspace_activated",), among=CONNECTED),
            [
                event("school.connected", PARIS, "2018-03-01"),
                event("school.workspace_activated", PARIS, "2018-04-01"),
                event("school.disconnected", PARIS, "2018-05-01"),
            ],
            {"2018-03-31": 0, "2018-04-01": 1, "2018-05-01": 0},
        ),
    ],
    ids=[
        "until it ends",
        "latest amount",
        "never opened",
        "never released",
        "expired",
        "expired early",
        "mapping",
        "among others",
    ],
)
def test_a_figure_is_the_one_that_people_expect(
    term: Term, history: list[CloudEvent], expected: Mapping[str, int]
) -> None:
    fold = folded(term, history)

    found = {day: sum(totals(fold, date.fromisoformat(day)).values()) for day in expected}
    assert found == expected
    assert all(type(total) is int for total in found.values()), "a figure is exact"


def test_a_move_changes_no_earlier_day() -> None:
    fold = folded(
        WORKSTATIONS,
        [
            event(
                "coworking.opened",
                "one",
                "2018-01-01",
                department="93",
                commune="93066",
                workstations=20,
            ),
            event("coworking.resized", "one", "2018-03-01", workstations=30),
            event("coworking.opened", "one", "2018-09-01", workstations=40),
            event("coworking.resized", "one", "2018-10-01", workstations=50),
        ],
    )

    assert totals(fold, date(2018, 6, 30)) == {("93", ""): 30}
    assert totals(fold, date(2018, 9, 1)) == {("77", ""): 40}
    assert totals(fold, date(2018, 10, 1)) == {("77", ""): 50}


class TestFold:
    def test_drops_one_family_of_one_partition_only(self) -> None:
        fold = Fold([CONNECTED, WORKSTATIONS])
        for partition, school in enumerate((PARIS, MEAUX)):
            state = state_of(event("school.connected", school, "2018-03-01"))
            fold.replace(Family.SCHOOLS, partition, school, EMPTY, state)
        take(fold, {}, event("coworking.opened", "one", "2018-03-01"))

        fold.drop(Family.SCHOOLS, 0)

        assert [key.term for key in fold.series(0)] == [1]
        assert list(fold.series(1)) == [SeriesKey(0, "77", "")]

    def test_shows_no_series_of_which_nothing_is_left(self) -> None:
        """After a retraction a figure is absent, as it would be after a restart: not zero."""
        fold, states = Fold([CONNECTED]), dict[str, EntityState]()
        take(fold, states, event("school.connected", PARIS, "2018-03-01", at="2018-03-01"))
        take(fold, states, event("school.connected", PARIS, "2018-03-01", retracted=True))

        assert fold.series(0) == {}

    @given(st.data(), st.sampled_from(Family))
    def test_yields_every_change_since_a_version(self, data: st.DataObject, family: Family) -> None:
        """Who asks now and then, and takes what changed, has what the fold has."""
        term = data.draw(terms(family))
        fold, states, version = Fold([term]), dict[str, EntityState](), 0
        copy: dict[SeriesKey, tuple[dict[int, int], dict[int, int]]] = {}
        for step in data.draw(st.lists(events_of(family) | st.none(), max_size=20)):
            if step is None:
                copy |= {
                    key: (dict(series.steps), dict(series.reports))
                    for key, series in fold.changed(0, version)
                }
                version = fold.version
                continue
            take(fold, states, step)
        copy |= {key: (one.steps, one.reports) for key, one in fold.changed(0, version)}

        assert {key: kept for key, kept in copy.items() if any(kept)} == fold.contents(family, 0)
        assert list(fold.changed(0, fold.version)) == []

    def test_reports_whether_something_was_dropped_since(self) -> None:
        fold = Fold([CONNECTED])
        assert fold.is_kept_since(0, 0)
        before = fold.touch()

        fold.drop(Family.SCHOOLS, 0)

        assert not fold.is_kept_since(before, 0)
        assert fold.is_kept_since(before, 1)
        assert fold.is_kept_since(fold.version, 0)

    def test_takes_over_one_family_of_one_partition(self) -> None:
        other = Fold([CONNECTED, WORKSTATIONS])
        for partition in (0, 1):
            state = state_of(event("school.connected", PARIS, "2018-03-01"))
            other.replace(Family.SCHOOLS, partition, PARIS, EMPTY, state)
        take(other, {}, event("coworking.opened", "one", "2018-03-01"))
        fold = Fold(other.terms)
        before = fold.touch()

        fold.adopt(Family.SCHOOLS, 0, other)

        adopted = SeriesKey(0, "75", "")
        assert fold.series(0) == {adopted: other.series(0)[adopted]}
        assert fold.series(1) == {}
        assert [key for key, _ in fold.changed(0, before)] == [adopted]

    def test_follows_a_state_that_has_lost_a_fact(self) -> None:
        """As after a partition that was dropped and read again."""
        connected = state_of(event("school.connected", PARIS, "2018-03-01"))
        activated, moved = (
            state_of(event("school.workspace_activated", PARIS, day))
            for day in ("2018-03-01", "2018-04-01")
        )
        fold = Fold([CONNECTED])
        fold.replace(Family.SCHOOLS, 0, PARIS, EMPTY, {**connected, **activated})

        fold.replace(Family.SCHOOLS, 0, PARIS, {**connected, **activated}, moved)

        assert fold.series(0) == {}

    def test_a_change_costs_only_what_follows_it(self) -> None:
        later = "2018-04-01"
        before = state_of(
            *(event("school.connected", PARIS, f"201{year}-01-01") for year in range(1, 8))
        )
        again = event("school.connected", PARIS, later)
        changed = with_cell(before, again.fact.NAME, later, cell_of(again))
        fold = Fold([CONNECTED])

        difference = fold.difference(Family.SCHOOLS, PARIS, before, changed)

        known = date(2017, 1, 1).toordinal()
        assert [(day, sign) for day, _, sign in difference] == [
            (known, -1),
            (known, 1),
            (date(2018, 4, 1).toordinal(), 1),
        ]

    def test_passes_over_terms_whose_facts_did_not_change(self) -> None:
        """A workspace's activation costs the connected lycées nothing."""
        fold = Fold([CONNECTED, Term(Family.SCHOOLS, ("school.workspace_activated",))])
        before = state_of(event("school.connected", PARIS, "2018-03-01"))
        activated = event("school.workspace_activated", PARIS, "2018-04-01")
        changed = with_cell(before, activated.fact.NAME, "2018-04-01", cell_of(activated))

        difference = fold.difference(Family.SCHOOLS, PARIS, before, changed)

        assert [steps[0][0][0] for _, (steps, _), _ in difference] == [1]


class TestSeries:
    def test_totals_an_earlier_day_after_a_later_one(self) -> None:
        series = Series()
        series.add({1: 1, 2: 10, 3: 100, 4: 1_000})

        assert [series.total(day) for day in (3, 1, 4, 2)] == [111, 1, 1_111, 11]

    def test_of_facts_reported_together_knows_the_last_up_to_the_day(self) -> None:
        series = Series()
        series.report({2: 1})
        assert series.last_reported(5) == 2

        series.report({8: 1, 4: 1})

        assert series.last_reported(5) == 4

    @given(
        st.lists(st.tuples(st.integers(1, 5), st.integers(-2, 2)) | st.integers(0, 8), max_size=30)
    )
    def test_totals_the_steps_up_to_the_day(self, acts: list[tuple[int, int] | int]) -> None:
        series, added = Series(), list[tuple[int, int]]()
        for act in acts:
            if isinstance(act, int):
                assert series.total(act) == sum(amount for day, amount in added if day <= act)
            else:
                series.add(dict([act]))
                added.append(act)

    @given(
        st.lists(
            st.tuples(st.lists(st.integers(1, 8), max_size=3, unique=True), st.booleans())
            | st.integers(0, 8),
            max_size=30,
        )
    )
    @example([([1], True), ([3], True), 5, ([3], False), 2, ([1], False), 2])
    @example([([1, 2, 4], True), 3, 5, ([3], True), 5, ([5], True), 5])
    def test_knows_the_last_report_up_to_the_day(
        self, acts: list[tuple[list[int], bool] | int]
    ) -> None:
        series, reported = Series(), Counter[int]()
        for act in acts:
            if isinstance(act, int):
                last = max((day for day in reported.elements() if day <= act), default=None)
                assert series.last_reported(act) == last
                continue
            days, comes = act
            count = 1 if comes else -1
            counts = {day: count for day in days if comes or reported[day]}
            series.report(counts)
            reported.update(counts)
