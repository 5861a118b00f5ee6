"""What generators of clients read says the same as the contracts, in words that they all know."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from events.cloudevent import CloudEvent, encode_structured
from events.contracts.client_schemas import (
    EVENT,
    EVENT_TYPE,
    client_schemas,
    event_name,
    spelled_out,
)
from events.contracts.json_schema import schema_of
from events.fact import Fact
from events.registry import FACTS
from gateway.openapi import openapi_document
from tests.support.contracts import drawn_from
from tests.support.facts import cloud_events

SCHEMAS = client_schemas()
WHOLE = {"$ref": f"#/components/schemas/{EVENT}", "components": {"schemas": SCHEMAS}}
FACTS_TO_TEST = pytest.mark.parametrize("fact", FACTS.values(), ids=lambda fact: fact.NAME)


@given(cloud_events())
def test_what_is_accepted_can_be_sent(event: CloudEvent) -> None:
    Draft202012Validator(WHOLE).validate(json.loads(encode_structured(event).value))


def test_an_event_is_identified_by_its_type() -> None:
    """The discriminator leads from each type to the schema that has this type alone."""
    event: Any = SCHEMAS[EVENT]
    mapping = event["discriminator"]["mapping"]

    assert event["discriminator"]["propertyName"] == "type"
    assert [one["$ref"] for one in event["oneOf"]] == list(mapping.values())
    for name, reference in mapping.items():
        schema: Any = SCHEMAS[reference.rpartition("/")[2]]
        assert schema["properties"]["type"]["enum"] == [name]
    assert list(mapping) == list(FACTS)


def test_every_schema_is_used() -> None:
    document = openapi_document()
    components: Any = document["components"]
    text = json.dumps(document)

    for kind in ("schemas", "responses"):
        for name in components[kind]:
            assert f'"#/components/{kind}/{name}"' in text, name


@pytest.mark.slow
@FACTS_TO_TEST
def test_spelled_out_is_the_same_contract(fact: type[Fact]) -> None:
    exact = schema_of(fact)
    spelled = spelled_out(exact)
    spelled["components"] = {"schemas": spelled["$defs"]}

    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    @given(drawn_from(exact), drawn_from(spelled))
    def holds(one: object, other: object) -> None:
        Draft202012Validator(spelled).validate(one)
        Draft202012Validator(exact).validate(other)

    holds()


def test_every_type_can_be_said_in_binary_mode() -> None:
    types: Any = SCHEMAS[EVENT_TYPE]

    assert types["enum"] == list(FACTS)
    assert types["x-enum-varnames"][0] == "SCHOOL_REGISTERED_V1"
    assert {event_name(fact) for fact in FACTS.values()} <= set(SCHEMAS)
