"""PILOTE's lines for tests: drawn, written, imported without a broker, exported again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from boundary.diagnostic import Diagnostic
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.observation import Territory
from operations.client import RecordingPublisher
from operations.export.pilote import current_values, promised_values
from operations.importing.pilote import PiloteReader, PiloteValue, ValueKind, pilote_text
from operations.importing.programme.merging import ImportHints
from operations.importing.programme.pilote import CatalogueKeeper
from operations.importing.programme.programme_file import read_declared, write_declared
from operations.importing.run import Import, run_import
from operations.importing.sender import Tally
from tests.support.audits import raw_record
from tests.support.tables import RECORDED, write_file

__all__ = ["Barometer", "pilote_values"]

LAST_DAY = RECORDED.date()
DECIMALS = st.decimals(0, 100, places=4, allow_nan=False, allow_infinity=False)


@st.composite
def pilote_values(draw: st.DrawFn) -> list[PiloteValue]:
    """Draw lines of a file, no two of one key, about a few indicators so that they meet."""
    values = st.builds(
        PiloteValue,
        st.sampled_from(["IND-001", "IND-042", "IND-9999"]),
        st.sampled_from(Territory),
        st.dates(date(2020, 1, 1), date(2020, 1, 20)),
        st.sampled_from(ValueKind),
        st.none() | DECIMALS,
    )
    return draw(st.lists(values, unique_by=lambda value: value.key, max_size=25))


@dataclass
class Barometer:
    """A catalogue's file and the events that have been sent, over any number of imports."""

    folder: Path
    percent: Sequence[str] = ()
    events: list[CloudEvent] = field(default_factory=list)
    refused: list[Diagnostic] = field(default_factory=list)
    imports: int = 0

    @property
    def file(self) -> Path:
        """The catalogue's file."""
        return self.folder / "pilote.yaml"

    @property
    def written(self) -> str:
        """What is in it."""
        return self.file.read_text() if self.file.exists() else ""

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue, as everybody loads it."""
        return load_catalogue(self.file) if self.written else Catalogue(programmes=())

    def import_values(self, values: Sequence[PiloteValue]) -> Tally:
        """Import these as a file."""
        return self.import_text(pilote_text(values))

    def import_text(self, text: str | bytes) -> Tally:
        """Import a file with this text, changed an hour after the one before."""
        self.imports += 1
        time = RECORDED + timedelta(hours=self.imports)
        file = write_file(self.folder, text, name=f"{self.imports}.csv", time=time)
        keeper = CatalogueKeeper(read_declared(self.file), ImportHints(percent=self.percent))
        publisher = RecordingPublisher()
        plan = Import([file], "kafka", self.folder / "journal.sqlite3")
        tally = run_import(
            plan,
            PiloteReader(keeper),
            lambda: publisher,
            now=datetime.max.replace(tzinfo=RECORDED.tzinfo),
            report=self.refused.append,
        )
        self.events += publisher.events
        write_declared(self.file, keeper.declared)
        return tally

    def export(self) -> str:
        """Export everything in the format."""
        current = current_values(map(raw_record, self.events), LAST_DAY)
        return pilote_text((*promised_values(self.catalogue), *current))
