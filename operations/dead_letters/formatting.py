"""Letters as people and programs read them; a person's data only where they were asked for."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from boundary.showing import legible, legible_lines
from operations.dead_letters.masking import (
    MASK,
    masked_attribute,
    masked_detail,
    masked_event,
    masked_field,
    masked_header,
)

if TYPE_CHECKING:
    from operations.dead_letters.entry import Entry

__all__ = ["as_document", "as_line", "as_text", "as_whole_document"]

JSON = dict[str, Any]

_LABEL_WIDTH: Final = 10


def as_line(case: Entry, *, unmask: bool = False) -> str:
    """Return one line: place, state, tries if any, time, origin, reason, detail."""
    letter = case.letter
    tries = f"({case.attempts})" if case.attempts else ""
    return legible(
        f"{letter.place} {case.state}{tries} {letter.time:%Y-%m-%d %H:%M:%S} {letter.origin} "
        f"{letter.reason} {letter.detail if unmask else masked_detail(letter)}"
    )


def as_document(case: Entry, *, unmask: bool = False) -> JSON:
    """Return all about a letter but its content, as JSON values."""
    letter, outcome_record = case.letter, case.outcome_record
    document: JSON = {
        "letter": str(letter.place),
        "state": case.state.value,
        "attempts": case.attempts,
        "time": letter.time.isoformat(),
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "reason": letter.reason,
        "field": letter.field if unmask else masked_field(letter.field),
        "detail": letter.detail if unmask else masked_detail(letter),
        "producer": letter.producer,
    }
    for name, said in case.claims._asdict().items():
        document[name] = said if unmask or said is None else masked_attribute(name, said)
    if letter.replay_of is not None:
        document["replay_of"] = str(letter.replay_of)
    if letter.shortened:
        document["shortened"] = {name: one._asdict() for name, one in letter.shortened.items()}
    if outcome_record is not None:
        document["settled"] = outcome_record.model_dump(
            mode="json", include={"verdict", "at", "because"}, exclude_none=True
        )
    return document


def as_whole_document(case: Entry, *, unmask: bool = False) -> JSON:
    """Return all about a letter, its content included, as JSON values."""
    letter = case.letter
    return as_document(case, unmask=unmask) | {
        "key": _bytes(letter.key) if unmask else _masked_bytes(letter.key),
        "headers": [
            [name, _bytes(content)] if unmask else _masked_pair(name, content)
            for name, content in letter.headers
        ],
        "value": _value(letter.value, unmask=unmask),
    }


def as_text(case: Entry, *, unmask: bool = False) -> str:
    """Return all about a letter as lines for people."""
    document = as_whole_document(case, unmask=unmask)
    headers, value = document.pop("headers"), document.pop("value")
    settled = document.pop("settled", None)
    shortened = document.pop("shortened", {})
    lines = [_labelled(label, said) for label, said in document.items() if said is not None]
    if settled is not None:
        lines.append(_labelled("settled", " ".join(map(str, settled.values()))))
    lines += [_labelled("not kept", _part(name, **one)) for name, one in shortened.items()]
    lines += [_labelled("header", f"{name}: {said}") for name, said in headers]
    content = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return "\n".join([*lines, legible_lines(content)])


def _part(name: str, *, bytes: int, sha256: str | None) -> str:  # noqa: A002 - a part's fields
    digest = "" if sha256 is None else f", SHA-256 {sha256}"
    return f"the whole {name}: {bytes} bytes{digest}"


def _labelled(label: str, said: object) -> str:
    return legible(f"{label:<{_LABEL_WIDTH}}{said}")


def _value(value: bytes | None, *, unmask: bool) -> Any:  # noqa: ANN401 - whatever JSON holds
    if value is None:
        return None
    try:
        event = from_json(value)
    except ValueError:
        return _bytes(value) if unmask else f"{_masked_bytes(value)}, not JSON"
    return event if unmask else masked_event(event)


def _masked_pair(name: str, content: bytes | None) -> list[str | None]:
    said = masked_header(name, content)
    # A name that is no attribute's may be anybody's.
    return [name if said not in (MASK, None) else masked_field(name.lower()), said]


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
