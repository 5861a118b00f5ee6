"""Files that people keep, as the imports read them: CSV by mappings, PILOTE's, Arcep's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from events.cloudevent import decode, encode_structured
from sources.importing.catalogue_changes import CatalogueChanges
from sources.importing.editions import reader_of
from sources.importing.event_building import FileReader, FoundEvent
from sources.importing.mapping import load_mapping, mapping_names
from sources.importing.pilote import PiloteReader, pilote_text
from sources.importing.table import open_table
from tests.fuzz.edits import edited, spliced
from tests.fuzz.target import Target, scratch_file
from tests.support.arcep import edition, row
from tests.support.barometer import (
    INDICATORS,
    observed_entry,
    pasted,
    pilote_values,
    programme,
)
from tests.support.facts import communes, days, uais

_TIME: Final = datetime(2036, 1, 1, tzinfo=UTC)
_TOKENS: Final = re.compile(r"[^\W_]+|[\s\S]")
_FRAGMENTS: Final = (
    *[";", ",", "|"],
    *("\t", "\n", "\r", "\r\n", '"', '""', "\x00", "\ufeff", " ", "\u00a0", "\u202f"),
    *["0", "-1", "1e9", "12,0", "0,0000005"],
    *("9" * 30, "9" * 999, "1 234,5", "é", "e\u0301", "\x85"),
    *["2020-02-30", "31/12/2020", "44197", "oui", "IND-001", "vc", "R11", "D75", "75056"],
    "T3 2017",
    *["jean.moulin@example.fr", "=1+1", "filaire", "all"],
    *("\x1c", "\u2028", "İ", "ß", "٣", "\u0301"),
)
_MAPPINGS: Final = {name: load_mapping(name) for name in mapping_names()}
_ENCODINGS: Final = ("utf-8", "utf-8", "utf-8-sig", "cp1252", "utf-16", "latin-1")


@st.composite
def _as_file(draw: st.DrawFn, text: str) -> bytes:
    edits = draw(edited(text, _TOKENS, _FRAGMENTS))
    encoding = draw(st.sampled_from(_ENCODINGS))
    return draw(spliced(edits.encode(encoding, errors="replace")))


@st.composite
def _csv_files(draw: st.DrawFn) -> bytes:
    """Draw a file of one of the package's mappings, to which something happened."""
    mapping = _MAPPINGS[draw(st.sampled_from(sorted(_MAPPINGS)))]
    columns = [
        *mapping.layout.columns,
        *draw(st.lists(st.sampled_from(["nom", "x y"]), max_size=1)),
    ]
    cells = st.one_of(
        st.sampled_from(["", "public", "LEGT", "salarié", "Numérique au service de la formation"]),
        st.sampled_from(
            ["75", "75056", "T3 2017", "all", "filaire", "12 345", "1000", "3,5", "x;y"]
        ),
        days.map(str),
        days.map(lambda day: f"{day:%d/%m/%Y}"),
        uais(),
        communes(),
        st.integers(0, 10**7).map(str),
    )
    delimiter = draw(st.sampled_from(";;,\t|"))
    rows = draw(st.lists(st.lists(cells, min_size=len(columns), max_size=len(columns)), max_size=5))
    return draw(_as_file("\n".join(delimiter.join(one) for one in [columns, *rows])))


@st.composite
def _pilote_files(draw: st.DrawFn) -> bytes:
    return draw(_as_file(pilote_text(draw(pilote_values()))))


@st.composite
def _arcep_files(draw: st.DrawFn) -> bytes:
    insee = draw(st.lists(communes(), max_size=4))
    networks = draw(st.sampled_from(["all", "filaire", "filaire", "FILAIRE", ""]))
    seed = draw(st.integers(0, 3))
    text = edition(seed, insee, networks=networks, satellite=draw(st.booleans()))
    if draw(st.booleans()):
        text += "\n" + row(draw(communes()), 10, [9, 8, 7, 6, 5, 4], day=draw(days).isoformat())
    return draw(_as_file(text))


def _read_all(file: Path, reader: FileReader) -> bool:
    """Read a file to its end; return whether it has a heading of this reader's."""
    try:
        table = open_table(file, reader.layout)
    except SmartRegionError as error:
        _assert_one_line(error)
        return False
    lines = file.read_bytes().count(b"\n") + file.read_bytes().count(b"\r") + 1
    for one in (*reader.read(table, _TIME), *reader.rest()):
        if isinstance(one, FoundEvent):
            record = encode_structured(one.event)
            assert decode(record.headers, record.value) == one.event
        elif isinstance(one, Diagnostic):
            _assert_one_line(one)
        assert 0 <= one.line <= lines
    return True


def _assert_one_line(message: object) -> None:
    assert "\n" not in str(message)


def _pseudonym(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:32]


def _readers() -> Iterator[FileReader]:
    for mapping in _MAPPINGS.values():
        yield reader_of(mapping, pseudonymise=_pseudonym)


def _check_csv(content: bytes) -> None:
    """Each mapping reads the file, line by line, or refuses it with its heading."""
    file = scratch_file("fichier.csv", content)
    for reader in _readers():
        _read_all(file, reader)


def _check_pilote(content: bytes) -> None:
    """What is read is events, and blocks of YAML: a catalogue with them has no more changes."""
    file = scratch_file("pilote.csv", content)
    _read_all(file, PiloteReader(CatalogueChanges(None)))
    declared = programme(*(observed_entry(name) for name in INDICATORS))
    changes = CatalogueChanges(scratch_file("pilote.yaml", declared.encode()))
    if _read_all(file, PiloteReader(changes)) and changes.has_changes:
        text = pasted(declared, "\n".join(changes.report))
        again = CatalogueChanges(scratch_file("pilote.yaml", text.encode()))
        _read_all(file, PiloteReader(again))
        assert not again.has_changes


def _check_arcep(content: bytes) -> None:
    """A file is an edition, or refused as a whole, under either name."""
    for name in ("commune_debit_filaire.csv", "commune_debit.csv"):
        _read_all(scratch_file(name, content), reader_of(_MAPPINGS["arcep_debit_filaire"]))


TABLE_TARGETS: Final = (
    # Many mappings read each file.
    Target("csv", "CSV files by every mapping", _csv_files(), _check_csv, most_seconds=4.0),
    Target(
        "pilote", "PILOTE's files, and the changes of a catalogue", _pilote_files(), _check_pilote
    ),
    Target("arcep", "Arcep's editions", _arcep_files(), _check_arcep),
)
