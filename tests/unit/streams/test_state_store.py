"""Holdings: states and their fold, in step, whatever happens to them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.terms import Term
from events.cloudevent import CloudEvent
from events.fact import Family
from streams.state import EMPTY
from streams.state_store import CHECK_STEP, StateStore
from tests.support.histories import (
    deliveries,
    event,
    histories,
    state_of,
    uai,
)
from tests.support.records import apply_events
from tests.support.stored_states import POSITION, terms

PARIS = uai("0750001")
CONNECTED = Term(Family.SCHOOLS, ("school.connected",), unless=("school.disconnected",))
SCHOOLS = Family.SCHOOLS


def mismatches(state_store: StateStore) -> int:
    return sum(
        state_store.mismatches(family, partition) for family, partition in state_store.partitions()
    )


def connected(day: str = "2018-03-01") -> CloudEvent:
    return event("school.connected", PARIS, day)


def test_a_position_is_dropped_with_states_and_figures() -> None:
    """It would otherwise pass over records that are in no state any more."""
    state_store = StateStore([CONNECTED])
    state_store.put(SCHOOLS, 0, {PARIS: state_of(connected())})
    state_store.move(SCHOOLS, 0, POSITION)

    state_store.drop(SCHOOLS, 0)

    assert state_store.position(SCHOOLS, 0) is None
    assert state_store.partitions() == []
    assert dict(state_store.states(SCHOOLS, 0)) == {}
    assert state_store.fold.series(0) == {}


@pytest.mark.slow
@settings(max_examples=200)
@given(st.data(), st.sampled_from(Family))
def test_the_fold_kept_up_to_date_is_the_fold_from_scratch(
    data: st.DataObject, family: Family
) -> None:
    """Whatever the order and the batches; the states are the same, too (test_core.py)."""
    history = data.draw(histories(family))
    state_store = apply_events(StateStore(terms()), family, data.draw(deliveries(history)))

    assert mismatches(state_store) == 0


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
