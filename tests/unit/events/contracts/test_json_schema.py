"""Schemas say what the models check: all of it, and nothing else."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from events.cloudevent import EVENT_MODELS, CloudEvent, decode_json, encode_structured
from events.contracts.json_schema import schema_of
from events.errors import ContractError
from events.fact import Fact
from events.identifiers import ALSO_CHECKED
from events.registry import FACTS
from tests.support.contracts import drawn_from
from tests.support.facts import cloud_events


def broken_rules(name: str, event: object) -> set[str]:
    """Return the rules by which today's model refuses an event of a type; none if it accepts it."""
    try:
        read: Any = EVENT_MODELS[name].model_validate_json(json.dumps(event))
    except ValidationError as error:
        return {details["type"] for details in error.errors()}
    try:
        CloudEvent(read.id, read.source, read.time, read.data)
    except ContractError as error:
        return {error.reason.value}
    return set()


def rules_beyond(schema: object) -> set[str]:
    if isinstance(schema, list):
        return {rule for item in schema for rule in rules_beyond(item)}
    if not isinstance(schema, dict):
        return set()
    rules = {rule for part in schema.values() for rule in rules_beyond(part)}
    own = schema.get("$comment", "")
    if isinstance(own, str) and own.startswith(ALSO_CHECKED):
        rules |= set(own.removeprefix(ALSO_CHECKED).split(", "))
    # For released labels only the description says so.
    if "not blank" in str(schema.get("description")):
        rules.add("blank")
    return rules


FACTS_TO_TEST = pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.NAME)
VALIDATORS = {name: Draft202012Validator(schema_of(fact)) for name, fact in FACTS.items()}

# A schema's own draws are slow to make; each fact has its test.
FEW = settings(max_examples=40, suppress_health_check=list(HealthCheck))


@FACTS_TO_TEST
def test_an_example_is_accepted(fact: type[Fact]) -> None:
    example = schema_of(fact)["examples"][0]

    VALIDATORS[fact.TYPE].validate(example)
    assert decode_json(json.dumps(example)).fact == fact.model_validate_json(
        json.dumps(example["data"])
    )


@FACTS_TO_TEST
def test_every_field_is_described(fact: type[Fact]) -> None:
    schema = schema_of(fact)
    data = schema["$defs"][fact.__name__]
    silent = [
        name
        for name, field in data["properties"].items()
        if "description" not in field and "$ref" not in field
    ]

    assert silent == []


@given(cloud_events())
def test_a_schema_takes_what_the_model_takes(event: CloudEvent) -> None:
    VALIDATORS[event.type].validate(json.loads(encode_structured(event).value))


@pytest.mark.slow
@FACTS_TO_TEST
def test_the_model_takes_what_the_schema_takes(fact: type[Fact]) -> None:
    schema = schema_of(fact)
    expected = rules_beyond(schema)

    @FEW
    @given(drawn_from(schema))
    def holds(drawn: object) -> None:
        assert broken_rules(fact.TYPE, drawn) <= expected

    holds()


@pytest.mark.parametrize("name", ["Upper", "with-hyphen", "", "é"])
def test_an_attribute_s_name_is_the_cloudevents_one(name: str) -> None:
    kind, fact = next(iter(FACTS.items()))
    event = {**schema_of(fact)["examples"][0], name: "1"}

    assert not VALIDATORS[kind].is_valid(event)
    with pytest.raises(ContractError):
        decode_json(json.dumps(event))
