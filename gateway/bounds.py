"""Bounds on an item's size and complexity: above any real event, and cheap enough to judge."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from events.cloudevent import refuse_large
from events.errors import ContractError, RefusalReason
from events.person_data import shown_step
from gateway.http_binding import STRUCTURED_HEADERS, ReceivedItem

MOST_PARTS: Final = 1_000
"""Values in an item, including objects and lists: an event has about twenty."""
LONGEST_NAME: Final = 1_024
"""Characters of a name."""
LONGEST_ATTRIBUTE: Final = 2_048
"""Characters of an attribute's text, extensions included: enough for a long URI."""
MOST_MARKS: Final = 30
"""Combining marks in a row, as in stream-safe text (UAX #15): each reader has to sort them."""

#: No ASCII item of at most so many bytes breaks a bound.
_SMALL: Final = LONGEST_NAME
_DATA: Final = "data"
#: Lower code points are no marks: a run of marks is part of a run of higher ones.
_RUN: Final = re.compile(rf"[^\x00-\u02ff]{{{MOST_MARKS + 1},}}")


def refuse_unbounded(item: ReceivedItem) -> None:
    """Raise ContractError (too_large or too_complex) where an item breaks one of the bounds.

    An item that is not JSON counts as one text. Names no field that may hold personal data.
    """
    value = item.value
    # Nearly every event is known to be within all bounds by these conditions.
    if (
        len(value) <= _SMALL
        and item.headers is STRUCTURED_HEADERS
        and value.isascii()
        and b"\\u" not in value
    ):
        return
    # As workers do, who read the record: an event with a receipt must not be refused there.
    refuse_large(item.headers, value)
    if isinstance(item.content, dict):
        _refuse_long_attributes(item.content)
    parts: list[Any] = [item.content]
    for part in parts:
        if isinstance(part, str):
            _refuse_marks(part)
        elif isinstance(part, dict):
            _refuse_names(part)
            parts += part.values()
        elif isinstance(part, list):
            parts += part
        if len(parts) > MOST_PARTS:
            raise _too_complex("value", None, f"send at most {MOST_PARTS} values in an event")


def _refuse_long_attributes(content: Mapping[str, Any]) -> None:
    for name, value in content.items():
        if name != _DATA and isinstance(value, str) and len(value) > LONGEST_ATTRIBUTE:
            size = f"{len(value)} characters"
            remedy = f"send attributes of at most {LONGEST_ATTRIBUTE} characters"
            raise _too_complex(shown_step(name), size, remedy)


def _refuse_names(names: Iterable[str]) -> None:
    for name in names:
        if len(name) > LONGEST_NAME:
            remedy = f"send names of at most {LONGEST_NAME} characters"
            raise _too_complex("value", f"a name of {len(name)} characters", remedy)
        _refuse_marks(name)


def _refuse_marks(text: str) -> None:
    if text.isascii():
        return
    for run in _RUN.finditer(text):
        marks = 0
        for sign in run[0]:
            marks = marks + 1 if unicodedata.category(sign).startswith("M") else 0
            if marks > MOST_MARKS:
                remedy = f"send at most {MOST_MARKS} combining marks in a row"
                raise _too_complex("value", None, remedy)


def _too_complex(field: str, value: str | None, remedy: str) -> ContractError:
    return ContractError(RefusalReason.TOO_COMPLEX, field, value, remedy)
