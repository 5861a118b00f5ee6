"""A change that refuses yesterday's events is seen; one that only takes more is let through."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from events.contracts.compatibility import breaches
from tests.support.contracts import drawn_from

CORPUS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "corpus" / "schema_changes.yaml").read_text(encoding="utf-8")
)
SCHEMA: dict[str, Any] = CORPUS["schema"]
STRICTER = {name: tuple(case.values()) for name, case in CORPUS["stricter"].items()}
WIDER = {name: tuple(case.values()) for name, case in CORPUS["wider"].items()}


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
