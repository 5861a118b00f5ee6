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
from events.fact import Family
from events.observation import Territory
from events.topics import topic_name
from sources.importing.journal import SentEvent
from sources.importing.pilote import PiloteValue, ValueKind, pilote_text
from sources.importing.sender import EVENTS_PER_CHUNK
from tests.crash.stage import Command
from tests.crash.topics import Topics
from tests.support.tables import write_file

_TOPIC: Final = topic_name(Family.OBSERVATIONS)
_BEGIN: Final = date(2016, 1, 1)
_DAYS: Final = 2 * EVENTS_PER_CHUNK + 20
"""So that there are three chunks."""
_INDICATOR: Final = "IND-001"


class Importing:
    def __init__(self, topics: Topics, folder: Path) -> None:
        topics.empty()
        self._topics = topics
        self._folder = folder
        file = write_file(folder, pilote_text(_values()))
        arguments = (
            *("import", "pilote", "--journal", str(folder / "journal.sqlite3")),
            str(file),
        )
        self.command = Command("smart_region", arguments, topics.variables)

    def cut_short(self) -> Iterator[str]:
        if unsent := self._noted() - self._sent().keys():
            yield f"{len(unsent)} events are noted as sent, and not on the topic"

    def ended(self, cuts: int) -> Iterator[str]:
        sent = self._sent()
        if len(sent) != _DAYS:
            yield f"{len(sent)} of {_DAYS} events are on the topic"
        if (again := sent.total() - len(sent)) > cuts * EVENTS_PER_CHUNK:
            yield f"{again} events were sent again, more than a chunk for each run cut short"
        if unlike := self._noted() ^ sent.keys():
            yield f"{len(unlike)} events are noted and not sent, or not noted"

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


def _values() -> list[PiloteValue]:
    return [
        PiloteValue(
            _INDICATOR,
            Territory.REGION,
            _BEGIN + timedelta(number),
            ValueKind.CURRENT,
            Decimal(number) / 100,
        )
        for number in range(_DAYS)
    ]
