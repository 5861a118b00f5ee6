"""What is drawn in a terminal: our own sequences, and nobody else's."""

from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from boundary.screen import LegibleConsole

OWNED = "\x1b]0;owned\x07"
SHOWN = "\\u001b]0;owned"


@pytest.fixture
def terminal() -> LegibleConsole:
    return LegibleConsole(file=io.StringIO(), force_terminal=True, width=60)


def written(console: LegibleConsole) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_line_is_legible(terminal: LegibleConsole) -> None:
    terminal.print(OWNED, markup=False, highlight=False)
    terminal.out(OWNED, highlight=False)

    assert OWNED not in written(terminal)
    assert written(terminal).count(SHOWN) == 2


def test_a_cell_is_legible_and_keeps_its_style(terminal: LegibleConsole) -> None:
    table = Table("name")
    table.add_row(Text(OWNED, style="red"))

    terminal.print(table)

    assert "\x1b[31m" in written(terminal)
    assert "\x1b]" not in written(terminal)
    assert "\\u001b]" in written(terminal)
