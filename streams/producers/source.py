"""Whose record it is, as far as a record can tell that was refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic_core import from_json

from events.cloudevent import MAX_BYTES

__all__ = ["source_of"]

_HEADER: Final = "ce_source"
_SOURCE: Final = re.compile(rb'"source"\s*:\s*"([^"\\]{1,256})"')


def source_of(
    headers: Sequence[tuple[str, bytes | None]] | None, value: bytes | None
) -> str | None:
    """Return the `source` of a record that may be anything; None where none can be read.

    A refused record is its producer's all the same: what its JSON says counts, and where that is
    cut short or wrong, what looks like an event's source in its bytes.
    """
    for name, content in headers or ():
        if name.lower() == _HEADER and content:
            return content.decode(errors="replace")
    if value is None or len(value) > MAX_BYTES:
        return None
    try:
        return _said(from_json(value))
    except ValueError:
        found = _SOURCE.search(value)
        return found[1].decode(errors="replace") if found else None


def _said(event: Any) -> str | None:  # noqa: ANN401 - whatever a producer's JSON holds
    if isinstance(event, list):  # Several events at once: refused together, and sent by one system.
        event = next(iter(event), None)
    source = event.get("source") if isinstance(event, dict) else None
    return source if isinstance(source, str) else None
