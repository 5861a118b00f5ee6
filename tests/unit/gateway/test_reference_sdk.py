"""The gateway understands what the CloudEvents project's own Python SDK sends over HTTP."""

import json
from datetime import datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent as SdkEvent

from events.cloudevent import decode
from tests.support.gateway import GatewayHarness, bearer, event


def sdk_event(**changes: Any) -> SdkEvent:
    attributes = {**event(), "datacontenttype": "application/json", **changes}
    data = attributes.pop("data")
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    return SdkEvent(attributes=attributes, data=data)


@pytest.mark.parametrize("encode", [to_structured_event, to_binary_event])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subject": "raccordement 100 % « fibre »"},
        {"id": 'a "b" \\ c/€'},
        {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
    ],
    ids=["plain", "subject", "id", "extension"],
)
def test_an_event_of_the_sdk_is_accepted(encode: Any, changes: dict[str, str]) -> None:  # noqa: ANN401
    harness = GatewayHarness()
    sent: HTTPMessage = encode(sdk_event(**changes))

    answer = harness.client.post("/events", content=sent.body, headers={**sent.headers, **bearer()})

    assert answer.status_code == 202, answer.text
    [record] = harness.writer.records
    assert decode(record.headers, record.value).id == changes.get("id", "1")


def test_an_event_without_its_content_type_is_accepted() -> None:
    """The SDK leaves the header out where nobody has set `datacontenttype`, as is its default."""
    harness = GatewayHarness()
    attributes = event()
    data = attributes.pop("data")
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    sent = to_binary_event(SdkEvent(attributes=attributes, data=data))
    assert "content-type" not in {name.lower() for name in sent.headers}

    answer = harness.client.post("/events", content=sent.body, headers={**sent.headers, **bearer()})

    assert answer.status_code == 202, answer.text
    [record] = harness.writer.records
    assert decode(record.headers, record.value).id == "1"


def test_data_in_bytes_are_refused_by_their_name() -> None:
    """The SDK encodes bytes as `data_base64`: the remedy is to give it the object."""
    harness = GatewayHarness()
    attributes = {**event(), "datacontenttype": "application/json"}
    data = json.dumps(attributes.pop("data")).encode()
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    attributes["datacontenttype"] = "application/octet-stream"
    sent = to_structured_event(SdkEvent(attributes=attributes, data=data))
    body = {**json.loads(sent.body), "datacontenttype": "application/json"}
    assert "data_base64" in body

    status, answer = harness.send(body)

    assert (status, answer["field"]) == (422, "data_base64")
    assert "JSON object in `data`" in answer["remedy"]
