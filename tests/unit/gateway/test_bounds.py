"""How large and intricate an item may be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events.errors import ContractError, RefusalReason
from gateway.bounds import (
    LONGEST_ATTRIBUTE,
    LONGEST_NAME,
    MOST_MARKS,
    MOST_PARTS,
    refuse_unbounded,
)
from gateway.http_binding import ReceivedItem, read_delivery
from tests.support.gateway import STRUCTURED, GatewayHarness, event

MARK = "\u0301"


def item(content: Any, *, ascii_only: bool = False) -> ReceivedItem:  # noqa: ANN401 - any JSON
    """Return what a request with this content holds."""
    body = json.dumps(content, ensure_ascii=ascii_only).encode()
    return read_delivery({b"content-type": STRUCTURED.encode()}, body).items[0]


@pytest.mark.parametrize(
    "content",
    [
        event(),
        event(dataref="/" * LONGEST_ATTRIBUTE),
        event(data={"n" * LONGEST_NAME: 1}),
        event(data=[1] * (MOST_PARTS - 8)),
        event(data="x" * 100_000),
        event(data={"name": "e" + MARK * MOST_MARKS}),
        event(data={"name": ("e" + MARK * MOST_MARKS) * 1_000}),
        event(data={"name": "字" * 1_000}),
        [],
        None,
    ],
)
def test_what_is_within_the_bounds_is_left_alone(content: Any) -> None:  # noqa: ANN401 - any JSON
    """Whatever else may be wrong with it."""
    refuse_unbounded(item(content))


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (event(dataref="/" * (LONGEST_ATTRIBUTE + 1)), "dataref"),
        (event(source="/" * (LONGEST_ATTRIBUTE + 1)), "source"),
        (event() | {"jean@example.fr": "/" * (LONGEST_ATTRIBUTE + 1)}, "…"),
        (event(data={"n" * (LONGEST_NAME + 1): 1}), "value"),
        (event(data=[1] * MOST_PARTS), "value"),
        (event(data=dict.fromkeys(map(str, range(MOST_PARTS)), 1)), "value"),
        (event(ext="e" + MARK * (MOST_MARKS + 1)), "value"),
        (event(data={"e" + MARK * (MOST_MARKS + 1): 1}), "value"),
        (event(data=["a", ["字e" + "\u0315\u0301" * MOST_MARKS]]), "value"),
    ],
)
def test_what_breaks_a_bound_is_refused(content: Any, field: str) -> None:  # noqa: ANN401 - any JSON
    """Written as it is or in escapes; and a name that may hold a person's data is not repeated."""
    for ascii_only in (False, True):
        with pytest.raises(ContractError) as refused:
            refuse_unbounded(item(content, ascii_only=ascii_only))

        assert (refused.value.reason, refused.value.field) == (RefusalReason.TOO_COMPLEX, field)
        assert "send" in refused.value.remedy


def test_a_text_that_is_no_json_has_the_same_bounds() -> None:
    """It is looked through as well."""
    broken = read_delivery({b"content-type": STRUCTURED.encode()}, b"{" + MARK.encode() * 100)

    with pytest.raises(ContractError, match="combining marks"):
        refuse_unbounded(broken.items[0])


def test_the_attributes_of_the_binary_mode_have_the_same_bounds() -> None:
    """They came as headers."""
    headers = {b"content-type": b"application/json", b"ce-ext": b"x" * (LONGEST_ATTRIBUTE + 1)}

    with pytest.raises(ContractError, match="ext: is more complex"):
        refuse_unbounded(read_delivery(headers, b"{}").items[0])


def test_what_breaks_a_bound_is_only_counted() -> None:
    """Nobody has looked through it for a person's data: no dead letter is kept of it."""
    harness = GatewayHarness()

    status, answer = harness.send(event(ext="e" + MARK * (MOST_MARKS + 1)))

    assert (status, answer["type"]) == (422, "/problems/too_complex")
    assert answer["field"] == "body"
    assert not harness.writer.records
