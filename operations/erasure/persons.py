"""The persons of an erasure: their pseudonyms, and the records about them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from pydantic import TypeAdapter, ValidationError

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from events.errors import ContractError
from events.fact import Family
from events.identifiers import PseudonymousId
from events.record_rules import RULES, RecordRules
from events.records import Record

__all__ = ["PERSONS", "NotAPseudonymError", "Persons", "read_pseudonyms"]

PERSONS: Final = Family.TRAININGS
"""The family whose entities are persons."""

_ESCAPED: Final = re.compile(rb"\\u00([0-7][0-9a-f])")
_READ: Final = TypeAdapter[str](PseudonymousId).validate_python


class NotAPseudonymError(SmartRegionError):
    """A line is no pseudonym; the message does not repeat it."""

    def __init__(self, line: int) -> None:
        super().__init__(
            f"line {line}: is no pseudonym, 16 to 64 lower-case letters, digits and hyphens: give"
            " one a line, as `smart-region pseudonymise` writes them; nothing was erased"
        )


def read_pseudonyms(lines: Iterable[str]) -> frozenset[str]:
    """Return the pseudonyms, one a line; blank lines are ignored. Raises NotAPseudonymError."""
    found = set()
    for number, line in enumerate(lines, start=1):
        if text := line.strip():
            try:
                found.add(_READ(text))
            except ValidationError:
                raise NotAPseudonymError(number) from None
    return frozenset(found)


def _texts(record: Record) -> Iterator[bytes]:
    for name, content in record.headers or ():
        yield name.encode()
        yield content or b""
    yield record.key or b""
    yield record.value or b""


def _readings(text: bytes) -> Iterator[bytes]:
    """Yield a text in lower case and, where it may be encoded, decoded."""
    plain = text.lower()
    yield plain
    if b"\x00" in plain or b"\\u00" in plain or b"%" in plain:
        yield unquote_to_bytes(_ESCAPED.sub(_unescaped, plain.replace(b"\x00", b""))).lower()


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)])


class Persons:
    """Persons, by their pseudonyms."""

    def __init__(self, pseudonyms: Collection[str], rules: RecordRules = RULES) -> None:
        self.pseudonyms = frozenset(pseudonyms)
        self._rules = rules
        keys = sorted(pseudonym.encode() for pseudonym in self.pseudonyms)
        together = b"(?:" + (b"|".join(map(re.escape, keys)) or rb"(?!)") + b")"
        # A pseudonym may be the beginning of another one; and a part of an id: `enrolled-k1-…`.
        self._alone = re.compile(rb"(?<![a-z0-9-])" + together + rb"(?![a-z0-9-])")
        self._anywhere = re.compile(rb"(?<![a-z0-9])" + together + rb"(?![a-z0-9])")

    def mentioned_in(self, record: Record) -> bool:
        """Return whether a record names a person: in its key, its value or its headers."""
        return any(map(self.named_in, _texts(record)))

    def named_in(self, text: bytes) -> bool:
        """Return whether a text names a person: plain, in UTF-16, or escaped as in JSON or a URI.

        A longer pseudonym that contains one between hyphens does as well: they cannot be separated.
        """
        return any(map(self._anywhere.search, _readings(text)))

    def event_of(self, record: Record) -> CloudEvent | None:
        """Return the valid event of a record where it is about a person, else None."""
        try:
            event = self._rules.decode(record, family=PERSONS)
        except ContractError:
            return None
        return event if event.fact.entity_id in self.pseudonyms else None

    def concerned_by(self, record: Record) -> bool:
        """Return whether a record is to be erased.

        It is where it is about a person or, where it is invalid, names one. A valid record about
        another entity stays.
        """
        try:
            event = self._rules.decode(record, family=PERSONS)
        except ContractError:
            readings = (one for text in _texts(record) for one in _readings(text))
            return any(map(self._alone.search, readings))
        return event.fact.entity_id in self.pseudonyms
