"""That tables have room for their texts on the narrowest screen that is cared for."""

from typing import Any

import pytest

from tests.support.boards import BOARDS

#: What a screen of 1280 pixels leaves beside Grafana's menu.
PAGE = 948
COLUMNS, GAP, INSIDE = 24, 8, 18
"""Grafana's grid; what a panel has around its table."""
MARGINS = 13
"""What a cell leaves beside its text, its line included."""
SORTED = 20
"""What the arrow of a sorted column takes in its head."""

#: Characters by their width in Grafana's type, in pixels: Inter at 14 pixels, the heavier weight,
#: that of heads, measured in a browser and rounded up.
WIDTHS = {
    4.0: " \u00a0\u202fIijlÎîï’",
    4.5: "!',.:;",
    5.0: "t",
    5.5: "()/fr",
    6.5: "1-_",
    7.5: "–*?",
    8.0: "7Laksxzàâ",
    8.5: "EFJcehnouvyÈÉçèéêëôùû",
    9.0: "235689PZbdgpq«»",
    9.5: "04+BRST€",
    10.0: "AKVXYÀ",
    10.5: "CDGHU",
    11.0: "NOQÔ",
    12.0: "w✔✖",
    12.5: "m",
    13.0: "M■○●",
    14.5: "%—W▲↺",
}
WIDTH = {one: width for width, ones in WIDTHS.items() for one in ones}

TABLES = [
    pytest.param(panel, id=f"{uid}-{panel['title']}")
    for uid, board in BOARDS.items()
    for panel in board["panels"]
    if panel["type"] == "table"
]


def width_of(text: str) -> float:
    return sum(WIDTH[one] for one in text)


def longest_word(text: str) -> float:
    return max(width_of(word) for word in text.split())


def columns_of(panel: dict[str, Any]) -> dict[str, dict[str, Any]]:
    columns = {
        override["matcher"]["options"]: {one["id"]: one["value"] for one in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
    }
    return {title: column for title, column in columns.items() if not column.get("custom.hidden")}


def texts_of(column: dict[str, Any]) -> list[str]:
    return [
        result["text"] for mapping in column["mappings"] for result in mapping["options"].values()
    ]


@pytest.mark.parametrize("panel", TABLES)
def test_the_columns_fit_into_their_panel(panel: dict[str, Any]) -> None:
    room = (PAGE + GAP) / COLUMNS * panel["gridPos"]["w"] - GAP - INSIDE
    taken = sum(
        column.get("custom.width") or column["custom.minWidth"]
        for column in columns_of(panel).values()
    )
    assert taken <= room


@pytest.mark.parametrize("panel", TABLES)
def test_a_column_has_room_for_its_texts(panel: dict[str, Any]) -> None:
    sorted_by = [one["displayName"] for one in panel["options"].get("sortBy") or ()]
    for title, column in columns_of(panel).items():
        assert column["custom.wrapHeaderText"], title
        arrow = SORTED if title in sorted_by else 0
        width = column.get("custom.width")
        if width is None:
            assert column["custom.cellOptions"]["wrapText"], title
            needed = [longest_word(text) for text in (title, *texts_of(column))]
            assert max(needed) + arrow + MARGINS <= column["custom.minWidth"], title
        else:
            assert longest_word(title) + arrow + MARGINS <= width, title
            needed = [width_of(text) for text in texts_of(column)]
            if column["unit"].startswith("time:"):
                needed.append(width_of("31/12/2020"))
            assert max(needed, default=0) + MARGINS <= width, title
