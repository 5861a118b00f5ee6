"""Holdings: states and their fold, in step, whatever happens to them."""

from __future__ import annotations

from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.loader import load_catalogue
from catalogue.terms import Term
from events.cloudevent import CloudEvent
from events.fact import Family
from events.records import UnreadableValue
from streams.snapshot import Figures, figures_of
from streams.state import EMPTY, UNREADABLE, EntityState, encode_state, merge_states
from streams.state_store import CHECK_STEP, StateStore
from tests.support.histories import (
    DAYS,
    deliveries,
    event,
    events_of,
    histories,
    state_of,
    uai,
)
from tests.support.records import PARTITIONS, apply_events

PARIS = uai("0750001")
CONNECTED = Term(Family.SCHOOLS, ("school.connected",), unless=("school.disconnected",))
SCHOOLS = Family.SCHOOLS
#: JSON of a state's form, with a day that is none.
UNFOLDABLE = b'{"school.connected": {"soon": [1, "/lycees", "a", {"department": "75"}]}}'


@cache
def terms() -> tuple[Term, ...]:
    """Return the terms of the catalogue that we ship."""
    return load_catalogue().terms


def figures(state_store: StateStore) -> list[dict[int, Figures]]:
    """Return all figures, on each day on which one may change and on others, back and forth."""
    days = map(date.fromisoformat, (*DAYS, "2018-03-10", "2017-12-31", "2020-12-31"))
    return [figures_of(state_store.fold, range(PARTITIONS), day) for day in days]


def mismatches(state_store: StateStore) -> int:
    """Return how many series differ from a fold from scratch."""
    return sum(
        state_store.mismatches(family, partition) for family, partition in state_store.partitions()
    )


def states(state_store: StateStore, family: Family) -> dict[int, dict[str, EntityState]]:
    """Return all states of a family."""
    return {
        partition: dict(state_store.states(family, partition)) for partition in range(PARTITIONS)
    }


def connected(day: str = "2018-03-01") -> CloudEvent:
    """Return a lycée's connection."""
    return event("school.connected", PARIS, day)


def less_and_more() -> tuple[EntityState, EntityState]:
    """Return what was known of a lycée, and what was known of it later."""
    first, second = connected(), connected("2018-04-01")
    return state_of(first), state_of(first, second)


class TestConvergence:
    """What batches come to, with the terms of the catalogue."""

    @settings(max_examples=200)
    @given(st.data(), st.sampled_from(Family))
    def test_any_order_and_batches_come_to_the_same_figures(
        self, data: st.DataObject, family: Family
    ) -> None:
        """Permuted, repeated and cut into batches, the same events make the same figures."""
        history = data.draw(histories(family))
        one, other = (
            apply_events(StateStore(terms()), family, data.draw(deliveries(history)))
            for _ in range(2)
        )

        assert states(one, family) == states(other, family)
        assert figures(one) == figures(other)

    @settings(max_examples=200)
    @given(st.data(), st.sampled_from(Family))
    def test_the_fold_kept_up_to_date_is_the_fold_from_scratch(
        self, data: st.DataObject, family: Family
    ) -> None:
        """New minus old adds up to the whole."""
        history = data.draw(histories(family))
        state_store = apply_events(StateStore(terms()), family, data.draw(deliveries(history)))

        assert mismatches(state_store) == 0


