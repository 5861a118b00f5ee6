"""What an answer means, and that nothing but the gateway's own word delivers an event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boundary.http_client import HttpAnswer
from sources.client.gateway_answer import (
    BatchTooLargeError,
    DeliveryOutcome,
    EventAnswer,
    GatewayRefusedError,
    GatewayUnavailableError,
    read_answer,
)
from tests.support.facts import json_values

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://gateway.example"


def read(
    status: int, content: object, *, events: int = 2, headers: dict[str, str] | None = None
) -> list[EventAnswer]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return list(read_answer(URL, HttpAnswer(status, headers or {}, body), events=events, now=NOW))


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b"<html>Please log in</html>"),
        (200, {"receipts": [{}, {}]}),
        (202, b""),
        (202, {"receipts": [{}]}),
        (202, {"receipts": [{}, {}, {}]}),
        (202, {"receipts": "two"}),
        *((status, b"") for status in (204, 301, 302, 307, 404, 405, 415, 501)),
        (401, {"detail": "no"}),
        (403, b"blocked"),
        (207, {"items": [{}]}),
    ],
)
def test_what_is_not_the_gateways_word_delivers_nothing(status: int, content: object) -> None:
    """A portal's page, a proxy's refusal, a wrong secret: sending it again would not help."""
    with pytest.raises(GatewayRefusedError):
        read(status, content)


@pytest.mark.parametrize(
    ("status", "content", "expected"),
    [
        (501, b"<html>", r"not look like the gateway, .*\(status 501: from nginx\): check that"),
        (401, {"detail": "who are you"}, r"this producer.*401: who are you.*its secret"),
        (404, {"detail": "no"}, r"takes no events at this address.*port 6070"),
    ],
)
def test_a_refusal_says_whose_it_is_and_what_to_check(
    status: int, content: object, expected: str
) -> None:
    with pytest.raises(GatewayRefusedError, match=expected):
        read(status, content, headers={"Server": "nginx"})


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 530])
def test_what_passes_is_tried_again(status: int) -> None:
    """A retry of the whole batch may succeed, after the requested pause."""
    with pytest.raises(GatewayUnavailableError) as away:
        read(status, {"detail": "busy"}, headers={"Retry-After": "7"})
    assert (away.value.cause, away.value.retry_after) == ("busy", 7)


@pytest.mark.parametrize("status", [207, 422])
def test_each_event_has_a_fate_of_its_own(status: int) -> None:
    items = [
        {"index": 2, "status": 503, "problem": {"detail": "away"}},
        {"index": 0, "status": 202, "receipt": {}},
        {"index": 1, "status": 422, "problem": {"title": "wrong"}},
    ]
    assert read(status, {"items": items}, events=3) == [
        EventAnswer(DeliveryOutcome.TAKEN),
        EventAnswer(DeliveryOutcome.REFUSED, "wrong"),
        EventAnswer(DeliveryOutcome.LATER, "away"),
    ]


@pytest.mark.parametrize(
    "items",
    [
        [{"index": 0, "status": 202}] * 2,
        [{"index": 0, "status": 202}, {"index": 2, "status": 202}],
        [{"index": 0, "status": 202}, {"index": 1}],
        [{"index": 0, "status": 202}, "x"],
    ],
)
def test_an_answer_that_leaves_an_event_out_delivers_none(items: list[Any]) -> None:
    with pytest.raises(GatewayUnavailableError, match="does not have an outcome"):
        read(207, {"items": items})


@given(
    status=st.integers(100, 599),
    content=json_values | st.dictionaries(st.sampled_from(["receipts", "items"]), json_values),
    events=st.integers(1, 5),
)
def test_any_answer_is_read(status: int, content: Any, events: int) -> None:  # noqa: ANN401 - any JSON
    body = json.dumps(content).encode()
    try:
        outcomes = read_answer(URL, HttpAnswer(status, {}, body), events=events, now=NOW)
    except (GatewayUnavailableError, GatewayRefusedError, BatchTooLargeError):
        return
    assert len(outcomes) == events
    assert status in (202, 207, 422)


@given(text=st.text(max_size=2_000))
def test_a_cause_is_one_short_line(text: str) -> None:
    with pytest.raises((GatewayRefusedError, GatewayUnavailableError)) as refused:
        read(503, {"detail": text})
    assert isinstance(refused.value, GatewayUnavailableError)
    assert len(refused.value.cause) <= 400
    assert refused.value.cause.isprintable()
