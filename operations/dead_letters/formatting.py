"""Entries as lines, text and JSON; values are masked unless `unmask` is true."""

from __future__ import annotations

import sys
from base64 import b64encode
from typing import Any

import yaml
from pydantic_core import from_json, to_jsonable_python

from boundary.terminal import legible
from operations.dead_letters.entry import Entry
from operations.dead_letters.masking import (
    MASK,
    masked_attribute,
    masked_detail,
    masked_event,
    masked_field,
    masked_header,
)

JSON = dict[str, Any]


def as_line(entry: Entry, *, unmask: bool = False) -> str:
    """Return one line: position, status, attempts if any, time, origin, reason, detail."""
    letter = entry.letter
    attempts = f"({entry.attempts})" if entry.attempts else ""
    origin = str(letter.origin)
    if letter.summary is not None:
        origin += f"..{letter.summary.runs[-1][1]} ({letter.summary.count} records)"
    return legible(
        f"{letter.position} {entry.status}{attempts} {letter.time:%Y-%m-%d %H:%M:%S}"
        f" {origin} {letter.reason} {letter.detail if unmask else masked_detail(letter)}"
    )


def as_document(entry: Entry, *, unmask: bool = False) -> JSON:
    """Return an entry without its record, as JSON values."""
    letter, outcome = entry.letter, entry.outcome
    document: JSON = {
        "letter": str(letter.position),
        "state": entry.status.value,
        "attempts": entry.attempts,
        "time": letter.time.isoformat(),
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "records": 1 if letter.summary is None else letter.summary.count,
        "reason": letter.reason,
        "field": letter.field if unmask else masked_field(letter.field),
        "detail": letter.detail if unmask else masked_detail(letter),
        "producer": letter.producer,
    }
    for name, text in entry.claims._asdict().items():
        document[name] = text if unmask or text is None else masked_attribute(name, text)
    if entry.trace is not None:
        document["traceparent"] = entry.trace.traceparent
    if letter.replay_of is not None:
        document["replay_of"] = str(letter.replay_of)
    if letter.shortened:
        document["shortened"] = {name: {"bytes": n} for name, n in letter.shortened.items()}
    if letter.summary is not None:
        document["offsets"] = letter.summary.runs
    if outcome is not None:
        document["settled"] = outcome.model_dump(
            mode="json", include={"verdict", "at", "because", "left"}, exclude_none=True
        )
    return document


def as_full_document(entry: Entry, *, unmask: bool = False) -> JSON:
    """Return an entry with its record, as JSON values."""
    letter = entry.letter
    return as_document(entry, unmask=unmask) | {
        "key": _bytes(letter.key) if unmask else _masked_bytes(letter.key),
        "headers": [
            [name, _bytes(content)] if unmask else _masked_pair(name, content)
            for name, content in letter.headers
        ],
        "value": _value(letter.value, unmask=unmask),
    }


def as_text(entry: Entry, *, unmask: bool = False) -> str:
    """Return an entry with its record as YAML."""
    document = to_jsonable_python(as_full_document(entry, unmask=unmask))
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=sys.maxsize)


def _value(value: bytes | None, *, unmask: bool) -> Any:  # noqa: ANN401 - whatever JSON holds
    if value is None:
        return None
    try:
        event = from_json(value)
    except ValueError:
        return _bytes(value) if unmask else f"{_masked_bytes(value)}, not JSON"
    return event if unmask else masked_event(event)


def _masked_pair(name: str, content: bytes | None) -> list[str | None]:
    text = masked_header(name, content)
    # The name of any other header may be a person's data.
    return [name if text not in (MASK, None) else masked_field(name.lower()), text]


def _masked_bytes(content: bytes | None) -> str | None:
    return None if content is None else f"{MASK} {len(content)} bytes"


def _bytes(content: bytes | None) -> str | None:
    """Return bytes as text, or in base64 where they are none."""
    if content is None:
        return None
    try:
        return content.decode()
    except UnicodeDecodeError:
        return f"base64:{b64encode(content).decode()}"
