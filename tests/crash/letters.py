"""Dead letters: each is replayed or discarded, or still open; no outcome without its copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from broker.writing import KafkaWriter
from events.cloudevent import encode_structured
from events.dead_letters import REPLAY_OF, LetterPosition, RecordOrigin
from events.errors import ContractError, RefusalReason
from events.registry import Family
from events.topics import topic_name
from operations.dead_letters.entry import Entry, EntryStatus
from operations.dead_letters.ledger import read_entries
from tests.crash.stage import Command
from tests.crash.topics import Topics
from tests.support.histories import event, uai
from tests.support.letters import refused

__all__ = ["Discarding", "Replaying"]

_TOPIC: Final = topic_name(Family.SCHOOLS)
_LETTERS, _CHUNK = 25, 10
"""Of a case, and those that are sent together."""
_REFUSED_AT: Final = datetime(2019, 6, 30, tzinfo=UTC)


class Replaying:
    """Letters whose records are valid now are replayed."""

    name = "replay"
    files = ()

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    def case(self, _: Path) -> _Replay:
        """Prepare letters that wait."""
        return _Replay(self._topics)


class Discarding:
    """Letters are discarded."""

    name = "discard"
    files = ()

    def __init__(self, topics: Topics) -> None:
        self._topics = topics

    def case(self, _: Path) -> _Discard:
        """Prepare letters that wait."""
        return _Discard(self._topics)


class _Letters:
    """Letters of a case, and what became of them."""

    outcome: EntryStatus
    arguments: tuple[str, ...]

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        topics.empty()
        error = ContractError(RefusalReason.UNKNOWN_TYPE, "type", "planted", "wait")
        self._values = set()
        letters = []
        for number in range(_LETTERS):
            record = encode_structured(
                event("school.registered", uai(f"075{number:04}"), "2018-01-01")
            )
            self._values.add(record.value)
            letters.append(
                refused(
                    error,
                    origin=RecordOrigin(_TOPIC, 0, number),
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
        """Yield letters that are lost, and outcomes that are not true."""
        entries = self._entries()
        if len(entries) != _LETTERS:
            yield f"{len(entries)} of {_LETTERS} letters are there"
        for entry in entries:
            if entry.status not in {EntryStatus.WAITING, self.outcome}:
                yield f"{entry.letter.position} is {entry.status}"

    def ended(self) -> Iterator[str]:
        """Yield letters without the outcome."""
        yield from self.cut_short()
        waiting = [one for one in self._entries() if one.status is not self.outcome]
        if waiting:
            yield f"{len(waiting)} of {_LETTERS} letters still wait"

    def _entries(self) -> list[Entry]:
        foreign: list[ValueError] = []
        found = list(read_entries(self._topics.bootstrap, on_foreign_record=foreign.append))
        assert foreign == []
        return found


class _Replay(_Letters):
    outcome = EntryStatus.REPLAYED
    arguments = ("replay",)

    def cut_short(self) -> Iterator[str]:
        """Yield, besides, what is noted as replayed without its copy on the topic."""
        # The outcomes first: a copy that the broker has not taken yet when it is asked for is not
        # taken for missing.
        yield from super().cut_short()
        noted = {one.letter.position for one in self._entries() if one.status is self.outcome}
        if lost := noted - self._copies().keys():
            yield f"noted as replayed, and not on the topic: {sorted(map(str, lost))}"

    def ended(self) -> Iterator[str]:
        """Yield, besides, letters without a copy, and more copies than of one chunk."""
        yield from super().ended()
        copies = self._copies()
        if copies.keys() != {one.letter.position for one in self._entries()}:
            yield f"{len(copies)} of {_LETTERS} letters have a copy"
        if (twice := copies.total() - len(copies)) > _CHUNK:
            yield f"{twice} were sent twice, more than a chunk"
        if {record.value for record in self._topics.read(_TOPIC)} != self._values:
            yield "the copies are not the letters' records"

    def _copies(self) -> Counter[LetterPosition]:
        return Counter(
            LetterPosition.parse(value.decode())
            for record in self._topics.read(_TOPIC)
            for name, value in record.headers
            if name == REPLAY_OF and value is not None
        )


class _Discard(_Letters):
    outcome = EntryStatus.DISCARDED
    arguments = ("discard", "--all", "--because", "essai")

    def ended(self) -> Iterator[str]:
        """Yield, besides, what was sent."""
        yield from super().ended()
        if sent := self._topics.read(_TOPIC):
            yield f"{len(sent)} records were sent"
