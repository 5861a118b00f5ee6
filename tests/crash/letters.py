"""Dead letters: each is replayed or discarded, or still open; no outcome without its copy."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Final

from broker.stored_record import RawRecord
from broker.writing import KafkaWriter
from events.cloudevent import encode_structured
from events.dead_letters import REPLAY_OF, LetterPosition, RecordOrigin
from events.errors import ContractError, RefusalReason
from events.fact import Family
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, topic_name
from operations.dead_letters.entry import Entry, EntryStatus
from operations.dead_letters.ledger import join_entries
from tests.crash.stage import Command
from tests.crash.topics import Topics
from tests.support.histories import event, uai
from tests.support.letters import refused

_TOPIC: Final = topic_name(Family.SCHOOLS)
_LETTERS, _CHUNK = 6, 2
"""Of a case, and those that are sent together."""
_offsets = count()  # The outcomes of a case hold for its records in the next one, too.
_REFUSED_AT: Final = datetime(2019, 6, 30, tzinfo=UTC)


@dataclass(frozen=True)
class _Found:
    """The letters with their outcomes, and the records of the event topic."""

    entries: list[Entry]
    sent: list[RawRecord]

    @property
    def copies(self) -> Counter[LetterPosition]:
        return Counter(
            LetterPosition.parse(value.decode())
            for record in self.sent
            for name, value in record.headers
            if name == REPLAY_OF and value is not None
        )


class _Letters(ABC):
    outcome: EntryStatus
    arguments: tuple[str, ...]

    def __init__(self, topics: Topics, _: Path) -> None:
        self._topics = topics
        topics.empty()
        error = ContractError(RefusalReason.UNKNOWN_TYPE, "type", "planted", "wait")
        self.values = set()
        letters = []
        for number in range(_LETTERS):
            record = encode_structured(
                event("school.registered", uai(f"075{number:04}"), "2018-01-01")
            )
            self.values.add(record.value)
            letters.append(
                refused(
                    error,
                    origin=RecordOrigin(_TOPIC, 0, next(_offsets)),
                    key=record.key,
                    value=record.value,
                    headers=record.headers,
                    now=_REFUSED_AT,
                )
            )
        with KafkaWriter(topics.bootstrap) as writer:
            writer.send(letters)
        self.command = Command(
            "smart_region",
            ("dead-letters", *self.arguments),
            topics.variables,
            constants={"operations.dead_letters.replay.CHUNK": _CHUNK},
        )

    def cut_short(self) -> Iterator[str]:
        return self.problems(self._found())

    def ended(self, cuts: int) -> Iterator[str]:
        found = self._found()
        yield from self.problems(found)
        if waiting := sum(one.status is not self.outcome for one in found.entries):
            yield f"{waiting} of {_LETTERS} letters still wait"
        yield from self.problems_of_all(found, cuts)

    def problems(self, found: _Found) -> Iterator[str]:
        """Yield what may not be at any time."""
        if len(found.entries) != _LETTERS:
            yield f"{len(found.entries)} of {_LETTERS} letters are there"
        for entry in found.entries:
            if entry.status not in {EntryStatus.WAITING, self.outcome}:
                yield f"{entry.letter.position} is {entry.status}"

    @abstractmethod
    def problems_of_all(self, found: _Found, cuts: int) -> Iterator[str]:
        """Yield what may not be once all letters have their outcome."""

    def _found(self) -> _Found:
        records = self._topics.read(DEAD_LETTER_OUTCOMES, DEAD_LETTERS, _TOPIC)
        foreign: list[ValueError] = []
        entries = join_entries(
            [one for one in records if one.topic == DEAD_LETTERS],
            [one for one in records if one.topic == DEAD_LETTER_OUTCOMES],
            on_foreign_record=foreign.append,
        )
        found = _Found(list(entries), [one for one in records if one.topic == _TOPIC])
        assert foreign == []
        return found


class Replaying(_Letters):
    outcome = EntryStatus.REPLAYED
    arguments = ("replay",)

    def problems(self, found: _Found) -> Iterator[str]:
        """Yield, besides, what is noted as replayed without its copy on the topic."""
        yield from super().problems(found)
        noted = {one.letter.position for one in found.entries if one.status is self.outcome}
        if lost := noted - found.copies.keys():
            yield f"noted as replayed, and not on the topic: {sorted(map(str, lost))}"

    def problems_of_all(self, found: _Found, cuts: int) -> Iterator[str]:
        copies = found.copies
        if copies.keys() != {one.letter.position for one in found.entries}:
            yield f"{len(copies)} of {_LETTERS} letters have a copy"
        if (again := copies.total() - len(copies)) > cuts * _CHUNK:
            yield f"{again} were sent again, more than a chunk for each run cut short"
        if {record.value for record in found.sent} != self.values:
            yield "the copies are not the letters' records"


class Discarding(_Letters):
    outcome = EntryStatus.DISCARDED
    arguments = ("discard", "--all", "--because", "essai")

    def problems_of_all(self, found: _Found, cuts: int) -> Iterator[str]:
        del cuts
        if found.sent:
            yield f"{len(found.sent)} records were sent"
