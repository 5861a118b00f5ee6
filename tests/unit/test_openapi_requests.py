"""What Schemathesis is told of the gateway is true of the contracts."""

from typing import Any

import pytest

from events.contracts.json_schema import schema_of
from events.fact import Fact
from events.registry import FACTS
from tests.openapi.contract import is_of_a_rule, keeps_its_contract, sent_events
from tests.openapi.sendable import SOURCE, sendable_binary, sendable_event

BINARY = {"Content-Type": "application/json", "ce-id": "%C3%A9", "ce-type": "unknown"}


@pytest.mark.parametrize("fact", FACTS.values())
def test_an_event_that_is_made_sendable_keeps_its_contract(fact: type[Fact]) -> None:
    """It is of the producer then; one with a field too many still breaks its contract."""
    [example] = schema_of(fact)["examples"]
    broken = {**example, "data": {**example["data"], "more": 1}}

    assert keeps_its_contract(sendable_event(example))
    assert sendable_event(example)["source"] == SOURCE
    assert not keeps_its_contract(sendable_event(broken))


def test_identifiers_get_their_check_digits() -> None:
    data = {"uai": "0750652A", "siret": "73282932000070", "closed_on": "9999-01-01"}

    sent = sendable_event({"data": data})["data"]

    assert sent == {"uai": "0750652B", "siret": "73282932000074", "closed_on": "2019-03-11"}


@pytest.mark.parametrize("value", [None, "text", {"source": 1, "data": {"uai": 7}}])
def test_a_drawn_fault_stays(value: Any) -> None:  # noqa: ANN401 - JSON of any shape
    assert sendable_event(value) == value


def test_an_event_in_binary_mode_has_the_data_of_its_type() -> None:
    """The document says no more of them than that they are an object."""
    kind, fact = next(iter(FACTS.items()))

    headers, data = sendable_binary({"ce-type": kind, "ce-source": "/x"}, {})

    assert headers == {"ce-source": SOURCE}
    assert data == schema_of(fact)["examples"][0]["data"]


def test_the_events_of_a_request_are_read_by_its_content_type() -> None:
    """Unreadable ones are None, which keeps no contract."""
    batch = {"content-type": "application/cloudevents-batch+json"}

    assert sent_events(BINARY, b"{}") == [{"id": "\u00e9", "type": "unknown", "data": {}}]
    assert sent_events({**BINARY, "ce-id": "%FF"}, b"{}") == [None]
    assert sent_events(batch, b"[1, 2]") == [1, 2]
    assert sent_events(batch, b"{") == [None]
    assert sent_events({"content-type": "text/plain"}, b"{}") == []


def test_a_rule_of_the_document_alone_excuses_no_refusal_by_a_contract() -> None:
    """An event that keeps its contract is refused only by what is in words there."""
    problem = {"type": "/problems/invalid_envelope", "detail": "ce-id: is not a header's text"}

    assert is_of_a_rule(problem, of_document=True)
    assert not is_of_a_rule(problem, of_document=False)