class TestUnreadable:
    """Changelog records that are not states, of another program."""

    @pytest.mark.parametrize(
        "value",
        [b"", b"{", b"\xff", b"[]", b'{"school.connected": {"2018-03-01": [1]}}', UNFOLDABLE],
    )
    def test_an_entity_without_a_state_is_held_back(self, value: bytes) -> None:
        """It is reported, and every readable record is restored."""
        state_store, state = StateStore([CONNECTED]), state_of(connected())

        assert state_store.restore(SCHOOLS, 0, b"0750009X", value) is not None
        assert state_store.restore(SCHOOLS, 0, PARIS.encode(), encode_state(state)) is None

        assert dict(state_store.states(SCHOOLS, 0)) == {PARIS: state}
        assert state_store.sizes(SCHOOLS, 0) == {"0750009X": UNREADABLE}
        assert state_store.unreadable() == {(SCHOOLS, 0): 1}
        assert state_store.mismatches(SCHOOLS, 0) == 0

    def test_an_entity_whose_state_is_known_is_written_again(self) -> None:
        """Compaction would otherwise leave what cannot be read."""
        state_store, state = StateStore([CONNECTED]), state_of(connected())
        state_store.restore(SCHOOLS, 0, PARIS.encode(), encode_state(state))

        assert state_store.restore(SCHOOLS, 0, PARIS.encode(), b"{") is not None

        assert state_store.repairs_of(SCHOOLS, 0) == {PARIS: state}
        assert state_store.unreadable() == {}

    def test_the_end_of_a_state_ends_the_doubt(self) -> None:
        """There is nothing left to be read."""
        state_store = StateStore([CONNECTED])
        state_store.restore(SCHOOLS, 0, PARIS.encode(), b"{")

        assert state_store.restore(SCHOOLS, 0, PARIS.encode(), None) is None

        assert state_store.unreadable() == {}

    @pytest.mark.parametrize("key", [None, b"\xff"])
    def test_what_is_no_entity_s_holds_nothing_back(self, key: bytes | None) -> None:
        """No worker writes such a key."""
        state_store = StateStore([CONNECTED])

        state_store.restore(SCHOOLS, 0, key, b"{")

        assert state_store.unreadable() == {}

    def test_a_batch_that_cannot_be_unpacked_may_be_of_anybody(self) -> None:
        """The partition's figures may be too small."""
        state_store = StateStore([CONNECTED])

        assert state_store.restore(SCHOOLS, 0, None, UnreadableValue("damaged")) is not None

        assert state_store.unreadable() == {(SCHOOLS, 0): 1}


class TestRecovery:
    """Changelog records, merged in the order of the log."""

    def test_takes_a_record_over(self) -> None:
        """An entity's only record is its state."""
        state_store, state = StateStore([CONNECTED]), state_of(connected())

        state_store.recover(SCHOOLS, 0, PARIS, state)

        assert dict(state_store.states(SCHOOLS, 0)) == {PARIS: state}
        assert state_store.repairs() == []

    def test_does_not_let_a_stale_record_undo_a_newer_one(self) -> None:
        """What a worker wrote that had lost the partition takes nothing back."""
        state_store = StateStore([CONNECTED])
        old, new = less_and_more()

        state_store.recover(SCHOOLS, 0, PARIS, new)
        state_store.recover(SCHOOLS, 0, PARIS, old)

        assert dict(state_store.states(SCHOOLS, 0)) == {PARIS: new}

    def test_marks_what_a_stale_record_hides(self) -> None:
        """The log's last record has fewer cells: the entity has to be written again."""
        state_store = StateStore([CONNECTED])
        old, new = less_and_more()

        state_store.recover(SCHOOLS, 0, PARIS, new)
        state_store.recover(SCHOOLS, 0, PARIS, old)

        assert state_store.repairs() == [(SCHOOLS, 0)]
        assert state_store.repairs_of(SCHOOLS, 0) == {PARIS: new}

    def test_unmarks_what_a_later_record_has_in_full(self) -> None:
        """A repair that another worker wrote need not be written again."""
        state_store = StateStore([CONNECTED])
        old, new = less_and_more()

        for recorded in (new, old, new):
            state_store.recover(SCHOOLS, 0, PARIS, recorded)

        assert state_store.repairs() == []

    @given(st.lists(st.lists(events_of(Family.COWORKING), max_size=4).map(lambda h: state_of(*h))))
    def test_ends_in_the_union_and_marks_where_the_last_record_is_less(
        self, recorded: list[EntityState]
    ) -> None:
        """Whatever was written in whatever order; marked exactly where the log ends with less."""
        state_store, union = StateStore(terms()), EMPTY
        for state in recorded:
            state_store.recover(Family.COWORKING, 0, "one", state)
            union = merge_states(union, state)

        assert state_store.states(Family.COWORKING, 0).get("one", EMPTY) == union
        assert ("one" in state_store.repairs_of(Family.COWORKING, 0)) is bool(
            recorded and recorded[-1] != union
        )
        assert mismatches(state_store) == 0


