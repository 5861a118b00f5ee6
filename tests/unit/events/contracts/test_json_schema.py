"""Schemas say what the models check: all of it, and nothing else."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from events.cloudevent import CloudEvent, decode_json, encode_structured
from events.contracts.json_schema import schema_of
from events.errors import ContractError
from events.fact import Fact
from events.registry import FACTS
from tests.support.contracts import broken_rules, drawn_from, rules_beyond
from tests.support.facts import cloud_events

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
