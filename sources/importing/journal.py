"""The events that were sent to each destination, in a file, so that an import can resume."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from pydantic_core import to_json

from boundary.errors import SmartRegionError
from boundary.private_files import make_private_file, make_private_folder
from events.cloudevent import CloudEvent
from events.fact import Fact
from events.record_rules import microseconds

DIGEST_BYTES: Final = 16
WAIT_SECONDS: Final = 10.0
_OPTIONAL_FROM_THE_BEGINNING: Final = frozenset({"retracted", "completes_plan"})
"""Optional fields that all digests have."""

_LATEST: Final = """
SELECT time, content FROM sent WHERE destination = ? AND fact = ? ORDER BY time DESC LIMIT 1
"""
_THIS: Final = """
SELECT 1 FROM sent WHERE destination = ? AND fact = ? AND time = ? AND content = ?
"""
_NOTE: Final = "INSERT OR IGNORE INTO sent VALUES (?, ?, ?, ?)"


class SendStatus(Enum):
    """An event compared with those that were sent before it."""

    NEW = auto()
    KNOWN = auto()
    """It was sent, or has the content of the last one."""
    OUTDATED = auto()
    """Another content was recorded later, and counts."""
    CONTRADICTION = auto()
    """Another content was recorded at the same time: neither is later."""


@dataclass(frozen=True, slots=True)
class SentEvent:
    """What decides whether to send an event: its fact and day, its time, its content."""

    fact: bytes
    time: int
    content: bytes

    @classmethod
    def of(cls, event: CloudEvent) -> SentEvent:
        """Return an event's digests: they are short, and repeat no data."""
        fact = event.fact
        about = (event.source, fact.TYPE, fact.entity_id, fact.effective_day)
        added = _added_later(type(fact)).items()
        unsaid = {name for name, default in added if getattr(fact, name) == default}
        return cls(_digest(about), microseconds(event.time), _digest(fact, exclude=unsaid))


@dataclass(frozen=True, slots=True)
class Journal:
    """The events that were sent to one destination; see `open_journal`."""

    connection: sqlite3.Connection
    destination: str
    again: bool = False
    rehearsal: bool = False

    def status_of(self, sent: SentEvent) -> SendStatus:
        """Compare an event with those that were sent."""
        latest = self.connection.execute(_LATEST, (self.destination, sent.fact)).fetchone()
        if latest is None or self.again:
            return SendStatus.NEW
        values = (self.destination, sent.fact, sent.time, sent.content)
        was_sent = self.connection.execute(_THIS, values).fetchone() is not None
        if was_sent or latest[1] == sent.content:
            return SendStatus.KNOWN
        if latest[0] == sent.time:
            return SendStatus.CONTRADICTION
        return SendStatus.OUTDATED if latest[0] > sent.time else SendStatus.NEW

    def note(self, events: Iterable[SentEvent]) -> None:
        """Write durably that events have arrived."""
        if self.rehearsal:
            return
        with self.connection:
            self.connection.executemany(
                _NOTE, ((self.destination, one.fact, one.time, one.content) for one in events)
            )


@contextmanager
def open_journal(
    file: Path, destination: str, *, again: bool = False, rehearsal: bool = False
) -> Iterator[Journal]:
    """Open the journal of a destination, with a new file where there is none.

    `again` makes every event new, for a destination that has lost events. A `rehearsal` creates no
    file and notes nothing.

    Raises SmartRegionError, also for what SQLite refuses inside the context.
    """
    try:
        if not rehearsal:
            # Its owner's alone: digests of guessed events would show which were sent.
            make_private_folder(file.parent)
            make_private_file(file)
    except OSError as error:
        raise _unusable(file, error.strerror or str(error)) from error
    try:
        name = file if file.exists() else ":memory:"
        with closing(sqlite3.connect(name, timeout=WAIT_SECONDS)) as connection:
            # What is noted survives a crash of the machine, not only of the process: with FULL, the
            # rollback journal may be there again, and undo a transaction that was committed.
            connection.execute("PRAGMA synchronous = EXTRA")
            connection.executescript(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
            yield Journal(connection, destination, again, rehearsal)
    except sqlite3.Error as error:
        raise _unusable(file, str(error)) from error


def _unusable(file: Path, cause: str) -> SmartRegionError:
    return SmartRegionError(
        f"--journal: cannot be used, value {str(file)!r} ({cause}): name another file, in a folder"
        " that may be written to; what is then sent a second time counts once"
    )


@lru_cache
def _added_later(kind: type[Fact]) -> Mapping[str, object]:
    """Return the optional fields that earlier releases may lack, with their defaults.

    A digest leaves out a field that has its default: otherwise, after an upgrade that adds it, the
    same line would contradict what was sent before.
    """
    return {
        name: field.get_default(call_default_factory=True)
        for name, field in kind.model_fields.items()
        if name not in _OPTIONAL_FROM_THE_BEGINNING and not field.is_required()
    }


def _digest(content: object, *, exclude: set[str] | None = None) -> bytes:
    return blake2b(to_json(content, exclude=exclude), digest_size=DIGEST_BYTES).digest()