class TestStatesOfTheFuture:
    """Changelog records with facts recorded later than the record was written."""

    WRITTEN = 1_530_000_000_000  # 2018-06-26

    def state(self) -> EntityState:
        """Return a state with such a fact, and one as it should be."""
        ahead = event("school.connected", PARIS, "2018-04-01", at="2999-01-01T00:00:00")
        return state_of(connected(), ahead)

    def test_such_a_fact_is_left_out_and_counted(self) -> None:
        """What is beside it is believed; the entity is to be written again without it."""
        state_store = StateStore([CONNECTED])

        state_store.recover(SCHOOLS, 0, PARIS, self.state(), self.WRITTEN)

        known = state_store.states(SCHOOLS, 0)[PARIS]
        assert list(known["school.connected"]) == ["2018-03-01"]
        assert state_store.repairs_of(SCHOOLS, 0) == {PARIS: known}
        assert state_store.to_reprocess() == [(SCHOOLS, 0)]
        assert (state_store.cells_ahead, mismatches(state_store)) == (1, 0)
        state_store.repaired(SCHOOLS, 0, {PARIS: known})
        assert state_store.to_reprocess() == []

    def test_a_state_of_such_facts_alone_is_empty(self) -> None:
        """It is written again as an empty state, from which no cell is left out."""
        state_store = StateStore([CONNECTED])
        ahead = event("school.connected", PARIS, "2018-04-01", at="2999-01-01T00:00:00")

        state_store.recover(SCHOOLS, 0, PARIS, state_of(ahead), self.WRITTEN)
        assert state_store.repairs_of(SCHOOLS, 0) == {PARIS: EMPTY}
        state_store.recover(SCHOOLS, 0, PARIS, EMPTY, self.WRITTEN)
        assert (state_store.repairs(), state_store.to_reprocess()) == ([], [])

    def test_what_was_recorded_before_is_believed(self) -> None:
        """Up to the record's timestamp and the tolerance."""
        state_store = StateStore([CONNECTED])

        state_store.recover(SCHOOLS, 0, PARIS, state_of(connected()), self.WRITTEN)
        assert (state_store.cells_ahead, state_store.repairs(), state_store.to_reprocess()) == (
            0,
            [],
            [],
        )


class TestRepairs:
    """Entities to be written again."""

    def marked(self) -> tuple[StateStore, EntityState]:
        """Return a state store with one entity to write again, and its state."""
        state_store = StateStore([CONNECTED])
        state_store.recover(SCHOOLS, 0, PARIS, state_of(connected("2018-04-01")))
        state_store.recover(SCHOOLS, 0, PARIS, state_of(connected()))
        return state_store, state_store.states(SCHOOLS, 0)[PARIS]

    def test_end_once_written(self) -> None:
        """The log has every cell again."""
        state_store, state = self.marked()

        state_store.repaired(SCHOOLS, 0, {PARIS: state})

        assert state_store.repairs() == []

    def test_end_when_a_batch_changed_the_entity(self) -> None:
        """Its state was written with the batch, in full."""
        state_store, state = self.marked()

        state_store.put(SCHOOLS, 0, {PARIS: merge_states(state, state_of(connected("2018-05-01")))})

        assert state_store.repairs() == []

    def test_stay_when_more_was_found_meanwhile(self) -> None:
        """What was written is not what is to be written now."""
        state_store, state = self.marked()
        state_store.recover(SCHOOLS, 0, PARIS, state_of(connected("2018-05-01")))

        state_store.repaired(SCHOOLS, 0, {PARIS: state})

        assert state_store.repairs() == [(SCHOOLS, 0)]

    def test_end_when_the_partition_is_lost(self) -> None:
        """Another worker's changelog is not ours to write."""
        state_store, _ = self.marked()

        state_store.drop(SCHOOLS, 0)

        assert state_store.repairs() == []


