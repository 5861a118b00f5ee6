"""JSON is read as RFC 8259 has it, and what is wrong with one value is no other's business."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import ContractError, RefusalReason
from events.strict_json import read_array, read_value

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # Any text that UTF-8 can write.
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
SPACE = st.text(" \t\r\n", max_size=3)


@given(JSON_VALUES, SPACE, SPACE, st.booleans())
def test_a_value_is_read_as_it_was_written(
    value: Any,  # noqa: ANN401 - any JSON
    before: str,
    after: str,
    ascii_only: bool,  # noqa: FBT001 - an example's
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)

    read = read_value(before + text + after)

    assert (read.text, read.data, read.defect) == (text, value, None)


@given(st.lists(JSON_VALUES, max_size=5), SPACE)
def test_an_array_is_read_value_by_value(values: list[Any], space: str) -> None:
    texts = [json.dumps(value) for value in values]
    array = space.join(["", "[", f"{space},{space}".join(texts), "]", ""])

    read = list(read_array(array))

    assert [one.data for one in read] == values
    assert [one.text for one in read] == texts


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "a": 1}', "a key twice"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "a key twice"),
        (r'{"a": 1, "\u0061": 2}', "a key twice"),
        ('{"a": NaN}', "no such number"),
        ("[1, -Infinity]", "no such number"),
        ("[" * 40 + "]" * 40, "nested too deep"),
        (r'{"a": "\ud800"}', "half of a pair"),
        (r'{"\uDBFF": 1}', "half of a pair"),
    ],
)
def test_what_others_would_pass_over_is_reported(text: str, problem: str) -> None:
    before, defective, after = read_array(f'[{{"ok": 1}}, {text} , ["ok"]]')

    assert problem in str(defective.defect)
    assert defective.text == text
    assert (before.data, after.data) == ({"ok": 1}, ["ok"])


def test_every_value_of_a_key_is_given() -> None:
    read = read_value(r'{"a": 1, "b": {"c": [2], "c": 3}, "\u0061": 4, "a": 5}')

    assert read.data == {"a": [1, 4, 5], "b": {"c": [[2], 3]}}
    assert read.is_read


def test_a_whole_pair_of_surrogates_is_a_character() -> None:
    assert read_value(r'"\ud83d\ude00"') == (r'"\ud83d\ude00"', "\U0001f600", None, True)


@pytest.mark.parametrize("text", ["[" * 40 + "]" * 40, r'"\ud800"'])
def test_what_could_not_be_read_is_distinguished_from_null(text: str) -> None:
    assert (read_value(text).data, read_value(text).is_read) == (None, False)
    assert (read_value("null").data, read_value("null").is_read) == (None, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "{]",
        '{"a" 1}',
        "{'a': 1}",
        "nul",
        "01",
        "1 2",
        '"\n"',
        "\ufeff{}",
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 100_000,
        '{"a": ' + "9" * 5_000 + "}",
        "[1,]",
        '"unended',
    ],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    try:
        read = read_value(text)
    except ContractError as error:
        found: ContractError | None = error
    else:
        found = read.defect

    assert found is not None
    assert found.reason is RefusalReason.INVALID_JSON
    assert found.value is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[", "[1", "[1 2]", "[1,]", "[,]", "[1]]", "[{]", "[] 1"]
)
def test_what_is_no_array_is_refused(text: str) -> None:
    with pytest.raises(ContractError, match=r"JSON|array"):
        list(read_array(text))
