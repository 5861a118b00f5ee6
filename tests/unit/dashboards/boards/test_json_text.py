"""A board as JSON text."""

import json

from hypothesis import given
from hypothesis import strategies as st

from dashboards.boards.board import WIDTH, json_text

plain = st.none() | st.booleans() | st.integers() | st.text(max_size=60)
trees = st.recursive(
    plain, lambda part: st.lists(part) | st.dictionaries(st.text(max_size=8), part), max_leaves=40
)


@given(trees)
def test_it_says_what_the_value_says(tree: object) -> None:
    read = json.loads(json_text(tree))

    assert json.dumps(read) == json.dumps(tree)


@given(trees)
def test_only_a_text_makes_a_line_longer(tree: object) -> None:
    for line in json_text(tree).splitlines():
        if len(line) > WIDTH + 1:
            assert line.strip()[0] == '"'
            assert line.rstrip(",")[-1] not in "]}" or '"' in line


def test_what_is_small_is_on_one_line() -> None:
    panel = {"gridPos": {"h": 8, "w": 12, "x": 0, "y": 0}, "title": "x" * 60}

    assert json_text(panel).splitlines() == [
        "{",
        '  "gridPos": {"h": 8, "w": 12, "x": 0, "y": 0},',
        f'  "title": "{"x" * 60}"',
        "}",
    ]