class TestDrop:
    """A partition that another worker owns now."""

    def test_forgets_states_and_figures(self) -> None:
        """Nothing of a lost partition is counted."""
        state_store = StateStore([CONNECTED])
        state_store.put(SCHOOLS, 0, {PARIS: state_of(connected())})

        state_store.drop(SCHOOLS, 0)

        assert dict(state_store.states(SCHOOLS, 0)) == {}
        assert state_store.fold.series(0) == {}

    def test_leaves_other_partitions(self) -> None:
        """What is still ours stays."""
        state_store = StateStore([CONNECTED])
        state_store.put(SCHOOLS, 1, {PARIS: state_of(connected())})

        state_store.drop(SCHOOLS, 0)

        assert list(state_store.states(SCHOOLS, 1)) == [PARIS]

    def test_lets_the_partition_come_back(self) -> None:
        """Recovered again, the figures are what they were."""
        state_store, state = StateStore([CONNECTED]), state_of(connected())
        state_store.recover(SCHOOLS, 0, PARIS, state)
        before = figures(state_store)

        state_store.drop(SCHOOLS, 0)
        state_store.recover(SCHOOLS, 0, PARIS, state)

        assert figures(state_store) == before


class TestSelfCheck:
    """The fold derived anew."""

    def test_finds_a_figure_that_left_its_states(self) -> None:
        """One series off is one mismatch."""
        state_store = StateStore([CONNECTED])
        state_store.put(SCHOOLS, 0, {PARIS: state_of(connected())})

        next(iter(state_store.fold.series(0).values())).add({1: 1})

        assert mismatches(state_store) == 1

    def test_finds_a_series_without_states(self) -> None:
        """What no state explains is a mismatch too."""
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


def test_entities_are_counted_by_family() -> None:
    """Over all partitions."""
    state_store = StateStore([CONNECTED])
    state_store.put(SCHOOLS, 0, {PARIS: state_of(connected())})
    state_store.put(SCHOOLS, 1, {uai("0770001"): state_of(connected())})

    assert state_store.entities() == {SCHOOLS: 2}


def test_states_cannot_be_changed_from_outside() -> None:
    """Only the state store changes states, together with their figures."""
    state_store = StateStore([CONNECTED])

    assert not hasattr(state_store.states(SCHOOLS, 0), "__setitem__")


class TestErasure:
    """Entities that the changelog ends."""

    @settings(max_examples=50)
    @given(st.data(), st.sampled_from(Family))
    def test_what_is_forgotten_leaves_no_figure_behind(
        self, data: st.DataObject, family: Family
    ) -> None:
        """The figures are those of a state store without the entity."""
        history = data.draw(histories(family))
        erased = data.draw(st.sampled_from(history)).fact.entity_id if history else ""
        others = [one for one in history if one.fact.entity_id != erased]
        state_store = apply_events(StateStore(terms()), family, [history])
        never_heard = apply_events(StateStore(terms()), family, [others])

        for partition in range(PARTITIONS):
            state_store.remove(family, partition, erased)

        assert states(state_store, family) == states(never_heard, family)
        assert figures(state_store) == figures(never_heard)
        assert mismatches(state_store) == 0

    def test_what_is_forgotten_is_not_written_again(self) -> None:
        """A state that was to be repaired is not, once it has ended."""
        less, more = less_and_more()
        state_store = StateStore([CONNECTED])
        state_store.recover(SCHOOLS, 0, PARIS, more)
        state_store.recover(SCHOOLS, 0, PARIS, less)

        state_store.remove(SCHOOLS, 0, PARIS)

        assert state_store.repairs() == []
