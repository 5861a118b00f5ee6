"""The mark by which a changed board is detected."""

import json

from hypothesis import given
from hypothesis import strategies as st

from dashboards.board_mark import intact, marked, normalised, unmarked
from tests.support.board_models import board, boards, json_values, panel


@given(boards(uids=["a"]))
def test_a_marked_board_is_intact(models: list[dict[str, object]]) -> None:
    for model in models:
        stored = {**json.loads(json.dumps(marked(model))), "id": 7, "version": 3}
        assert intact(stored)


@given(boards(uids=["a"]))
def test_marking_adds_the_mark_and_nothing_else(models: list[dict[str, object]]) -> None:
    for model in models:
        assert unmarked(marked(model)) == normalised(model)
        assert marked(marked(model)) == marked(model)


@given(boards(uids=["a"]), st.text(min_size=1, max_size=5), json_values)
def test_a_changed_board_is_not_intact(
    models: list[dict[str, object]], field: str, value: object
) -> None:
    for model in models:
        changed = {**marked(model), field: value}
        same = normalised(changed) == normalised(marked(model))
        assert intact(changed) == same or field == "description"


def test_a_board_without_a_mark_is_not_intact() -> None:
    assert not intact(board())


def test_the_mark_is_read_in_the_description() -> None:
    description = marked(board(description="Les lycées."))["description"]
    assert description.startswith("Les lycées.\n\nGénéré par smart-region, à ne pas modifier")


def test_nulls_and_whole_numbers_are_no_difference() -> None:
    """Grafana writes 1.0 as 1, and may leave nulls out."""
    one = board("x", panel("p", decimals=1.0, noValue=None))
    assert normalised(one) == normalised(board("x", panel("p", decimals=1)))


def test_what_is_written_keeps_its_nulls() -> None:
    """The lowest threshold's null is a value to Grafana."""
    steps = [{"value": None, "color": "red"}]
    assert marked(board(thresholds=steps))["thresholds"] == steps
