"""What a record says of itself, valid or not: for looking for it, never for trusting it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from events.cloudevent import MAX_BYTES, PREFIX

__all__ = ["Claims", "claims_of"]

#: How far into a value that is no JSON, or too much of it, is looked.
_LOOKED_AT_BYTES: Final = 64 * 1024


class Claims(NamedTuple):
    """Attributes of the event that a record may hold; None where none can be read."""

    source: str | None = None
    type: str | None = None
    id: str | None = None


_IN_TEXT: Final = {
    name: re.compile(rb'"%s"\s*:\s*"([^"\\]{1,256})"' % name.encode()) for name in Claims._fields
}


def claims_of(headers: Sequence[tuple[str, bytes | None]] | None, value: bytes | None) -> Claims:
    """Return what a record says of itself, whatever it holds.

    Headers of the binary mode come first; then what its JSON says; and where that is cut short or
    wrong, what looks like an event's attributes in its bytes. Of several events at once, the first
    speaks for all.
    """
    said = _in_headers(headers or ())
    if len(said) < len(Claims._fields) and value:
        said = _in_value(value) | said
    return Claims(**said)


def _in_headers(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    said = {name.lower(): content.decode(errors="replace") for name, content in headers if content}
    return {name: said[PREFIX + name] for name in Claims._fields if PREFIX + name in said}


def _in_value(value: bytes) -> dict[str, str]:
    if len(value) <= MAX_BYTES:
        try:
            return _in_event(from_json(value))
        except ValueError:
            pass
    beginning = value[:_LOOKED_AT_BYTES]
    found = {name: pattern.search(beginning) for name, pattern in _IN_TEXT.items()}
    return {name: one[1].decode(errors="replace") for name, one in found.items() if one}


def _in_event(event: Any) -> dict[str, str]:  # noqa: ANN401 - whatever a producer's JSON holds
    if isinstance(event, list):
        event = next(iter(event), None)
    if not isinstance(event, dict):
        return {}
    return {name: said for name in Claims._fields if isinstance(said := event.get(name), str)}
