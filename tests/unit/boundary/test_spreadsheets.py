"""Cells that a spreadsheet shows, and does not run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.spreadsheets import plain_cell

SIGNS = "=+-@＝＋－＠"  # noqa: RUF001 - the full-width ones too


@given(st.sampled_from(SIGNS), st.text("abcxyz|!'", min_size=1), st.sampled_from(["", " ", "  "]))
def test_no_text_is_a_formula(sign: str, rest: str, spaces: str) -> None:
    assert plain_cell(f"{spaces}{sign}{rest}") == f"'{spaces}{sign}{rest}"


@pytest.mark.parametrize("value", ["-12,5", "+33 1", "1=1", "", "Zoé", None, 7])
def test_all_else_is_as_it_was(value: object) -> None:
    assert plain_cell(value) == value


@pytest.mark.parametrize("start", ["\t", "\r", "\n"])
def test_a_control_does_not_hide_a_sign(start: str) -> None:
    """Some programs leave it out before they look."""
    assert plain_cell(f"{start}=1") == f"'\\u{ord(start):04x}=1"
