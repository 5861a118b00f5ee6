"""Holdings: states and their fold, in step, whatever happens to them."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.loader import load_catalogue
from catalogue.terms import Term
from events.cloudevent import CloudEvent
from events.fact import Family
from events.last_record import LastRecord
from streams.state import EMPTY, EntityState
from streams.state_store import CHECK_STEP, Position, StateStore
from tests.support.histories import (
    deliveries,
    event,
    histories,
    state_of,
    uai,
)
from tests.support.records import PARTITIONS, apply_events

PARIS = uai("0750001")
CONNECTED = Term(Family.SCHOOLS, ("school.connected",), unless=("school.disconnected",))
SCHOOLS = Family.SCHOOLS


@cache
def terms() -> tuple[Term, ...]:
    return load_catalogue().terms


def figures(state_store: StateStore, family: Family) -> list[object]:
    return [state_store.fold.contents(family, partition) for partition in range(PARTITIONS)]


def mismatches(state_store: StateStore) -> int:
    return sum(
        state_store.mismatches(family, partition) for family, partition in state_store.partitions()
    )


def states(state_store: StateStore, family: Family) -> dict[int, dict[str, EntityState]]:
    return {
        partition: dict(state_store.states(family, partition)) for partition in range(PARTITIONS)
    }


def connected(day: str = "2018-03-01") -> CloudEvent:
    return event("school.connected", PARIS, day)


def position(offset: int) -> Position:
    return Position(offset, LastRecord(offset=offset - 1, timestamp=7, key=9), 0)


class TestPosition:
    def test_goes_with_its_states(self) -> None:
        """It would otherwise pass over records that are in no state any more."""
        state_store = StateStore([CONNECTED])
        state_store.move(SCHOOLS, 0, position(7))

        state_store.drop(SCHOOLS, 0)

        assert state_store.position(SCHOOLS, 0) is None
        assert state_store.partitions() == []


class TestConvergence:
    @settings(max_examples=200)
    @given(st.data(), st.sampled_from(Family))
    def test_any_order_and_batches_come_to_the_same_figures(
        self, data: st.DataObject, family: Family
    ) -> None:
        history = data.draw(histories(family))
        one, other = (
            apply_events(StateStore(terms()), family, data.draw(deliveries(history)))
            for _ in range(2)
        )

        assert states(one, family) == states(other, family)
        assert figures(one, family) == figures(other, family)

    @settings(max_examples=200)
    @given(st.data(), st.sampled_from(Family))
    def test_the_fold_kept_up_to_date_is_the_fold_from_scratch(
        self, data: st.DataObject, family: Family
    ) -> None:
        history = data.draw(histories(family))
        state_store = apply_events(StateStore(terms()), family, data.draw(deliveries(history)))

        assert mismatches(state_store) == 0


class TestDrop:
    def test_forgets_states_and_figures(self) -> None:
        state_store = StateStore([CONNECTED])
        state_store.put(SCHOOLS, 0, {PARIS: state_of(connected())})

        state_store.drop(SCHOOLS, 0)

        assert dict(state_store.states(SCHOOLS, 0)) == {}
        assert state_store.fold.series(0) == {}


class TestSelfCheck:
    def test_finds_a_figure_that_left_its_states(self) -> None:
        state_store = StateStore([CONNECTED])
        state_store.put(SCHOOLS, 0, {PARIS: state_of(connected())})

        next(iter(state_store.fold.series(0).values())).add({1: 1})

        assert mismatches(state_store) == 1

    def test_finds_a_series_without_states(self) -> None:
        state_store = StateStore([CONNECTED])
        state_store.fold.replace(SCHOOLS, 0, PARIS, EMPTY, state_of(connected()))

        assert state_store.mismatches(SCHOOLS, 0) == 1

    def test_ignores_what_changes_meanwhile(self) -> None:
        """A check of many entities takes seconds, and batches are applied between its steps."""
        state_store = StateStore([CONNECTED])
        state = state_of(connected())
        state_store.put(SCHOOLS, 0, {f"{number}": state for number in range(CHECK_STEP)})

        check = state_store.check(SCHOOLS, 0)
        next(check)
        state_store.put(SCHOOLS, 0, {PARIS: state})
        state_store.drop(SCHOOLS, 0)

        with pytest.raises(StopIteration) as end:
            next(check)
        assert end.value.value == 0
