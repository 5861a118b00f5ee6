"""Lines of PILOTE for tests: drawn, written, imported without a broker, and exported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from audit.export.pilote import current_values, promised_values
from boundary.diagnostic import Diagnostic
from catalogue.loader import load_catalogue
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from events.observation import Territory
from sources.importing.catalogue_changes import CatalogueChanges
from sources.importing.pilote import PiloteReader, PiloteValue, ValueKind, pilote_text
from sources.importing.run import Import, run_import
from sources.importing.sender import Tally
from tests.support.audits import raw_record
from tests.support.tables import RECORDED, write_file
from tests.support.watched_publisher import RecordingPublisher

INDICATORS = ("IND-001", "IND-042", "IND-9999")
_BLOCK = re.compile(
    r"^# .*: (\w+) \(IND-\d+\): replace (.+)\n((?:# .+: the last .+\n)?(?: .+\n)+)", re.MULTILINE
)
_KEY = re.compile(r"    (\w+):")
LAST_DAY = RECORDED.date()
DECIMALS = st.decimals(0, 100, places=4, allow_nan=False, allow_infinity=False)


@st.composite
def pilote_values(draw: st.DrawFn) -> list[PiloteValue]:
    """Draw lines of a file with unique keys, about few indicators, so that these have several."""
    values = st.builds(
        PiloteValue,
        st.sampled_from(INDICATORS),
        st.sampled_from(Territory),
        st.dates(date(2020, 1, 1), date(2020, 1, 20)),
        st.sampled_from(ValueKind),
        st.none() | DECIMALS,
    )
    return draw(st.lists(values, unique_by=lambda value: value.key, max_size=25))


def programme(*entries: str) -> str:
    head = "id: barometre\ntitle: Baromètre\npromise: Tenir.\nowner: Essais\nindicators:\n"
    return head + "".join(entries)


def observed_entry(
    name: str, *, percent: bool = False, grain: str = "department", direction: str = "rising"
) -> str:
    return (
        f"  - id: {name.lower().replace('-', '_')}\n    title: Indicateur {name} # ours\n"
        f"    definition: {name}\n    unit: {'ratio' if percent else 'count'}\n"
        f"    direction: {direction}\n    grain: {grain}\n"
        f"    measure: {{ observed: {name}, percent: {str(percent).lower()} }}\n"
        "    periodicity: irregular\n    availability_delay_days: 0\n"
    )


def pasted(text: str, report: str) -> str:
    """Paste the blocks that `import pilote` has printed into a programme's text, as people do.

    The fields that a block names are removed from its indicator, and its lines are appended.
    """
    for identifier, keys, block in _BLOCK.findall(report):
        lines = text.splitlines(keepends=True)
        start = lines.index(f"  - id: {identifier}\n")
        later = (at for at, one in enumerate(lines) if at > start and one.startswith("  - "))
        end, kept, is_kept = next(later, len(lines)), lines[:start], True
        for line in lines[start:end]:
            if key := _KEY.match(line):
                is_kept = key[1] not in keys.split(", ")
            kept += [line] * is_kept
        text = "".join((*kept, block, *lines[end:]))
    return text


@dataclass
class Barometer:
    """A programme's file and the events that have been sent, over any number of imports."""

    folder: Path
    percent: Sequence[str] = ()
    events: list[CloudEvent] = field(default_factory=list)
    refused: list[Diagnostic] = field(default_factory=list)
    imports: int = 0

    def __post_init__(self) -> None:
        entries = (observed_entry(name, percent=name in self.percent) for name in INDICATORS)
        self.file.write_text(programme(*entries))

    @property
    def file(self) -> Path:
        return self.folder / "pilote.yaml"

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue, loaded as by any program."""
        return load_catalogue(self.file)

    def import_values(self, values: Sequence[PiloteValue]) -> Tally:
        """Import these values as a file."""
        return self.import_text(pilote_text(values))

    def import_text(self, text: str | bytes) -> Tally:
        """Import a file with this text, an hour newer than the previous one; paste the blocks."""
        self.imports += 1
        time = RECORDED + timedelta(hours=self.imports)
        file = write_file(self.folder, text, name=f"{self.imports}.csv", time=time)
        changes = CatalogueChanges(self.file)
        publisher = RecordingPublisher()
        plan = Import([file], "kafka", self.folder / "journal.sqlite3")
        tally = Tally()
        run_import(
            plan,
            PiloteReader(changes),
            lambda: publisher,
            now=datetime.max.replace(tzinfo=RECORDED.tzinfo),
            report=self.refused.append,
            tally=tally,
        )
        self.events += publisher.events
        self.file.write_text(pasted(self.file.read_text(), "\n".join(changes.report)))
        return tally

    def export(self) -> str:
        current = current_values(map(raw_record, self.events), LAST_DAY)
        return pilote_text((*promised_values(self.catalogue), *current))
