"""What is read of a request that Schemathesis has made, and which refusals are excused."""

from tests.openapi.contract import is_of_a_rule, sent_events

BINARY = {"Content-Type": "application/json", "ce-id": "%C3%A9", "ce-type": "unknown"}


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
