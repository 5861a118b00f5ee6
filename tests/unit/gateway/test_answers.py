"""An answer's schema follows from its model."""

from typing import Any

from gateway.answers import answer_schemas


def test_a_schema_has_the_name_that_generated_clients_have() -> None:
    assert set(answer_schemas()) == {
        "BatchAnswer",
        "Item",
        "Problem",
        "Receipt",
        "Receipts",
    }


def test_what_may_be_null_has_two_types() -> None:
    """Generators of clients make a class of `anyOf`."""
    receipt: Any = answer_schemas()["Receipt"]

    assert receipt["properties"]["offset"] == {
        "type": ["integer", "null"],
        "format": "int64",
        "minimum": 0,
        "description": "Null where the broker no longer knew that of a retry.",
    }


def test_an_integer_has_a_size() -> None:
    problem: Any = answer_schemas()["Problem"]

    assert problem["properties"]["limit"] == {"type": "integer", "format": "int32"}
