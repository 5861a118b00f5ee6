"""What would change, from boards that should be and boards that are."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboards.publishing.fingerprint import marked
from dashboards.publishing.plan import (
    Action,
    BoardChange,
    ExpressionChange,
    LiveBoard,
    PanelChange,
    planned,
)
from tests.support.board_models import board, boards, panel

FOLDER = "smart-region"
Tree = dict[str, Any]


def live(model: Mapping[str, Any], folder: str = FOLDER) -> LiveBoard:
    """Return a board as Grafana returns it."""
    return LiveBoard(model={**model, "id": 1, "version": 2}, folder=folder, version=2)


def compared(before: Tree, after: Tree, **options: bool) -> BoardChange:
    """Plan one board that we wrote before."""
    (change,) = planned([after], {after["uid"]: live(marked(before))}, FOLDER, **options).boards
    return change


class TestBoards:
    """What is to be done with a board."""

    def test_a_new_board_is_created_with_its_mark(self) -> None:
        (change,) = planned([board("x")], {}, FOLDER).boards
        assert (change.action, change.model) == (Action.CREATE, marked(board("x")))

    def test_a_board_that_is_as_it_should_be_is_left(self) -> None:
        """The numbers that Grafana gave it are no difference."""
        assert compared(board("x"), board("x")).action is Action.NOTHING

    def test_a_board_that_we_wrote_is_updated(self) -> None:
        """Its mark is intact."""
        change = compared(board("x"), board("x", refresh="1m"))
        assert (change.action, change.settings) == (Action.UPDATE, ("refresh",))

    def test_a_board_changed_by_hand_is_refused(self) -> None:
        """What somebody did is not overwritten without a word."""
        found = {"x": live({**marked(board("x")), "refresh": "5s"})}
        (change,) = planned([board("x")], found, FOLDER).boards
        assert (change.action, change.by_hand) == (Action.REFUSE, True)

    def test_a_board_changed_by_hand_is_overwritten_by_force(self) -> None:
        """The plan still contains that it was."""
        found = {"x": live({**marked(board("x")), "refresh": "5s"})}
        (change,) = planned([board("x")], found, FOLDER, force=True).boards
        assert (change.action, change.by_hand) == (Action.UPDATE, True)

    def test_somebody_else_s_board_of_the_same_uid_is_refused(self) -> None:
        """It never had our mark."""
        found = {"x": live({"uid": "x", "title": "Mine"})}
        (change,) = planned([board("x")], found, FOLDER).boards
        assert change.action is Action.REFUSE

    def test_a_board_moved_by_hand_is_refused(self) -> None:
        """Where it lies is a change too."""
        found = {"x": live(marked(board("x")), folder="elsewhere")}
        (change,) = planned([board("x")], found, FOLDER).boards
        assert (change.action, change.settings) == (Action.REFUSE, ("folder",))

    def test_the_same_board_imported_by_hand_is_taken_over(self) -> None:
        """Only the mark is missing: nobody's work is lost."""
        (change,) = planned([board("x")], {"x": live(board("x"))}, FOLDER).boards
        assert (change.action, change.settings) == (Action.UPDATE, ("mark",))

    def test_panels_in_another_order_are_a_change(self) -> None:
        one, two = panel("one"), panel("two")
        change = compared(board("x", one, two), board("x", two, one))
        assert change.settings == ("order of the panels",)


class TestStrays:
    """Boards that carry our tag and are no more in the catalogue."""

    def test_are_left_unless_pruned(self) -> None:
        """Nothing is removed by the way."""
        (change,) = planned([], {"x": live(marked(board("x")))}, FOLDER).boards
        assert (change.action, change.title) == (Action.LEAVE, "Board x")

    def test_are_removed_when_pruned(self) -> None:
        (change,) = planned([], {"x": live(marked(board("x")))}, FOLDER, prune=True).boards
        assert change.action is Action.REMOVE

    def test_a_copy_made_by_hand_is_left(self) -> None:
        """A copy keeps our tag, and is not ours."""
        found = {"y": live({**marked(board("x")), "uid": "y"})}
        (change,) = planned([], found, FOLDER, prune=True).boards
        assert (change.action, change.by_hand) == (Action.LEAVE, True)

    def test_a_changed_one_is_removed_by_force(self) -> None:
        """Both were asked for."""
        found = {"x": live({**marked(board("x")), "refresh": "5s"})}
        (change,) = planned([], found, FOLDER, force=True, prune=True).boards
        assert change.action is Action.REMOVE


