"""Reads JSON as defined by RFC 8259; Python's and pydantic's parsers accept more.

A repeated key in an object, NaN and Infinity, deep nesting, an unpaired surrogate: each is reported
as a defect of its value, so that other values in a batch are still read. A text that Python cannot
parse at all, with a number of thousands of digits or a thousand levels, is refused as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from events.errors import ContractError, RefusalReason

DEEPEST: Final = 32
"""How deep a value may nest: a fact has two or three levels."""
FIELD: Final = "value"

_SPACE: Final = " \t\n\r"
_NOT_SPACE: Final = re.compile(r"[^ \t\n\r]")
#: The tokens that determine the depth of a value: whole strings and brackets.
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_DEPTH: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


class JsonText(NamedTuple):
    """A value as text, as Python data, and its defect if any.

    `data` loses nothing: a repeated key has the list of its values. It is None, and `is_read` is
    False, if the value has a defect that makes it unreadable.
    """

    text: str
    data: Any
    defect: ContractError | None = None
    is_read: bool = True


def read_value(text: str) -> JsonText:
    """Read a text that is one value. Raises ContractError (invalid_json) if it is not."""
    reader = _Reader(text)
    value = reader.value(reader.skip_space(0))
    reader.expect_end(reader.after)
    return value


def read_array(text: str) -> Iterator[JsonText]:
    """Read the values of an array one by one.

    Raises ContractError (invalid_json) at the first place where the text is not an array of JSON
    values: the caller must then drop the values yielded before.
    """
    reader = _Reader(text)
    at = reader.skip_space(0)
    if text[at : at + 1] != "[":
        raise _refusal("is not an array", "send the events in [ and ]")
    at = reader.skip_space(at + 1)
    if text[at : at + 1] == "]":
        reader.expect_end(at + 1)
        return
    while True:
        yield reader.value(at)
        at = reader.skip_space(reader.after)
        separator = text[at : at + 1]
        if separator == "]":
            reader.expect_end(at + 1)
            return
        if separator != ",":
            raise _refusal(f"is not valid JSON (expected , or ] at {at})", "send one JSON array")
        at = reader.skip_space(at + 1)


class _Reader:
    """Reads values from one text, and knows where the last one ended."""

    def __init__(self, text: str) -> None:
        self.after = 0
        self._text = text
        # Not this reader's own methods: its decoder would keep it, and its text, alive in a cycle.
        self._hooks = _Hooks()
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._hooks.object, parse_constant=self._hooks.constant
        )

    def skip_space(self, at: int) -> int:
        """Return where the next token begins."""
        if self._text[at : at + 1] not in _SPACE:  # At the end, this is "", which is in it.
            return at
        found = _NOT_SPACE.search(self._text, at)
        return len(self._text) if found is None else found.start()

    def value(self, at: int) -> JsonText:
        """Read the value that begins here."""
        self._hooks.defect = None
        try:
            data, self.after = self._decoder.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            problem = f"is not valid JSON ({error.msg} at {error.pos})"
            raise _refusal(problem, "send JSON in UTF-8") from None
        except RecursionError:
            raise _nested() from None
        except ValueError:  # A number that Python refuses to convert.
            remedy = "send numbers of at most 300 digits"
            raise _refusal("has a number without end", remedy) from None
        text = self._text[at : self.after]
        if text.count("{") + text.count("[") > DEEPEST and _depth(text) > DEEPEST:
            return JsonText(text, None, _nested(), is_read=False)
        if "\\u" in text and _ESCAPED_SURROGATE.search(text) and not _is_unicode(data):
            problem = "has half of a pair of surrogates"
            defect = _refusal(problem, "escape characters beyond U+FFFF as two \\u, or not at all")
            return JsonText(text, None, defect, is_read=False)
        return JsonText(text, data, self._hooks.defect)

    def expect_end(self, at: int) -> None:
        """Refuse anything except white space from here on."""
        at = self.skip_space(at)
        if at != len(self._text):
            problem = f"is not valid JSON (more after its end at {at})"
            raise _refusal(problem, "send one JSON value")


class _Hooks:
    """The decoder's callbacks, and the first defect that they found in a value."""

    def __init__(self) -> None:
        self.defect: ContractError | None = None

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Return an object with these pairs."""
        data = dict(pairs)
        if len(data) == len(pairs):
            return data
        # Other readers take the first of two values, or both: none may be skipped.
        every: dict[str, list[Any]] = {}
        for key, value in pairs:
            every.setdefault(key, []).append(value)
        if self.defect is None:
            twice = next(key for key, values in every.items() if len(values) > 1)
            remedy = "send each field once"
            self.defect = _refusal("has a key twice in one object", remedy, value=twice)
        return {key: values if len(values) > 1 else values[0] for key, values in every.items()}

    def constant(self, name: str) -> None:
        """Note a number that JSON does not have."""
        if self.defect is None:
            problem = "is not valid JSON (no such number)"
            self.defect = _refusal(problem, "leave the field out", value=name)


def _is_unicode(data: Any) -> bool:  # noqa: ANN401 - any JSON
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _depth(text: str) -> int:
    depth = deepest = 0
    for token in _TOKEN.finditer(text):
        depth += _DEPTH.get(token[0], 0)
        deepest = max(deepest, depth)
    return deepest


def _nested() -> ContractError:
    remedy = f"send at most {DEEPEST} levels; a fact has two or three"
    return _refusal("is nested too deep", remedy)


def _refusal(problem: str, remedy: str, *, value: str | None = None) -> ContractError:
    # The text around a mistake is not repeated: it was not searched for personal data.
    return ContractError(RefusalReason.INVALID_JSON, FIELD, value, remedy, problem=problem)
