"""Traces of requests: what spans the gateway makes, and what its records carry."""

import json

import pytest

from events.cloudevent import MAX_BYTES, record_size
from events.dead_letters import REASON_HEADERS
from events.topics import DEAD_LETTERS
from tests.support.gateway import BATCH, STRUCTURED, GatewayHarness, bearer, event
from tests.support.traces import (
    OTHER_PARENT,
    OTHER_TRACE,
    PARENT,
    STATE,
    TRACE,
    RecordedSpans,
    linked_traces,
    trace_of_span,
)

REQUEST = "POST /events"
SENT = "send smartregion.schools"


@pytest.fixture
def spans() -> RecordedSpans:
    return RecordedSpans()


@pytest.fixture
def harness(spans: RecordedSpans) -> GatewayHarness:
    return GatewayHarness(tracing=spans)


def traced(parent: str = PARENT, state: str = "") -> dict[str, str]:
    return {**bearer(), "traceparent": parent, **({"tracestate": state} if state else {})}


def headers_of(harness: GatewayHarness) -> dict[str, bytes | None]:
    [record] = harness.writer.records
    return dict(record.headers)


def test_a_request_continues_the_trace_of_its_client(
    harness: GatewayHarness, spans: RecordedSpans
) -> None:
    status, _ = harness.send(event(), headers=traced(state=STATE))

    span = spans.one(REQUEST)
    assert trace_of_span(span) == TRACE
    assert dict(span.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/events",
        "http.response.status_code": status,
    }
    assert headers_of(harness) == {
        "content-type": STRUCTURED.encode(),
        "traceparent": f"00-{TRACE}-{span.context.span_id:016x}-01".encode(),
        "tracestate": STATE.encode(),
    }


def test_an_events_own_trace_wins_and_has_a_span_linked_to_the_request(
    harness: GatewayHarness, spans: RecordedSpans
) -> None:
    harness.send(event(traceparent=OTHER_PARENT, tracestate=STATE), headers=traced())

    sent = spans.one(SENT)
    assert headers_of(harness)["traceparent"] == OTHER_PARENT.encode()
    assert headers_of(harness)["tracestate"] == STATE.encode()
    assert (trace_of_span(sent), linked_traces(sent)) == (OTHER_TRACE, [TRACE])
    assert (sent.attributes or {})["messaging.kafka.offset"] == 0


def test_an_event_in_the_trace_of_its_request_has_no_span_of_its_own(
    harness: GatewayHarness, spans: RecordedSpans
) -> None:
    own = f"00-{TRACE}-b7ad6b7169203331-01"
    harness.send(event(traceparent=own), headers=traced())

    assert headers_of(harness)["traceparent"] == own.encode()
    assert spans.named(SENT) == []


def test_a_binary_event_keeps_its_own_attributes(harness: GatewayHarness) -> None:
    attributes = event()
    data = attributes.pop("data")
    own = {f"ce-{name}": text for name, text in attributes.items()}
    harness.send(
        data,
        media_type="application/json",
        headers={**traced(), **own, "ce-traceparent": OTHER_PARENT},
    )

    headers = headers_of(harness)
    assert headers["ce_traceparent"] == headers["traceparent"] == OTHER_PARENT.encode()


@pytest.mark.parametrize("traceparent", ["", "00-abc", PARENT.upper(), "x" * 5_000])
def test_an_invalid_context_refuses_nothing_and_begins_a_trace(
    harness: GatewayHarness, spans: RecordedSpans, traceparent: str
) -> None:
    own = event(traceparent=traceparent[:50])
    status, _ = harness.send(own, headers=traced(traceparent, STATE))

    assert status == 202
    assert spans.one(REQUEST).parent is None
    assert "tracestate" not in headers_of(harness)


def test_each_event_of_a_batch_has_its_context(
    harness: GatewayHarness, spans: RecordedSpans
) -> None:
    batch = [event(1), event(2, traceparent=OTHER_PARENT), event(3, id="", traceparent=PARENT)]
    harness.send(batch, media_type=BATCH)

    first, second, letter = (dict(record.headers) for record in harness.writer.records)
    assert trace_of_span(spans.one(REQUEST)).encode() in (first["traceparent"] or b"")
    assert second["traceparent"] == OTHER_PARENT.encode()
    assert letter["traceparent"] == PARENT.encode()
    assert (spans.one(f"send {DEAD_LETTERS}").attributes or {})["error.type"] == "invalid_envelope"


def test_a_dead_letter_names_the_trace_where_it_does_not_keep_its_record(
    harness: GatewayHarness,
) -> None:
    harness.send(b'{"specversion":', headers=traced())

    names = [name for name, _ in harness.writer.records[0].headers]
    assert names[:2] == ["traceparent", REASON_HEADERS[0]]


def test_no_context_makes_an_event_too_large(harness: GatewayHarness) -> None:
    """Workers refuse a record beyond the limit, but this one has a receipt."""
    padded = event(dataschema="https://example.org/")
    padding = MAX_BYTES - record_size([("content-type", STRUCTURED.encode())], b"")
    body = json.dumps(padded).encode()
    status, _ = harness.send(body + b" " * (padding - len(body)), headers=traced())

    assert status == 202
    assert list(headers_of(harness)) == ["content-type"]


def test_spans_have_nothing_of_events_or_clients(
    harness: GatewayHarness, spans: RecordedSpans
) -> None:
    secrets = {**traced(state="a=jean.dupont@example.org"), "user-agent": "Jeanne/1"}
    batch = [
        event(id="id-of-event", traceparent=OTHER_PARENT, subject="eleve-77"),
        event(id="id-of-other", traceparent=OTHER_PARENT, data={"nom": "Dupont"}),
    ]
    harness.send(batch, media_type=BATCH, headers=secrets)

    text = spans.text()
    assert len(spans.named(REQUEST)) == len(spans.named(SENT)) == 1
    for content in ("0750652B", "id-of", "eleve", "upont", "Jeanne", "127.0.0.1", "ligne"):
        assert content not in text


def test_other_requests_have_no_span(harness: GatewayHarness, spans: RecordedSpans) -> None:
    harness.client.get("/openapi.json")
    harness.client.get("/events")
    assert spans.text() == ""
