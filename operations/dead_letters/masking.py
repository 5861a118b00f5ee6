"""Masking of refused records: their structure is shown, and nothing that may be a person's data.

A refused record may hold anything anywhere: a name where a number belongs, a mail address as a
field's name. So the position of a value is no reason to show it; it must also have the form of what
belongs there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any, Final

from boundary.diagnostic import SHOWN_CHARACTERS
from events.cloudevent import CONTENT_TYPE, PREFIX
from events.dead_letters import DeadLetter
from events.errors import ContractError

#: Replaces a value that is not shown.
MASK: Final = "<masked>"

_FIELD_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_]{0,39}\Z")
_STEP: Final = re.compile(r"(?:[A-Za-z][A-Za-z_-]{0,39}|[0-9]{1,4})\Z")
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+( *; *charset=[a-z0-9-]+)?\Z", re.IGNORECASE)
#: The form of each attribute that is shown; all other attributes are masked.
_ATTRIBUTES: Final = {
    "specversion": re.compile(r"[0-9.]{1,8}\Z"),
    "type": re.compile(r"[a-z0-9._-]{1,128}\Z"),
    "source": re.compile(r"[A-Za-z0-9:/._~-]{1,256}\Z"),
    "id": re.compile(r"[A-Za-z0-9:/._~-]{1,256}\Z"),
    "time": re.compile(r"[0-9TtZz:.+-]{1,40}\Z"),
    "datacontenttype": _MEDIA_TYPE,
}
_VALUE_BEGINS: Final = ", value "
_VALUE_ENDS: Final = ": "
#: A value as `boundary.diagnostic.shown` writes it: quoted text, a number, or cut at its length.
_VALUE: Final = re.compile(
    r"""(?:b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*"|[0-9.e+-]+|true|false|"""
    rf""".{{{SHOWN_CHARACTERS - 1}}}…){_VALUE_ENDS}"""
)


def masked_event(event: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return an event's JSON with its structure and attributes; all other values are masked."""
    if not isinstance(event, dict):
        return _masked(event)
    return {
        name: masked_attribute(name, content) if name in _ATTRIBUTES else _masked(content)
        for name, content in _renamed(event)
    }


def masked_attribute(name: str, content: object) -> str:
    """Return the value of an attribute where it has its form, else the mask."""
    form = _ATTRIBUTES.get(name)
    is_plain = form is not None and isinstance(content, str) and form.match(content)
    return str(content) if is_plain else MASK


def masked_header(name: str, content: bytes | None) -> str | None:
    """Return the text of a header that is an attribute of the event, else the mask."""
    if content is None:
        return None
    lower, text = name.lower(), content.decode(errors="replace")
    if lower == CONTENT_TYPE:
        return masked_attribute("datacontenttype", text)
    return masked_attribute(lower.removeprefix(PREFIX), text) if lower.startswith(PREFIX) else MASK


def masked_field(field: str) -> str:
    """Return the path of a refused field up to its first step that is no plain name."""
    steps = field.split(".")
    plain = list(takewhile(_STEP.match, steps))
    return ".".join(plain if len(plain) == len(steps) else [*plain, MASK])


def masked_detail(letter: DeadLetter) -> str:
    """Return the detail of a letter without the refused value.

    Problem and remedy are the monitor's own words. The value is between the first `, value ` after
    the field and a `: ` before the remedy. Where its end is not certain, the last `: ` is taken: a
    part of the remedy may be lost, no part of a value is shown. Without a value, as of a missing
    field, there is nothing to mask.
    """
    detail = letter.detail.removeprefix(f"{letter.field}: ")
    problem, found, rest = detail.partition(_VALUE_BEGINS)
    if not found:
        problem, found, remedy = detail.partition(_VALUE_ENDS)
        if found and len(detail) < len(letter.detail):
            return f"{masked_field(letter.field)}: {problem}{_VALUE_ENDS}{remedy}"
        return _detail(letter.field, MASK, MASK)
    text = _VALUE.match(rest)
    remedy = rest[text.end() :] if text else rest.rpartition(_VALUE_ENDS)[2]
    return _detail(letter.field, problem, remedy if _VALUE_ENDS in rest else MASK)


def masked_error(error: ContractError) -> str:
    """Return the message of an error without the refused value."""
    if error.value is None:
        return f"{masked_field(error.field)}: {error.problem}{_VALUE_ENDS}{error.remedy}"
    return _detail(error.field, error.problem, error.remedy)


def _detail(field: str, problem: str, remedy: str) -> str:
    return f"{masked_field(field)}: {problem}{_VALUE_BEGINS}{MASK}{_VALUE_ENDS}{remedy}"


def _masked(value: Any) -> Any:  # noqa: ANN401
    match value:
        case dict():
            return {name: _masked(content) for name, content in _renamed(value)}
        case list():
            return [_masked(content) for content in value]
        case str():
            return "<text>"
        case bool() | None:  # These identify nobody.
            return value
        case _:
            return "<number>"


def _renamed(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield a mapping's pairs; a name that is no field's is replaced by its number."""
    for number, (name, content) in enumerate(value.items(), start=1):
        yield (name if _FIELD_NAME.match(name) else f"<name {number}>"), content
