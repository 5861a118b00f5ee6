"""A refused record made fit to be shown: its structure, and nothing that may be a person's.

What was refused may hold anything anywhere: a name where a number belongs, a mail address as a
field's name. So nothing is shown for where it stands alone, but only where it also looks like what
belongs there.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from boundary.diagnostic import SHOWN_CHARACTERS
from events.cloudevent import CONTENT_TYPE, PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from events.dead_letters import DeadLetter
    from events.errors import ContractError

__all__ = [
    "MASK",
    "masked_attribute",
    "masked_detail",
    "masked_error",
    "masked_event",
    "masked_field",
    "masked_header",
]

#: Stands for what is not shown.
MASK: Final = "<masked>"

_FIELD_NAME: Final = re.compile(r"[A-Za-z][A-Za-z_]{0,39}\Z")
_STEP: Final = re.compile(r"(?:[A-Za-z][A-Za-z_-]{0,39}|[0-9]{1,4})\Z")
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[a-z0-9.+-]+( *; *charset=[a-z0-9-]+)?\Z", re.IGNORECASE)
#: What an envelope's attributes look like; all others are masked.
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
#: A value as `shown` writes one: text with its quotes, a number, or whatever was cut at its length.
_VALUE: Final = re.compile(
    r"""(?:b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*"|[0-9.e+-]+|true|false|"""
    rf""".{{{SHOWN_CHARACTERS - 1}}}…){_VALUE_ENDS}"""
)


def masked_event(event: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return an event's JSON with its structure and its envelope; all other values are masked."""
    if not isinstance(event, dict):
        return _masked(event)
    return {
        name: masked_attribute(name, said) if name in _ATTRIBUTES else _masked(said)
        for name, said in _renamed(event)
    }


def masked_attribute(name: str, said: object) -> str:
    """Return the value of an envelope's attribute where it looks like one, else the mask."""
    form = _ATTRIBUTES.get(name)
    return said if form is not None and isinstance(said, str) and form.match(said) else MASK


def masked_header(name: str, content: bytes | None) -> str | None:
    """Return a header's text where it is an attribute of the envelope, else the mask."""
    if content is None:
        return None
    lower, text = name.lower(), content.decode(errors="replace")
    if lower == CONTENT_TYPE:
        return masked_attribute("datacontenttype", text)
    return masked_attribute(lower.removeprefix(PREFIX), text) if lower.startswith(PREFIX) else MASK


def masked_field(field: str) -> str:
    """Return the path of a refused field as far as its steps are plain names."""
    steps = field.split(".")
    plain = list(takewhile(_STEP.match, steps))
    return ".".join(plain if len(plain) == len(steps) else [*plain, MASK])


def masked_detail(letter: DeadLetter) -> str:
    """Return what a letter says of its refusal, without the value that was found.

    What we said ourselves is shown: the problem, and what to do. The value stands between the first
    `, value ` after the field and a `: ` before the remedy. Where it is no text of which the end
    can be known, the last `: ` is taken: better to lose a part of the remedy than to show one of a
    value. Where no value was found, as of a field that is missing, there is nothing to mask.
    """
    said = letter.detail.removeprefix(f"{letter.field}: ")
    problem, found, rest = said.partition(_VALUE_BEGINS)
    if not found:
        problem, found, remedy = said.partition(_VALUE_ENDS)
        if found and len(said) < len(letter.detail):
            return f"{masked_field(letter.field)}: {problem}{_VALUE_ENDS}{remedy}"
        return _detail(letter.field, MASK, MASK)
    text = _VALUE.match(rest)
    remedy = rest[text.end() :] if text else rest.rpartition(_VALUE_ENDS)[2]
    return _detail(letter.field, problem, remedy if _VALUE_ENDS in rest else MASK)


def masked_error(error: ContractError) -> str:
    """Return what an error says, without the value that was found."""
    if error.value is None:
        return f"{masked_field(error.field)}: {error.problem}{_VALUE_ENDS}{error.remedy}"
    return _detail(error.field, error.problem, error.remedy)


def _detail(field: str, problem: str, remedy: str) -> str:
    return f"{masked_field(field)}: {problem}{_VALUE_BEGINS}{MASK}{_VALUE_ENDS}{remedy}"


def _masked(value: Any) -> Any:  # noqa: ANN401
    match value:
        case dict():
            return {name: _masked(said) for name, said in _renamed(value)}
        case list():
            return [_masked(one) for one in value]
        case str():
            return "<text>"
        case bool() | None:  # Nothing that tells one person from another.
            return value
        case _:
            return "<number>"


def _renamed(value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give a mapping's pairs; names that are no field's are numbered instead."""
    for number, (name, said) in enumerate(value.items(), start=1):
        yield (name if _FIELD_NAME.match(name) else f"<name {number}>"), said
