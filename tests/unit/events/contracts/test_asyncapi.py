"""The AsyncAPI document: valid for its own makers, complete, and true."""

import json
from typing import Any

from hypothesis import given
from jsonschema import Draft7Validator

from events.cloudevent import CloudEvent, encode_structured
from events.contracts.asyncapi import asyncapi_document
from events.registry import FACTS
from tests.support.facts import cloud_events, encode_binary

DOCUMENT: dict[str, Any] = asyncapi_document()
LABELS = {name: f"{fact.NAME}.v{fact.VERSION}" for name, fact in FACTS.items()}


def payload_validator(message: str) -> Draft7Validator:
    reference = DOCUMENT["components"]["messages"][message]["payload"]
    return Draft7Validator({**reference, "components": DOCUMENT["components"]})


STRUCTURED = {name: payload_validator(label) for name, label in LABELS.items()}
BINARY = {name: payload_validator(f"{label}.binary") for name, label in LABELS.items()}


def test_each_fact_is_on_its_family_s_channel() -> None:
    messages = {name for channel in DOCUMENT["channels"].values() for name in channel["messages"]}

    assert messages == {*LABELS.values(), *(f"{label}.binary" for label in LABELS.values())}
    assert messages == DOCUMENT["components"]["messages"].keys()


@given(cloud_events())
def test_a_structured_record_is_as_documented(event: CloudEvent) -> None:
    STRUCTURED[event.type].validate(json.loads(encode_structured(event).value))


@given(cloud_events())
def test_a_binary_record_is_as_documented(event: CloudEvent) -> None:
    record = encode_binary(event)
    headers = {name: text.decode() for name, text in record.headers}

    BINARY[event.type].validate(json.loads(record.value))
    message = DOCUMENT["components"]["messages"][f"{LABELS[event.type]}.binary"]
    Draft7Validator(message["headers"]).validate(headers)
