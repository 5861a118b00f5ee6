"""SVG as text: short numbers, foreign text, names for readers who do not see."""

import unicodedata

import pytest
from hypothesis import given

from report.charts.sparkline import sparkline
from report.charts.svg import number, plain
from tests.support.drawings import any_text, parsed

#: Of the format characters, signs before Arabic, Syriac and Kaithi numbers are seen.
SHOWN = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u0890\u0891\u08e2\U000110bd\U000110cd"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.04, "0"),
        (1.0, "1"),
        (1.25, "1.2"),
        (-0.5, "-0.5"),
        (120, "120"),
        (10.96, "11"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


@given(any_text)
def test_any_text_can_be_written(text: str) -> None:
    title, description = parsed(sparkline("s", text, text, []))

    assert {title.text or "", description.text or ""} == {plain(text)}
    assert len(plain(text)) == len(text)


@given(any_text)
def test_text_has_no_control_characters(text: str) -> None:
    assert not {*plain(text)} & {*"\x00\t\n\r\x1b\x7f\x85\u202e\u2066\u2028\ufeff\ud800\uffff"}


def test_text_hides_no_text() -> None:
    hidden = [chr(0xE0000 + ord(sign)) for sign in "obey"] + [chr(0xE0100 + 17), "\ufe0f", "\u00ad"]
    ignorable = [
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) == "Cf" and chr(code) not in SHOWN
    ]

    assert plain("".join([*hidden, *ignorable])).isspace()


@pytest.mark.parametrize("prefix", ["", "1a", "a b", 'a"', "é"])
def test_a_prefix_is_the_beginning_of_an_id(prefix: str) -> None:
    with pytest.raises(ValueError, match=f"^{prefix}$"):
        sparkline(prefix, "", "", [])
