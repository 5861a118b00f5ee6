"""The persons of an erasure: their pseudonyms, and the records and facts about them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from events.dead_letters import RecordOrigin
from events.errors import ContractError
from events.fact import Family
from events.identifiers import PseudonymousId
from events.producers.ownership import ERASURE
from events.record_rules import RULES, RecordRules
from events.records import Record
from operations.erasure.rewriting import can_be_copied
from streams.state import cell_of, newest

PERSONS: Final = Family.TRAININGS
"""The family whose entities are persons."""

_SOON: Final = timedelta(microseconds=1)
_ESCAPED: Final = re.compile(rb"\\u00([0-7][0-9a-f])")
_READ: Final = TypeAdapter[str](PseudonymousId).validate_python


def read_pseudonyms(lines: Iterable[str]) -> frozenset[str]:
    """Return the pseudonyms, one a line; blank lines are ignored. Raises SmartRegionError."""
    found = set()
    for number, line in enumerate(lines, start=1):
        if text := line.strip():
            try:
                found.add(_READ(text))
            except ValidationError:
                raise SmartRegionError(
                    f"line {number}: is no pseudonym, 16 to 64 lower-case letters, digits and"
                    " hyphens: give one a line, as `smart-region pseudonymise` writes them;"
                    " nothing was erased"
                ) from None
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

    def __init__(
        self,
        pseudonyms: Collection[str],
        rules: RecordRules = RULES,
        skipped: Collection[RecordOrigin] = frozenset(),
    ) -> None:
        """`skipped` are the records that every reader refuses unread, on a decision."""
        self.pseudonyms = frozenset(pseudonyms)
        self._rules = rules
        self._skipped = skipped
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

    def is_skipped(self, record: Record) -> bool:
        """Return whether an operator decided to skip a record."""
        return (record.topic, record.partition, record.offset) in self._skipped

    def event_of(self, record: Record) -> CloudEvent | None:
        """Return the valid event of a record where it is about a person, else None."""
        event = self._read(record)
        return None if event is None or event.fact.entity_id not in self.pseudonyms else event

    def concerned_by(self, record: Record) -> bool:
        """Return whether a record is to be erased.

        It is where it is about a person or, where it is invalid or skipped, names one. A valid
        record about another entity stays.
        """
        event = self._read(record)
        if event is None:
            return self._named_alone(record)
        return event.fact.entity_id in self.pseudonyms

    def _read(self, record: Record) -> CloudEvent | None:
        if self.is_skipped(record):
            return None
        try:
            return self._rules.decode(record, family=PERSONS)
        except ContractError:
            return None

    def _named_alone(self, record: Record) -> bool:
        readings = (one for text in _texts(record) for one in _readings(text))
        return any(map(self._alone.search, readings))

    def is_lost(self, record: Record) -> bool:
        """Return whether a rewrite loses a record because it cannot be copied.

        A copy of a skipped one would be read, at an offset that no decision names.
        """
        return self.is_skipped(record) or not can_be_copied(record)


@dataclass(slots=True)
class Traces:
    """The records about some persons: number, origins, and the latest event of each fact."""

    records: int = 0
    persons: set[str] = field(default_factory=set)
    partitions: set[int] = field(default_factory=set)
    origins: set[RecordOrigin] = field(default_factory=set)
    not_copied: Counter[int] = field(default_factory=Counter)
    """By partition, the records of others that a rewriting cannot keep."""
    latest: dict[tuple[str, str, date], CloudEvent] = field(default_factory=dict)
    """By person, fact and effective day."""


def find_traces(records: Iterable[Record], persons: Persons) -> Traces:
    """Return the traces of some persons among the records of the event topic."""
    traces = Traces()
    for record in records:
        if not persons.concerned_by(record):
            traces.not_copied[record.partition] += persons.is_lost(record)
            continue
        traces.records += 1
        traces.partitions.add(record.partition)
        traces.origins.add(RecordOrigin.of(record))
        event = persons.event_of(record)
        if event is None:
            continue
        fact = event.fact
        traces.persons.add(fact.entity_id)
        key = (fact.entity_id, fact.NAME, fact.effective_day)
        known = traces.latest.get(key)
        cell = cell_of(event)
        if known is None or newest(cell, cell_of(known)) is cell:
            traces.latest[key] = event
    return traces


def retractions(traces: Traces, *, now: datetime) -> list[CloudEvent]:
    """Return the events that retract the facts still in force; each is newer than its fact's."""
    return [
        CloudEvent(
            id=uuid4().hex,
            source=ERASURE,
            time=max(now, event.time + _SOON),
            fact=event.fact.model_copy(update={"retracted": True}),
        )
        for event in traces.latest.values()
        if not event.fact.retracted
    ]