class TestPanels:
    """The changes of a board's panels."""

    def test_added_and_removed_panels_are_named(self) -> None:
        change = compared(board("x", panel("old")), board("x", panel("new")))
        assert change.panels == (
            PanelChange("new", Action.CREATE),
            PanelChange("old", Action.REMOVE),
        )

    def test_a_changed_expression_is_shown_before_and_after(self) -> None:
        change = compared(board("x", panel("p", "a", "b")), board("x", panel("p", "a", "c")))
        expected = PanelChange("p", Action.UPDATE, (), (ExpressionChange("B", "b", "c"),))
        assert change.panels == (expected,)

    def test_a_new_query_has_no_before(self) -> None:
        change = compared(board("x", panel("p", "a")), board("x", panel("p", "a", "b")))
        assert change.panels[0].expressions == (ExpressionChange("B", None, "b"),)

    def test_other_changed_parts_are_named(self) -> None:
        """An expression is not all there is to a panel."""
        before = panel("p", "a", unit="s")
        after = panel("p", "a", unit="ms")
        after["targets"][0]["legendFormat"] = "x"
        change = compared(board("x", before), board("x", after))
        assert change.panels == (PanelChange("p", Action.UPDATE, ("unit", "targets")),)

    def test_panels_of_a_folded_row_are_compared_too(self) -> None:
        """Grafana keeps them inside the row."""
        row = {"type": "row", "title": "r"}
        change = compared(
            board("x", {**row, "panels": [panel("p", "a")]}),
            board("x", {**row, "panels": [panel("p", "b")]}),
        )
        expected = PanelChange("p", Action.UPDATE, (), (ExpressionChange("A", "a", "b"),))
        assert change.panels == (expected,)

    def test_panels_of_the_same_title_are_distinguished(self) -> None:
        change = compared(
            board("x", panel("p", "a"), panel("p", "b")),
            board("x", panel("p", "a"), panel("p", "c")),
        )
        assert [one.title for one in change.panels] == ["p (2)"]

    def test_a_board_of_any_shape_is_compared(self) -> None:
        """Somebody else's may have anything in the places that we know."""
        found = {"x": live({"uid": "x", "title": 3, "panels": [None, {"targets": "?"}]})}
        (change,) = planned([board("x", panel("p"))], found, FOLDER).boards
        assert change.panels[0] == PanelChange("p", Action.CREATE)


def applied(
    changes: tuple[BoardChange, ...], found: Mapping[str, LiveBoard]
) -> dict[str, LiveBoard]:
    """Do what is planned, without a Grafana."""
    after = dict(found)
    for change in changes:
        if change.action in {Action.CREATE, Action.UPDATE}:
            assert change.model is not None
            after[change.uid] = live(change.model)
        elif change.action is Action.REMOVE:
            del after[change.uid]
    return after


found_boards = st.builds(
    lambda models, ours, folders: {
        model["uid"]: live(marked(model) if mark else model, folder)
        for model, mark, folder in zip(models, ours, folders, strict=False)
    },
    boards(),
    st.lists(st.booleans(), min_size=4),
    st.lists(st.sampled_from([FOLDER, "", "elsewhere"]), min_size=4),
)


@given(wanted=boards(), found=found_boards, prune=st.booleans())
def test_what_was_applied_leaves_nothing_to_plan(
    wanted: list[Tree], found: dict[str, LiveBoard], *, prune: bool
) -> None:
    """Whatever was there before, and whether or not the next plan forces anything."""
    plan = planned(wanted, found, FOLDER, force=True, prune=prune)
    after = applied(plan.boards, found)
    assert planned(wanted, after, FOLDER, prune=prune).empty


@given(boards(), found_boards)
def test_a_difference_is_always_explained(wanted: list[Tree], found: dict[str, LiveBoard]) -> None:
    """No board is changed for a reason that is not shown."""
    for change in planned(wanted, found, FOLDER).having(Action.UPDATE, Action.REFUSE):
        assert change.settings or change.panels


@given(wanted=boards(), found=found_boards, prune=st.booleans())
def test_nothing_done_by_hand_is_lost_without_force(
    wanted: list[Tree], found: dict[str, LiveBoard], *, prune: bool
) -> None:
    """What is written or removed was ours, but for a mark that was missing."""
    plan = planned(wanted, found, FOLDER, prune=prune)
    touched = plan.having(Action.UPDATE, Action.REMOVE)
    assert not any(change.by_hand for change in touched)
