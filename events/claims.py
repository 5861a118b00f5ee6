"""Unverified attributes of a record, valid or not: for search, not for decisions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from events.cloudevent import MAX_BYTES, PREFIX
from events.person_data import find_person_data
from events.trace_context import TRACEPARENT, TRACESTATE, TraceContext, read_trace_context

#: The number of bytes searched in a value that is too large or not JSON.
_SEARCHED_BYTES: Final = 64 * 1024
_LONGEST: Final = 256
"""The maximum length of an attribute, as in its contract: finding a source's producer takes
quadratic time, and thousands of sources are cached."""


class Claims(NamedTuple):
    """Attributes of the event in a record; None for one that is unreadable or too long."""

    source: str | None = None
    type: str | None = None
    id: str | None = None


_IN_TEXT: Final = {
    name: re.compile(rb'"%s"\s*:\s*"([^"\\]{1,%d})"' % (name.encode(), _LONGEST))
    for name in Claims._fields
}
#: Within a text of the JSON, the quotes would be escaped.
_TRACE_IN_JSON: Final = {
    name: re.compile(rb'"%s"\s*:\s*"([^"\\]{1,512})"' % name.encode())
    for name in (TRACEPARENT, TRACESTATE)
}
_QUOTED: Final = b'"traceparent"'


def claims_of(headers: Sequence[tuple[str, bytes | None]] | None, value: bytes | None) -> Claims:
    """Return the attributes that a record claims; never raises.

    Searches the headers of the binary mode, then the JSON value, or the bytes of a value that is
    not valid JSON. Of several events, uses the first.
    """
    found = _in_headers(headers or ())
    if len(found) < len(Claims._fields) and value:
        found = _in_value(value) | found
    return Claims(**{name: text for name, text in found.items() if len(text) <= _LONGEST})


def _in_headers(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    found = {name.lower(): content.decode(errors="replace") for name, content in headers if content}
    return {name: found[PREFIX + name] for name in Claims._fields if PREFIX + name in found}


def _in_value(value: bytes) -> dict[str, str]:
    if len(value) <= MAX_BYTES:
        try:
            return _in_event(from_json(value))
        except ValueError:
            pass
    beginning = value[:_SEARCHED_BYTES]
    found = {name: pattern.search(beginning) for name, pattern in _IN_TEXT.items()}
    return {name: one[1].decode(errors="replace") for name, one in found.items() if one}


def _in_event(event: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON
    if isinstance(event, list):
        event = next(iter(event), None)
    if not isinstance(event, dict):
        return {}
    return {name: text for name in Claims._fields if isinstance(text := event.get(name), str)}


def trace_of(
    headers: Sequence[tuple[str, bytes | None]] | None, value: bytes | None
) -> TraceContext | None:
    """Return the trace context of a record, valid or not; None without a valid one.

    It is the event's own in the headers of the binary mode, that of the record's other headers, or
    the event's own in the value. A `tracestate` that looks like personal data is dropped.
    """
    found = {name.lower(): content or b"" for name, content in headers or ()}
    texts = [b"", b""]
    for prefix in (PREFIX, ""):
        if prefix + TRACEPARENT in found:
            texts = [found.get(prefix + name, b"") for name in _TRACE_IN_JSON]
            break
    else:
        if value and _QUOTED in value:
            matches = [pattern.search(value) for pattern in _TRACE_IN_JSON.values()]
            texts = [match[1] if match else b"" for match in matches]
    trace = read_trace_context(*(text.decode(errors="replace") for text in texts))
    if trace and trace.tracestate and find_person_data(trace.tracestate) is not None:
        return TraceContext(trace.traceparent)
    return trace
