"""The commands `smart-region import`: `screen.txt` has what they print, as somebody has read it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest

from events.cloudevent import CloudEvent
from events.pseudonym import write_new_key
from sources.importing.mapping import MAPPINGS
from tests.support.arcep import WHOLE, edition
from tests.support.barometer import observed_entry, pasted, programme
from tests.support.sessions import Session
from tests.support.tables import write_file
from tests.support.watched_publisher import RecordingPublisher

GOLDEN = Path(__file__).with_name("screen.txt")
HEADING = "uai;date_raccordement;debit_mbps\n"
LYCEE = "0750419Y;01/09/2018;1 000\n"
OTHER = "0750428H;2018-09-01;500\n"
TRAINEES = """\
numero_stagiaire;date_inscription;dispositif;public;departement
dupont-jean-42;2019-01-01;2ème chance numérique;salarié;75
martin-anne-43;hier;2ème chance numérique;salarié;75
"""
BAROMETER = """\
identifiant_indic;zone_id;zone_nom;date_valeur;type_valeur;valeur\r
IND-042;D75;Paris;31/12/2022;VA;71,5\r
IND-042;D01;Ain;31/12/2022;va;12\r
IND-042;D75;Paris;2020-12-31;vi;40\r
IND-042;D75;Paris;2025-12-31;vc;95,25\r
"""


class Broker(RecordingPublisher):
    """What a broker has got, from every publisher that a command makes."""

    got: ClassVar[list[CloudEvent]]

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()
        self.events = self.got


@pytest.fixture(autouse=True)
def got(monkeypatch: pytest.MonkeyPatch) -> list[CloudEvent]:
    Broker.got = []
    monkeypatch.setattr("sources.client.KafkaPublisher", Broker)
    return Broker.got


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the user's folder, which has the journal too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return Path()


def test_a_list_is_imported(folder: Path, got: list[CloudEvent]) -> None:
    session = Session()
    command = ("import", "csv", "--mapping", "lycees_raccordes")
    right = write_file(folder, HEADING + LYCEE + OTHER, name="right.csv")
    wrong = f"{HEADING}0750419Z;2018-09-01;100\n{OTHER}0750419Y;hier;100\n"
    write_file(folder, wrong, name="wrong.csv")
    session.run(*command, "--dry-run", "right.csv", "wrong.csv")
    assert (got, [*folder.rglob("*.sqlite3")]) == ([], [])
    session.run(*command, "--recorded-at", "2019-01-02T03:04:05Z", "right.csv")
    session.run(*command, "right.csv")
    session.run(*command, "wrong.csv")
    write_file(folder, HEADING + "x;x;x\n" * 30, name="many.csv")
    session.run(*command, "--refusals", "refused.csv", "many.csv")
    assert len((folder / "refused.csv").read_bytes().splitlines()) == 1 + 90
    session.run(*command, "--again", "--refusals", "right.csv", "right.csv")
    write_file(folder, "uai;debit_mbps\n", name="lacking.csv")
    session.run(*command, "--again", "right.csv", "lacking.csv")
    assert right.read_text() == HEADING + LYCEE + OTHER
    assert [event.time.isoformat() for event in got] == ["2019-01-02T03:04:05+00:00"] * 2
    key = write_new_key(folder / "key", "k1")
    write_file(folder, TRAINEES, name="trainees.csv")
    trainees = ("--mapping", "formation_inscriptions", "--pseudonym-key", "key", "trainees.csv")
    session.run("import", "csv", *trainees)
    assert got[-1].fact.entity_id == key.pseudonym("dupont-jean-42")
    session.run("import", "mappings")
    session.check(GOLDEN)
    text = GOLDEN.read_text(encoding="utf-8")
    assert "dupont" not in text
    assert "martin" not in text


@pytest.mark.slow
def test_editions_of_arcep_are_imported(folder: Path, got: list[CloudEvent]) -> None:
    """One of satellite stops no other; a source that owns nothing is reported."""
    session = Session()
    for number, name in enumerate(("t2_filaire.csv", "t3_filaire.csv", "t4.csv"), 2):
        write_file(folder, edition(number, day=f"2020-{3 * number:02}-30"), name=name)
    carried = (MAPPINGS / "arcep_debit_filaire.yaml").read_text(encoding="utf-8")
    source = "urn:iledefrance:tres-haut-debit:arcep"
    (folder / "mine.yaml").write_text(carried.replace(source, "urn:mine"))
    session.run("import", "csv", "--mapping", "mine.yaml", "--dry-run", "t2_filaire.csv")
    files = ("t4.csv", "t2_filaire.csv", "t3_filaire.csv")
    for _ in range(2):
        session.run("import", "csv", "--mapping", "arcep_debit_filaire", *files)
    session.check(GOLDEN.with_name("screen_arcep.txt"))
    count = len(WHOLE) + 29
    days = Counter(event.fact.effective_day.isoformat() for event in got)
    assert days == {"2020-06-30": count, "2020-09-30": count}


def test_a_barometer_is_imported(folder: Path, got: list[CloudEvent]) -> None:
    """Once what it prints is pasted, the same import prints nothing and ends with status 0."""
    session = Session()
    text = programme(observed_entry("IND-042", percent=True))
    catalogue = write_file(folder, text, name="pilote.yaml")
    write_file(folder, BAROMETER.encode("cp1252"))
    with_catalogue = ("--catalogue", "pilote.yaml", "file.csv")
    session.run("import", "pilote", "--dry-run", *with_catalogue)
    session.run("import", "pilote", *with_catalogue)
    assert catalogue.read_text() == text
    catalogue.write_text(pasted(text, session.last))
    session.run("import", "pilote", *with_catalogue)
    session.run("import", "pilote", "file.csv")
    catalogue.write_text(text)
    write_file(folder, BAROMETER.replace("95,25", "120").encode("cp1252"))
    session.run("import", "pilote", *with_catalogue)
    # A heading alone, as of an interrupted export, is no success of a nightly job.
    write_file(folder, BAROMETER.splitlines()[0] + "\r\n")
    session.run("import", "pilote", "file.csv")
    session.check(GOLDEN.with_name("screen_pilote.txt"))
    assert len(got) == 1
