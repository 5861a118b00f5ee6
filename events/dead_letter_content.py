"""What a dead letter keeps of a refused record: all of it, or only why it was refused.

A record is kept if all of it was read, by the same rules for every reader, and nothing in it looks
like personal data. An unread part may hold anything: a name after the end of a truncated text, an
address in a repeated key. So may a text in a field that no contract has, or several words where a
contract has a code: a comment, an extra column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final, NamedTuple

from events.cloudevent import EVENT_MODELS, PREFIX
from events.dead_letter_policy import DEAD_LETTER_POLICY
from events.errors import ContractError
from events.fact import JSON
from events.identifiers import is_label
from events.person_data import find_person_data, has_words
from events.records import CutPart
from events.registry import FACTS
from events.strict_json import read_value

_ENCODED: Final = "data_base64"
#: A text with this beginning is JSON within JSON, whose names and values are not checked.
_JSON_BEGINS: Final = ("{", "[")
_HTTP_PREFIX: Final = "ce-"
_DATA: Final = "data"
_LETTER: Final = re.compile(r"[^\W\d_]")
_INDEX: Final = re.compile(r"[0-9]{1,4}")
#: Replaces a part of a field's path that is not shown.
WITHHELD: Final = "…"

_OUR_NAMES: Final = frozenset(
    (
        *("value", "key", "timestamp", "body", "data", "content-type", _ENCODED),
        *(name for one in (*EVENT_MODELS.values(), *FACTS.values()) for name in one.model_fields),
    )
)


class LetterContent(NamedTuple):
    """The content of a dead letter that depends on the refused record."""

    keeps_record: bool
    error: ContractError
    """Why the record was refused, without content of a record that is not kept."""


def letter_content(
    error: ContractError,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes | None]],
    *,
    was_read: bool = True,
) -> LetterContent:
    """Return the content of a refused record's dead letter.

    Without `was_read`, the caller has not read all of the record: it is not kept in any case.
    """
    if was_read and may_be_kept(key, value, headers):
        return LetterContent(keeps_record=True, error=error)
    return LetterContent(keeps_record=False, error=without_foreign_text(error))


def may_be_kept(
    key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
) -> bool:
    """Return whether all of a record can be read and nothing in it looks like personal data.

    A record above the size limit of an event is not read. A missing or empty value holds nothing.
    """
    if isinstance(key, CutPart) or isinstance(value, CutPart):
        return False
    sizes = (len(name.encode()) + len(content or b"") for name, content in headers)
    size = len(key or b"") + len(value or b"") + sum(sizes)
    if size > DEAD_LETTER_POLICY.max_kept_bytes:
        return False
    try:
        texts = [(name, (content or b"").decode()) for name, content in headers]
        key_text = (key or b"").decode()
        content = _read(value.decode()) if value else None
    except (UnicodeDecodeError, _NotReadError):
        return False
    attributes = {
        name.lower().removeprefix(PREFIX): text
        for name, text in texts
        if name.lower().startswith(PREFIX)
    }
    if _ENCODED in attributes:
        return False
    # In binary mode, the headers have the type, which determines the contract's own fields.
    event = {**attributes, "data": content} if attributes else content
    others: list[JSON] = [key_text]
    others += [{name: text} for name, text in texts]
    if _has_free_text(event) or any(map(_is_free, (key_text, *(text for _, text in texts)))):
        return False
    return find_person_data(event) is None and find_person_data(others) is None


@lru_cache(maxsize=1000)
def contract_field(field: str) -> str:
    """Return a refused field's path, with `…` for every name that no contract has."""
    prefix = next((one for one in (PREFIX, _HTTP_PREFIX) if field.startswith(one)), "")
    steps = field.removeprefix(prefix).split(".")
    known = [step if step in _OUR_NAMES or _INDEX.fullmatch(step) else WITHHELD for step in steps]
    return prefix + ".".join(known)


def without_foreign_text(error: ContractError) -> ContractError:
    """Return a refusal with its problem and remedy, without any refused content."""
    field = contract_field(error.field)
    return ContractError(error.reason, field, None, error.remedy, problem=error.problem)


class _NotReadError(Exception):
    """A part of a value was not read."""


def _read(text: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        read = read_value(text)
    except ContractError:
        raise _NotReadError from None
    if not read.is_read or any(map(_is_encoded, _parts(read.data))):
        raise _NotReadError
    return read.data


def _parts(content: Any) -> Iterator[Any]:  # noqa: ANN401 - any JSON
    waiting = [content]
    for value in waiting:
        yield value
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


class _Text(Enum):
    """The text that a field may have."""

    FOR_READERS = auto()
    CODE = auto()
    """No more than one word."""
    UNKNOWN = auto()
    """No contract has the field: no letters."""


_FIELDS: Final = {
    name: _Text.FOR_READERS if is_label(field) else _Text.CODE
    for model in (*EVENT_MODELS.values(), *FACTS.values())
    for name, field in model.model_fields.items()
    if name != _DATA
}


def _has_free_text(content: Any) -> bool:  # noqa: ANN401 - any JSON
    """Return whether any text has several words, or letters in a field that no contract has."""
    waiting = list(_texts(content))
    for value, kind in waiting:
        if isinstance(value, str):
            if kind is not _Text.FOR_READERS and _is_free(value):
                return True
            if kind is _Text.UNKNOWN and _LETTER.search(value):
                return True
        elif isinstance(value, dict):
            waiting += [(name, _Text.CODE) for name in value]
            waiting += [(part, _Text.UNKNOWN) for part in value.values()]
        elif isinstance(value, list):
            inner = _Text.UNKNOWN if kind is _Text.FOR_READERS else kind
            waiting += [(part, inner) for part in value]
    return False


def _texts(content: Any) -> Iterator[tuple[Any, _Text]]:  # noqa: ANN401 - any JSON
    if not isinstance(content, dict):
        yield content, _Text.UNKNOWN
    elif isinstance(fact := content.get(_DATA), dict):
        attributes = {name: value for name, value in content.items() if name != _DATA}
        yield [*attributes, *attributes.values()], _Text.CODE
        yield from _texts_of_fact(fact)
    else:  # A fact without its envelope, or something unknown.
        yield from _texts_of_fact(content)


def _texts_of_fact(fact: dict[str, Any]) -> Iterator[tuple[Any, _Text]]:
    for name, value in fact.items():
        yield name, _Text.CODE
        yield value, _FIELDS.get(name, _Text.UNKNOWN)


def _is_free(text: str) -> bool:
    return has_words(text) or _is_encoded(text)


def _is_encoded(value: Any) -> bool:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return _ENCODED in value
    return isinstance(value, str) and value.lstrip().startswith(_JSON_BEGINS)
