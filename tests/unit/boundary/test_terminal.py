"""Foreign text does not control a terminal, and keeps its content."""

from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.errors import SmartRegionError
from boundary.terminal import (
    count_last,
    counted,
    echo,
    echo_lines,
    legible,
    one_line,
    show_traceback,
)

#: With lone surrogates, as the names of files have them.
ANYTHING = st.text(st.characters(codec=None))


@given(ANYTHING)
def test_nothing_is_left_that_is_not_printed(text: str) -> None:
    assert all(one.isprintable() or unicodedata.category(one) == "Zs" for one in legible(text))
    legible(text).encode()


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.tuples(inner)))
def test_a_json_document_keeps_its_meaning(document: object) -> None:
    written = json.dumps(document, ensure_ascii=False)

    assert json.loads(legible(written)) == json.loads(written)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m", "a\\u001b[31m"),
        ("\x9b2J", "\\u009b2J"),
        ("one\ntwo\r", "one\\u000atwo\\u000d"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\U000e0041", "\\udb40\\udc41"),
        ("\udcff", "\\udcff"),
        ("1\u202f145 lycées, 100\u00a0%", "1\u202f145 lycées, 100\u00a0%"),
    ],
)
def test_what_cannot_be_printed_is_escaped(text: str, shown: str) -> None:
    assert legible(text) == shown


@given(ANYTHING, st.integers(min_value=2, max_value=50))
def test_a_quote_is_one_short_line(text: str, longest: int) -> None:
    quoted = one_line(text, longest=longest)

    assert len(quoted) <= longest
    assert legible(quoted) == quoted


def test_a_line_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    echo("name\nok     broker")
    echo_lines("one\ntwo\x07", err=True)

    assert capsys.readouterr() == ("name\\u000aok     broker\n", "one\ntwo\\u0007\n")


def test_a_traceback_is_legible_too(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise LookupError("\x1b]0;owned\x07")  # noqa: TRY301 - to have a traceback
    except LookupError as error:
        show_traceback(type(error), error, sys.exc_info()[2])

    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert shown.endswith("LookupError: \\u001b]0;owned\\u0007\n")


def test_one_thing_is_no_plural() -> None:
    assert [counted(number, "event") for number in (0, 1, 2)] == ["0 events", "1 event", "2 events"]
    assert counted(2, "address", "addresses") == "2 addresses"


def test_a_count_is_the_last_line_after_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"), count_last(lambda: "1 sent"):
        raise SmartRegionError("broker: is\n away")
    assert capsys.readouterr() == ("1 sent\n", "Error: broker: is away\n")
