"""What is wrong, as one line of text."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from boundary.diagnostic import Diagnostic, choose, shown

WRONG = Diagnostic(
    ("ships", 0, "masts"),
    "is out of range",
    0,
    "write more than 0",
    field="ships[argo].masts",
    file=Path("fleet.yaml"),
    line=3,
)


@pytest.mark.parametrize(
    ("diagnostic", "text"),
    [
        (WRONG, "fleet.yaml:3: ships[argo].masts: is out of range, value 0: write more than 0"),
        (
            Diagnostic((), "is missing", None, "add it", field="data.uai"),
            "data.uai: is missing: add it",
        ),
        (
            Diagnostic((), "has 2 cells", None, "add one", file="a.csv", line=3),
            "a.csv:3: has 2 cells: add one",
        ),
        (Diagnostic((), "is wrong", None, "correct\x1b it"), r"is wrong: correct\u001b it"),
    ],
)
def test_a_diagnostic_is_one_line_of_what_is_known(diagnostic: Diagnostic, text: str) -> None:
    assert str(diagnostic) == text


def test_the_nearest_known_word_is_the_remedy() -> None:
    assert choose("mast", ["masts", "id"]) == "write 'masts'"
    assert choose("x", ["masts", "id"]) == "write one of masts, id"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "true"),
        (False, "false"),
        ("a\nb", r"'a\nb'"),
        (b"\xff", r"b'\xff'"),
        ("x" * 200, "'" + "x" * 78 + "…"),
        (date(2020, 12, 31), "2020-12-31"),
        (Decimal("0.50"), "0.50"),
        (list(range(100)), str(list(range(100)))[:79] + "…"),
    ],
)
def test_values_are_shown_short_and_on_one_line(value: object, text: str) -> None:
    assert shown(value) == text
