"""An import: every event arrives, few of them twice, and the journal has what is on the topic."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from events.cloudevent import decode
from events.observation import Territory
from events.registry import Family
from events.topics import topic_name
from operations.importing.journal import SentEvent
from operations.importing.pilote import PiloteValue, ValueKind, pilote_text
from operations.importing.sender import EVENTS_PER_CHUNK
from tests.crash.stage import Command
from tests.crash.topics import Topics
from tests.support.tables import write_file

__all__ = ["Importing"]

_TOPIC: Final = topic_name(Family.OBSERVATIONS)
_BEGIN: Final = date(2016, 1, 1)
_DAYS: Final = 2 * EVENTS_PER_CHUNK + 20
"""So that there are three chunks."""
_INDICATOR: Final = "IND-001"


class Importing:
    """A barometer's values of many days are imported, with a target that goes into a catalogue."""

    name = "import"
    files = ("journal", "programme", ".programme")
    databases = ("journal",)

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._catalogues: set[str] = set()

    def case(self, folder: Path) -> _Case:
        """Prepare a file of which nothing is sent yet."""
        self._topics.empty()
        return _Case(self._topics, folder, self._catalogues)


class _Case:
    def __init__(self, topics: Topics, folder: Path, catalogues: set[str]) -> None:
        self._topics = topics
        self._catalogues = catalogues
        """That of the undisturbed run, once there is one."""
        self._folder = folder
        self._catalogue = folder / "programme.yaml"
        file = write_file(folder, pilote_text(_values()))
        arguments = (
            *("import", "pilote", "--journal", str(folder / "journal.sqlite3")),
            *("--catalogue", str(self._catalogue), "--rising", _INDICATOR, str(file)),
        )
        self.command = Command("smart_region", arguments, topics.variables)

    def cut_short(self) -> Iterator[str]:
        """Yield what is noted as sent and is not on the topic."""
        if unsent := self._noted() - self._sent().keys():
            yield f"{len(unsent)} events are noted as sent, and not on the topic"
        yield from self._catalogue_problems()

    def ended(self, cuts: int) -> Iterator[str]:
        """Yield what is missing, too often there, or not noted."""
        sent = self._sent()
        if len(sent) != _DAYS:
            yield f"{len(sent)} of {_DAYS} events are on the topic"
        if (again := sent.total() - len(sent)) > cuts * EVENTS_PER_CHUNK:
            yield f"{again} events were sent again, more than a chunk for each run cut short"
        if unlike := self._noted() ^ sent.keys():
            yield f"{len(unlike)} events are noted and not sent, or not noted"
        if not self._catalogue.exists():
            yield "no catalogue"
        elif not self._catalogues:
            self._catalogues.add(self._catalogue.read_text())
        yield from self._catalogue_problems()

    def _sent(self) -> Counter[SentEvent]:
        records = self._topics.read(_TOPIC)
        return Counter(SentEvent.of(decode(one.headers, one.value)) for one in records)

    def _noted(self) -> set[SentEvent]:
        """Read the journal from a copy: the next run finds it as it was left."""
        with TemporaryDirectory() as name:
            journal = Path(shutil.copytree(self._folder, Path(name, "copy")), "journal.sqlite3")
            if not journal.exists() or not journal.stat().st_size:
                return set()
            with closing(sqlite3.connect(journal)) as database:
                (state,) = database.execute("PRAGMA integrity_check").fetchone()
                assert state == "ok", state
                if not database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                    return set()
                rows = database.execute("SELECT destination, fact, time, content FROM sent")
                return {
                    SentEvent(fact, time, content)
                    for destination, fact, time, content in rows
                    if destination == self._topics.bootstrap
                }

    def _catalogue_problems(self) -> Iterator[str]:
        """Yield what is wrong with the catalogue: it is whole, or not there."""
        if self._catalogue.exists() and self._catalogue.read_text() not in self._catalogues:
            yield f"another catalogue: {self._catalogue.read_text()!r}"


def _values() -> list[PiloteValue]:
    target = PiloteValue(
        _INDICATOR, Territory.REGION, date(2020, 12, 31), ValueKind.TARGET, Decimal(9)
    )
    initial = PiloteValue(_INDICATOR, Territory.REGION, _BEGIN, ValueKind.INITIAL, Decimal(1))
    return [
        initial,
        target,
        *(
            PiloteValue(
                _INDICATOR,
                Territory.REGION,
                _BEGIN + timedelta(number),
                ValueKind.CURRENT,
                Decimal(number) / 100,
            )
            for number in range(_DAYS)
        ),
    ]
