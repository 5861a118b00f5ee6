"""Records that name an erased person and are not about that person.

An event about another entity may name a pseudonym in its id, its source or an extension; a state
keeps ids and sources; a dead letter keeps a refused record; a reason written by hand may name one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from events.cloudevent import CONTENT_TYPE, PREFIX, Attributes
from events.dead_letters import DeadLetter, NotADeadLetterError, RecordOrigin, read_dead_letter
from events.records import Record
from events.topics import DEAD_LETTER_OUTCOMES, DEAD_LETTERS, declared_topics, topic_name
from operations.erasure.persons import PERSONS, Persons

_SHOWN_NAME: Final = 20
_KNOWN: Final = frozenset((*Attributes.model_fields, "type", "data"))
_SEGMENT: Final = timedelta(days=7)
"""How long a broker goes on with a file, by default (`log.roll.hours`): it deletes whole ones."""
_LETTERS_KEPT: Final = _SEGMENT + next(
    timedelta(milliseconds=topic.retention_ms or 0)
    for topic in declared_topics()
    if topic.name == DEAD_LETTERS
)


@dataclass(frozen=True, slots=True, order=True)
class Mention:
    """A record that names a person, and the parts that do; their content is not shown."""

    topic: str
    partition: int
    offset: int
    parts: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}: in {', '.join(self.parts)}"


@dataclass(frozen=True, slots=True)
class LetterTrace:
    """A dead letter that names a person, or one of whose records names one or was about one."""

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


def find_mentions(records: Iterable[Record], persons: Persons) -> Iterator[Mention]:
    """Yield the records that name a person and are not erased themselves."""
    for record in records:
        is_erased = record.topic == topic_name(PERSONS) and persons.concerned_by(record)
        if persons.mentioned_in(record) and not is_erased:
            parts = tuple(dict.fromkeys(_parts(record, persons)))
            yield Mention(record.topic, record.partition, record.offset, parts or ("value",))


def find_letters(
    records: Iterable[Record],
    persons: Persons,
    *,
    erased: Iterable[RecordOrigin],
    mentions: Iterable[Mention] = (),
) -> Iterator[LetterTrace]:
    """Yield the dead letters that name a person, or are of one of the records `erased`.

    One that does not keep its record names a person where that is among `mentions`: a replay would
    read it from its topic.
    """
    origins = frozenset(erased)
    naming = frozenset((one.topic, one.partition, one.offset) for one in mentions)
    for record in records:
        try:
            letter = read_dead_letter(record)
        except NotADeadLetterError:
            continue
        names = persons.mentioned_in(record) or not naming.isdisjoint(letter.origins)
        if names or not origins.isdisjoint(letter.origins):
            yield LetterTrace(letter, names)


def _parts(record: Record, persons: Persons) -> Iterator[str]:
    if record.key is not None and persons.named_in(record.key):
        # A key of the ledger is a position, any other an entity.
        yield "its position" if record.topic == DEAD_LETTER_OUTCOMES else "its key"
    for name, content in record.headers or ():
        if persons.named_in(name.encode() + b" " + (content or b"")):
            yield _named(name.lower(), persons)
    if record.value is None or not persons.named_in(record.value):
        return
    try:
        read = json.loads(record.value)
    except (ValueError, RecursionError):
        return
    if isinstance(read, Mapping):
        for name, content in read.items():
            if persons.named_in(json.dumps([name, content]).encode()):
                yield _named(name, persons)


def _named(name: str, persons: Persons) -> str:
    """Return the name of a part, or `a field` where the name may be a person's data."""
    attribute = name.removeprefix(PREFIX)
    if attribute in _KNOWN or name == CONTENT_TYPE:
        return attribute
    if len(name) > _SHOWN_NAME or not attribute.isalnum() or persons.named_in(name.encode()):
        return "a field"
    return f"the field {attribute}"
