"""Whose record it is, where all that is left of it is bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.cloudevent import MAX_BYTES, CloudEvent, encode_binary, encode_structured
from streams.producers.source import source_of
from tests.support.facts import cloud_events, mutated_records

SOURCE = "urn:iledefrance:lycees"


@given(event=cloud_events())
def test_the_source_of_a_valid_record_is_its_event_s(event: CloudEvent) -> None:
    """In both content modes."""
    for encode in (encode_structured, encode_binary):
        record = encode(event)
        assert source_of(record.headers, record.value) == event.source


@pytest.mark.parametrize(
    "value",
    [
        b'{"source": "urn:iledefrance:lycees", "data": {"source": "/other"}}',
        b'{"data": {"source": "/other"}, "source": "urn:iledefrance:lycees"}',
        b'{"id": "1", "source": "urn:iledefrance:lycees", "data": {"uai": "075',
        b'{"source" : "urn:iledefrance:lycees", "data": \xff}',
        b'[{"source": "urn:iledefrance:lycees"}, {"source": "/other"}]',
    ],
    ids=["whole", "after its data", "cut short", "not UTF-8", "several at once"],
)
def test_the_source_is_read_also_where_the_rest_cannot_be(value: bytes) -> None:
    """A broken record is told to who broke it."""
    assert source_of((), value) == SOURCE


@pytest.mark.parametrize(
    "value",
    [None, b"", b"{}", b"[]", b"null", b'{"source": 7}', b'{"data": {"source": "/data"}}'],
)
def test_a_record_may_tell_no_source(value: bytes | None) -> None:
    """What only its data call so is no source."""
    assert source_of((), value) is None


def test_nothing_is_searched_in_what_is_too_large() -> None:
    """A record of any size costs no more than an event's."""
    assert source_of((), b'{"source": "/large"}' + b" " * MAX_BYTES) is None


def test_the_header_of_the_binary_mode_counts_first() -> None:
    """Its value is data only."""
    assert source_of([("CE_Source", b"/header")], b'{"source": "/data"}') == "/header"


@given(record=mutated_records(), noise=st.binary())
def test_no_record_is_too_broken_to_look_at(
    record: tuple[list[tuple[str, bytes]], bytes], noise: bytes
) -> None:
    """Whatever it holds, the answer is a source or none."""
    headers, value = record
    for looked_at in (value, noise, b"[" * 5_000 + value):
        found = source_of(headers, looked_at)
        assert found is None or isinstance(found, str)
