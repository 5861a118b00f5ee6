"""SVG as text: short numbers, foreign text, names for readers who do not see."""

import pytest
from hypothesis import given

from report.charts.svg import Drawing, element, link, number, plain, words
from tests.support.drawings import any_text, parsed


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
    found = parsed(element("text", words(text), class_=text))

    assert (found.text or "", found.get("class")) == (plain(text), plain(text))
    assert len(plain(text)) == len(text)


@given(any_text)
def test_text_has_no_control_characters(text: str) -> None:
    assert not {*plain(text)} & {*"\x00\t\n\r\x1b\x7f\x85\u202e\u2066\u2028\ufeff\ud800\uffff"}


def test_elements_leave_out_what_is_none() -> None:
    made = element("path", class_="a", stroke_width=1.5, d=None)

    assert made == '<path class="a" stroke-width="1.5"/>'


def test_a_drawing_is_named() -> None:
    drawing = Drawing("chart1", "Lycées", "De 2016 à 2020")
    plain_one = parsed(drawing.write(width=10, height=5, kind="line"))
    linked = parsed(
        drawing.write(link("/p?a=1&b=2", "Paris"), width=10, height=5, kind="map", has_links=True)
    )

    assert plain_one.get("role") == "img"
    assert plain_one.get("viewBox") == "0 0 10 5"
    assert plain_one.get("aria-labelledby") == "chart1-title chart1-desc"
    assert [one.text for one in plain_one] == ["Lycées", "De 2016 à 2020"]
    assert linked.get("role") == "group"
    assert linked[2].attrib == {"href": "/p?a=1&b=2", "aria-label": "Paris"}


def test_a_copy_of_a_link_is_for_the_pointer_alone() -> None:
    """Whoever listens, or uses the keyboard, meets each link once."""
    copy = parsed(link("/p", "Paris", is_copy=True))

    assert (copy.get("aria-hidden"), copy.get("tabindex"), copy.get("aria-label")) == (
        "true",
        "-1",
        None,
    )


@pytest.mark.parametrize("prefix", ["", "1a", "a b", 'a"', "é"])
def test_a_prefix_is_the_beginning_of_an_id(prefix: str) -> None:
    with pytest.raises(ValueError, match=f"^{prefix}$"):
        Drawing(prefix, "", "")
