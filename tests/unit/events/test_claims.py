"""What a record says of itself, valid or not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from events.claims import Claims, claims_of
from events.cloudevent import MAX_BYTES, CloudEvent, encode_structured
from tests.support.facts import cloud_events, encode_binary

ALL = Claims("/lycees", "school.closed", "1")
AS_JSON = b'{"source": "/lycees", "type": "school.closed", "id": "1"}'


@given(event=cloud_events())
def test_are_an_event_s_attributes_in_both_modes(event: CloudEvent) -> None:
    for encode in (encode_structured, encode_binary):
        record = encode(event)

        claims = claims_of(record.headers, record.value)

        assert claims == (event.source, event.type, event.id)


@pytest.mark.parametrize(
    "value",
    [
        AS_JSON,
        b"[" + AS_JSON + b', {"source": "/other"}]',
        AS_JSON[:-1],  # Cut short.
        AS_JSON + b" " * MAX_BYTES,
        b"\xff" + AS_JSON,
    ],
)
def test_are_found_where_the_event_cannot_be(value: bytes) -> None:
    assert claims_of((), value) == ALL


@pytest.mark.parametrize("value", [None, b"", b"null", b"[]", b"1", b'{"source": 1}', b"[" * 10**5])
def test_are_none_where_nothing_is_said(value: bytes | None) -> None:
    assert claims_of(None, value) == Claims()


@pytest.mark.parametrize("as_headers", [True, False])
def test_are_none_where_no_event_may_have_them(*, as_headers: bool) -> None:
    """Whose a source of 256 KiB is took six seconds, and 4 096 of them were remembered."""
    source = "/" * 257
    headers = [("ce_source", source.encode())] if as_headers else []
    value = b"" if as_headers else json.dumps({"source": source}).encode()

    assert claims_of(headers, value) == Claims()
    assert claims_of([("ce_source", source[1:].encode())], None).source == source[1:]
