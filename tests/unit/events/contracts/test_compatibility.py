"""A change that refuses yesterday's events is seen; one that only takes more is let through."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from events.contracts.compatibility import breaches
from tests.support.contracts import drawn_from

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["uai", "kind"],
    "properties": {
        "uai": {"type": "string", "pattern": "^[0-9]{7}[A-Z]$"},
        "kind": {"$ref": "#/$defs/Kind"},
        "speed": {"type": "integer", "exclusiveMinimum": 0, "maximum": 1000},
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "note": {"anyOf": [{"type": "string", "maxLength": 10}, {"type": "null"}]},
        "hours": {
            "type": "object",
            "propertyNames": {"$ref": "#/$defs/Kind"},
            "additionalProperties": {"type": "integer", "minimum": 0},
        },
    },
    "propertyNames": {"pattern": "^[a-z]+$"},
    "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    "$defs": {"Kind": {"type": "string", "enum": ["tablet", "laptop"]}},
}


def change(schema: dict[str, Any], path: str, value: object) -> None:
    """Put another value at a path of a schema; None takes the keyword away."""
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("/"))
    node: Any = schema
    for step in steps:
        node = node[step]
    if value is None:
        del node[last]
    else:
        node[last] = value


def changed(path: str, value: object) -> dict[str, Any]:
    schema = deepcopy(SCHEMA)
    change(schema, path, value)
    return schema


STRICTER = {
    "a field is required": ("required", ["uai", "kind", "speed"], "speed: is required"),
    "a field is gone": ("properties/speed", False, "speed: is no longer a field"),
    "a value is gone": ("$defs/Kind/enum", ["tablet"], "kind: no longer takes 'laptop'"),
    "a value is the only one": ("properties/name/const", "x", "name: takes only 'x'"),
    "the maximum is lower": ("properties/speed/maximum", 999, "speed: maximum is 999, was 1000"),
    "there is a minimum": ("properties/speed/minimum", 5, "speed: minimum is 5, was beyond 0"),
    "a text is shorter": ("properties/name/maxLength", 100, "name: maxLength is 100, was 200"),
    "a text is longer": ("properties/name/minLength", 2, "name: minLength is 2, was 1"),
    "a pattern differs": ("properties/uai/pattern", "^0[0-9]{6}[A-Z]$", "uai: pattern is"),
    "there is a pattern": ("properties/name/pattern", "^[A-Z]", "name: pattern is"),
    "there is a format": ("properties/name/format", "date", "name: format is 'date'"),
    "the type differs": ("properties/name/type", "integer", "name: type is integer, was string"),
    "a form is gone": (
        "properties/note/anyOf",
        [{"type": "string", "maxLength": 10}],
        "note: type is string, was null",
    ),
    "a form is stricter": (
        "properties/note/anyOf/0",
        {"type": "string", "maxLength": 9},
        "note: no longer takes the form",
    ),
    "other fields are refused": ("additionalProperties", False, "*: is no longer a field"),
    "other fields are stricter": (
        "additionalProperties/anyOf",
        [{"type": "string"}],
        "*: type is string, was integer",
    ),
    "a new field binds what was free": (
        "properties/other",
        {"type": "string"},
        "other: type is string, was integer",
    ),
    "names are stricter": ("propertyNames/pattern", "^[a-z]{1,8}$", "(a name): pattern is"),
    "an entry is stricter": (
        "properties/hours/additionalProperties/minimum",
        1,
        "hours.*: minimum is 1, was 0",
    ),
    "a rule is new": (
        "properties/uai/$comment",
        "also checked: uai_check_letter",
        "uai: is checked for uai_check_letter too",
    ),
    "a keyword is unknown": ("properties/speed/multipleOf", 10, "speed: multipleOf is not"),
}

WIDER = {
    "a field is optional": ("required", ["uai"]),
    "a field is unknown": ("properties/name", None),
    "a value is added": ("$defs/Kind/enum", ["tablet", "laptop", "desktop"]),
    "the maximum is higher": ("properties/speed/maximum", 2000),
    "the maximum is gone": ("properties/speed/maximum", None),
    "a text is longer": ("properties/name/maxLength", 300),
    "a pattern is gone": ("properties/uai/pattern", None),
    "any number is taken": ("properties/speed/type", "number"),
    "two types are taken": ("properties/name/type", ["string", "null"]),
    "a form is added": (
        "properties/note/anyOf",
        [{"type": "integer"}, {"type": "null"}, {"type": "string"}],
    ),
    "one form takes them all": ("additionalProperties", {"type": ["string", "integer"]}),
    "anything is taken": ("additionalProperties", True),
    "it reads otherwise": ("properties/uai/description", "the lycée"),
}


@pytest.mark.parametrize(("path", "value", "expected"), STRICTER.values(), ids=STRICTER)
def test_what_is_stricter_is_a_breach(path: str, value: object, expected: str) -> None:
    assert any(str(found).startswith(expected) for found in breaches(SCHEMA, changed(path, value)))


@pytest.mark.parametrize(("path", "value"), WIDER.values(), ids=WIDER)
def test_what_is_wider_is_none(path: str, value: object) -> None:
    assert breaches(SCHEMA, changed(path, value)) == ()


def test_a_new_optional_field_is_no_breach_where_others_were_refused() -> None:
    """Nobody can have sent it: the data of our facts refuses unknown fields."""
    released = {**SCHEMA, "additionalProperties": False}
    current = deepcopy(released)
    current["properties"]["colour"] = {"type": "string", "enum": ["blue"]}

    assert breaches(released, current) == ()


def test_an_inclusive_bound_instead_of_an_exclusive_one_is_wider() -> None:
    current = changed("properties/speed/exclusiveMinimum", None)
    current["properties"]["speed"]["minimum"] = 0

    assert breaches(SCHEMA, current) == ()


def test_a_rule_that_is_dropped_is_no_breach() -> None:
    released = changed("properties/uai/$comment", "also checked: one, other")
    current = changed("properties/uai/$comment", "also checked: other")

    assert breaches(released, current) == ()


@given(
    st.lists(st.sampled_from([*STRICTER.values(), *WIDER.values()]), min_size=1, max_size=3),
    st.data(),
)
def test_without_a_breach_whatever_was_right_still_is(
    changes: list[tuple[str, object, Any]], data: st.DataObject
) -> None:
    current = deepcopy(SCHEMA)
    for path, value, *_ in changes:
        try:
            change(current, path, value)
        except (KeyError, IndexError, TypeError):
            continue  # An earlier change took that place away.
    if breaches(SCHEMA, current):
        return
    Draft202012Validator(current).validate(data.draw(drawn_from(SCHEMA)))
