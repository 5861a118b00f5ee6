"""Records that name an erased person and are not about that person.

An event about another entity may name a pseudonym in its id, its source or an extension; a state
keeps ids and sources; a dead letter keeps a refused record; a reason written by hand may name one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from events.dead_letters import DeadLetter, NotADeadLetterError, RecordOrigin, read_dead_letter
from events.records import Record
from events.topics import DEAD_LETTERS, declared_topics, topic_name
from operations.erasure.persons import PERSONS, Persons

_SEGMENT: Final = timedelta(days=7)
"""How long a broker appends to a file, by default (`log.roll.hours`): it deletes whole files."""
_LETTERS_KEPT: Final = _SEGMENT + next(
    timedelta(milliseconds=topic.retention_ms or 0)
    for topic in declared_topics()
    if topic.name == DEAD_LETTERS
)


@dataclass(frozen=True, slots=True)
class LetterTrace:
    """A dead letter that names a person, or has a record that names one or was about one."""

    letter: DeadLetter
    names: bool
    """False: the letter does not keep its record, which was about a person."""

    @property
    def gone_by(self) -> datetime:
        """When the letter is gone at the latest: its file is deleted once the last one in it is."""
        return self.letter.time + _LETTERS_KEPT

    def __str__(self) -> str:
        how = "names one" if self.names else "is of a record of one"
        return f"{self.letter.position} {how}, kept until {self.gone_by:%Y-%m-%d}"


def find_mentions(records: Iterable[Record], persons: Persons) -> Iterator[RecordOrigin]:
    """Yield where records lie that name a person and are not erased themselves."""
    for record in records:
        is_erased = record.topic == topic_name(PERSONS) and persons.concerned_by(record)
        if persons.mentioned_in(record) and not is_erased:
            yield RecordOrigin(record.topic, record.partition, record.offset)


def find_letters(
    records: Iterable[Record],
    persons: Persons,
    *,
    erased: Iterable[RecordOrigin],
    mentions: Iterable[RecordOrigin] = (),
) -> Iterator[LetterTrace]:
    """Yield the dead letters that name a person, or are of one of the records `erased`.

    One that does not keep its record names a person where that is among `mentions`: a replay would
    read it from its topic.
    """
    origins = frozenset(erased)
    naming = frozenset(mentions)
    for record in records:
        try:
            letter = read_dead_letter(record)
        except NotADeadLetterError:
            continue
        names = persons.mentioned_in(record) or not naming.isdisjoint(letter.origins)
        if names or not origins.isdisjoint(letter.origins):
            yield LetterTrace(letter, names)
