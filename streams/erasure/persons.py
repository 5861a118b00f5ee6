"""Whom an erasure is about: pseudonyms, and which records are about them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from events.errors import ContractError
from events.fact import Family
from events.identifiers import PseudonymousId
from events.record_time import TIME_TOLERANCE, decode_record
from streams.erasure.errors import NotAPseudonymError

if TYPE_CHECKING:
    from datetime import timedelta

    from events.cloudevent import CloudEvent
    from events.records import Record

__all__ = ["PERSONS", "Persons", "read_pseudonyms"]

PERSONS: Final = Family.TRAININGS
"""The family whose entities are persons."""

_READ: Final = TypeAdapter[str](PseudonymousId).validate_python


def read_pseudonyms(lines: Iterable[str]) -> frozenset[str]:
    """Read one pseudonym a line; blank lines count as none. Raises NotAPseudonymError."""
    found = set()
    for number, line in enumerate(lines, start=1):
        if text := line.strip():
            try:
                found.add(_READ(text))
            except ValidationError:
                raise NotAPseudonymError(number) from None
    return frozenset(found)


class Persons:
    """Some persons, known by their pseudonyms."""

    def __init__(self, pseudonyms: Collection[str], tolerance: timedelta = TIME_TOLERANCE) -> None:
        self.pseudonyms = frozenset(pseudonyms)
        self._tolerance = tolerance
        self._keys = {pseudonym.encode() for pseudonym in self.pseudonyms}
        together = b"|".join(map(re.escape, sorted(self._keys))) or rb"(?!)"
        # A pseudonym may be the beginning of another one.
        self._mention = re.compile(rb"(?<![a-z0-9-])(?:" + together + rb")(?![a-z0-9-])")

    def mentioned_in(self, record: Record) -> bool:
        """Tell whether a record names one of them: in its key, its value or its headers."""
        texts = (record.key, record.value, *(value for _, value in record.headers or ()))
        return any(text is not None and self._mention.search(text) for text in texts)

    def event_of(self, record: Record) -> CloudEvent | None:
        """Return the valid event about one of them that a record holds."""
        try:
            event = decode_record(record, family=PERSONS, tolerance=self._tolerance)
        except ContractError:
            return None
        return event if event.fact.entity_id in self.pseudonyms else None

    def concerned_by(self, record: Record) -> bool:
        """Tell whether a record has to go.

        That is one that is about one of them; or, where no contract takes it, one that names them.
        What is about somebody else stays.
        """
        try:
            event = decode_record(record, family=PERSONS, tolerance=self._tolerance)
        except ContractError:
            return self.mentioned_in(record)
        return event.fact.entity_id in self.pseudonyms
