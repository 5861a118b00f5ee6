"""Entity state: a set of cells that converges whatever the order."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.fact import Family
from events.record_rules import microseconds
from streams.state import (
    EMPTY,
    Cell,
    EntityState,
    attributes_by_day,
    cell_of,
    moment_of,
    newest,
)
from tests.support.histories import event, events_of, state_of, uai
from tests.support.states import merge_states

PARIS = uai("0750001")


def states() -> st.SearchStrategy[EntityState]:
    return st.lists(events_of(Family.COWORKING), max_size=8).map(lambda history: state_of(*history))


def cells() -> st.SearchStrategy[Cell]:
    return events_of(Family.COWORKING).map(cell_of)


class TestCell:
    def test_holds_the_time_in_microseconds_with_source_id_and_attributes(self) -> None:
        reported = event(
            "school.connected",
            PARIS,
            "2018-03-01",
            at="2018-03-01T00:00:00.000001",
            source="/lycees",
            id="a",
        )

        assert cell_of(reported) == Cell(
            1_519_862_400_000_001,
            "/lycees",
            "a",
            {"uai": PARIS, "downlink_mbps": 1000, "department": "75"},
        )


class TestNewest:
    @pytest.mark.parametrize(
        ("newer", "older"),
        [
            (Cell(2, "a", "a", {}), Cell(1, "z", "z", {})),
            # At one time the greater source, and of one source the greater id.
            (Cell(1, "b", "a", {}), Cell(1, "a", "z", {})),
            (Cell(1, "a", "2", {}), Cell(1, "a", "10", {})),
        ],
    )
    def test_is_the_later(self, newer: Cell, older: Cell) -> None:
        assert newest(newer, older) is newest(older, newer) is newer

    @given(cells(), cells())
    def test_does_not_depend_on_the_order(self, left: Cell, right: Cell) -> None:
        assert newest(left, right) == newest(right, left)

    def test_leaves_no_tie_between_a_retraction_and_a_record_of_one_id(self) -> None:
        reported, retracted = Cell(1, "a", "a", {"name": "Nom"}), Cell(1, "a", "a", None)

        assert newest(reported, retracted) == newest(retracted, reported)

    def test_of_one_id_ranks_content_by_its_characters(self) -> None:
        """As the audit and the page do, which compare what is written, not its escapes."""
        plain, accented = (Cell(1, "a", "a", {"name": name}) for name in ("z", "é"))

        assert newest(plain, accented) is newest(accented, plain) is accented

    def test_does_not_depend_on_the_order_of_a_record_s_fields(self) -> None:
        """Two producers may write one content in two orders, and it ranks the same."""
        record, other_order = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
        another = Cell(1, "a", "a", {"a": 2, "b": 1})

        assert newest(Cell(1, "a", "a", record), another) is another
        assert newest(Cell(1, "a", "a", other_order), another) is another


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_comes_back_from_its_microseconds(moment: datetime) -> None:
    assert moment_of(microseconds(moment)) == moment


class TestMerge:
    @given(states(), states(), states())
    def test_is_a_union_in_any_order(
        self, one: EntityState, two: EntityState, three: EntityState
    ) -> None:
        merged = merge_states(one, two)

        assert merged == merge_states(two, one)
        assert merge_states(merged, three) == merge_states(one, merge_states(two, three))
        assert merge_states(merged, two) == merged == merge_states(merged, merged)
        assert merge_states(one, EMPTY) == one == merge_states(EMPTY, one)


class TestAttributesByDay:
    def test_are_in_the_order_of_days_not_of_times(self) -> None:
        state = state_of(
            event("coworking.opened", "one", "2018-02-01", name="Neuf"),
            event("coworking.opened", "one", "2018-01-01", name="Ancien", at="2019-01-01"),
        )

        found = attributes_by_day(state, "coworking.opened")

        assert [attributes["name"] for _, attributes in found] == ["Ancien", "Neuf"]

    def test_pass_over_a_retracted_day(self) -> None:
        state = state_of(
            event("coworking.opened", "one", "2018-01-01", name="Ancien"),
            event("coworking.opened", "one", "2018-02-01", retracted=True),
        )

        found = attributes_by_day(state, "coworking.opened")

        assert [(day, attributes["name"]) for day, attributes in found] == [
            ("2018-01-01", "Ancien")
        ]
