"""The commands `smart-region import csv` and `import mappings`."""

from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from boundary.errors import SmartRegionError
from events.cloudevent import CloudEvent
from events.pseudonym import write_new_key
from sources.importing.cli import import_group
from sources.importing.mapping import MAPPINGS
from tests.support.arcep import WHOLE, edition
from tests.support.tables import write_file

HEADING = "uai;date_raccordement;debit_mbps\n"
LYCEE = "0750419Y;01/09/2018;1 000\n"
OTHER = "0750428H;2018-09-01;500\n"


pytestmark = pytest.mark.usefixtures("got")


def run(
    folder: Path, text: str | bytes, *options: str, mapping: str = "lycees_raccordes"
) -> Result:
    """Import a file as a person would, with a journal of the test's own."""
    file = write_file(folder, text)
    journal = ("--journal", str(folder / "journal.sqlite3"))
    return CliRunner().invoke(
        import_group, ["csv", "--mapping", mapping, *journal, *options, str(file)]
    )


def test_lines_are_sent_once(tmp_path: Path, got: list[CloudEvent]) -> None:
    text = HEADING + LYCEE + OTHER
    first, second = (run(tmp_path, text) for _ in range(2))
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout == "2 sent to 127.0.0.1:9092, 0 there already, 0 left aside, 0 refused\n"
    assert second.stdout.startswith("0 sent to 127.0.0.1:9092, 2 there already,")
    assert len(got) == 2


def test_a_dry_run_sends_and_keeps_nothing(tmp_path: Path, got: list[CloudEvent]) -> None:
    """And prints what it would do, with what it would refuse."""
    result = run(tmp_path, f"{HEADING}{LYCEE}x;x;x\n", "--dry-run")
    assert result.stdout.startswith("1 would be sent")
    assert (result.exit_code, got) == (1, [])
    assert not (tmp_path / "journal.sqlite3").exists()


def test_refused_lines_are_reported_and_counted(tmp_path: Path, got: list[CloudEvent]) -> None:
    result = run(tmp_path, f"{HEADING}0750419Z;2018-09-01;100\n{OTHER}0750419Y;hier;100\n")
    assert result.exit_code == 1
    first, second = (line.partition("file.csv:")[2] for line in result.stderr.splitlines())
    assert first == (
        "2: uai: has a wrong check letter, value '0750419Z':"
        " these seven digits end with Y: look for a mistyped digit"
    )
    assert (
        second
        == "4: date_raccordement: is not a day, value 'hier': write it as 2020-12-31 or 31/12/2020"
    )
    assert result.stdout.splitlines()[1:] == [
        "  2 lines refused, for 2 faults:",
        "    1 fault: uai has a wrong check letter",
        "    1 fault: date_raccordement is not a day",
    ]
    assert len(got) == 1


def test_a_file_that_is_imported_is_not_the_report(tmp_path: Path, got: list[CloudEvent]) -> None:
    file = write_file(tmp_path, HEADING + LYCEE)
    result = run(tmp_path, HEADING + LYCEE, "--refusals", str(file))
    assert isinstance(result.exception, SmartRegionError)
    assert (file.read_text(), got) == (HEADING + LYCEE, [])


def test_many_refusals_are_reported_in_a_file(tmp_path: Path) -> None:
    refusals = tmp_path / "refused.csv"
    result = run(tmp_path, HEADING + "x;x;x\n" * 30, "--refusals", str(refusals))
    lines = result.stderr.splitlines()
    assert len(lines) == 21
    assert lines[-1] == f"… 70 faults more: see {refusals}"
    assert len(refusals.read_bytes().splitlines()) == 1 + 90


def test_the_time_may_be_given(tmp_path: Path, got: list[CloudEvent]) -> None:
    run(tmp_path, HEADING + LYCEE, "--recorded-at", "2019-01-02T03:04:05Z")
    assert got[0].time.isoformat() == "2019-01-02T03:04:05+00:00"


def test_nothing_is_sent_where_a_file_cannot_be_opened(
    tmp_path: Path, got: list[CloudEvent]
) -> None:
    right = write_file(tmp_path, HEADING + LYCEE, name="right.csv")
    result = run(tmp_path, "uai;debit_mbps\n", str(right))
    assert isinstance(result.exception, SmartRegionError)
    assert (result.stdout, got) == ("", [])


def test_persons_get_pseudonyms(tmp_path: Path, got: list[CloudEvent]) -> None:
    """By the key of a file; nothing else of them is sent or printed."""
    key = write_new_key(tmp_path / "key", "k1")
    text = (
        "numero_stagiaire;date_inscription;dispositif;public;departement\n"
        "dupont-jean-42;2019-01-01;2ème chance numérique;salarié;75\n"
        "martin-anne-43;hier;2ème chance numérique;salarié;75\n"
    )
    options = ("--pseudonym-key", str(tmp_path / "key"))
    result = run(tmp_path, text, *options, mapping="formation_inscriptions")
    (event,) = got
    assert event.fact.entity_id == key.pseudonym("dupont-jean-42")
    assert "dupont" not in result.output
    assert "martin" not in result.output


def test_the_mappings_are_listed() -> None:
    listed = CliRunner().invoke(import_group, ["mappings"]).stdout
    assert "lycees_idf_uai: school.registered from Annuaire des lycées" in listed


def run_arcep(folder: Path, *names: str, more: tuple[str, ...] = ()) -> Result:
    """Import editions of Arcep as a person would, each of a quarter of its own."""
    files = [
        str(write_file(folder, edition(number, day=f"2020-{3 * number:02}-30"), name=name))
        for number, name in enumerate(names, 2)
    ]
    journal = ("--journal", str(folder / "journal.sqlite3"))
    mapping = ("--mapping", "arcep_debit_filaire")
    return CliRunner().invoke(import_group, ["csv", *mapping, *journal, *more, *files])


def test_editions_of_arcep_are_sent_once(tmp_path: Path, got: list[CloudEvent]) -> None:
    names = ("t2_filaire.csv", "t3_filaire.csv")
    first, second = (run_arcep(tmp_path, *names) for _ in range(2))
    assert (first.exit_code, first.stderr) == (0, "")
    expected = 2 * (len(WHOLE) + 29)
    assert first.stdout.startswith(f"{expected} sent to ")
    assert second.stdout.startswith(f"0 sent to 127.0.0.1:9092, {expected} there already, 10 left")
    for one, where in ((first, "sent"), (second, "there already")):
        of = f" of the {expected} events {where}: added without a line, each to set"
        assert f"\n  40{of} an arrondissement of Paris" in one.stdout
        assert f"\n  18{of} a commune that merged" in one.stdout
    assert Counter(event.fact.effective_day.isoformat() for event in got) == {
        "2020-06-30": expected // 2,
        "2020-09-30": expected // 2,
    }


def test_a_source_that_owns_nothing_is_told(tmp_path: Path) -> None:
    mapping = tmp_path / "mine.yaml"
    carried = (MAPPINGS / "arcep_debit_filaire.yaml").read_text(encoding="utf-8")
    mapping.write_text(carried.replace("urn:iledefrance:tres-haut-debit:arcep", "urn:mine"))
    more = ("--mapping", str(mapping), "--dry-run")
    foreign = run_arcep(tmp_path, "t2_filaire.csv", more=more).stdout
    count = len(WHOLE) + 29
    assert (
        f"\n  {count} of the {count} events would be sent: refused by the workers (not_owner), and"
        " not counted: urn:mine does not own broadband.coverage_reported of these"
    ) in foreign
    assert "not_owner" not in run_arcep(tmp_path, "t2_filaire.csv", more=("--dry-run",)).stdout


def test_an_edition_of_satellite_stops_no_other(tmp_path: Path, got: list[CloudEvent]) -> None:
    result = run_arcep(tmp_path, "commune_debit.csv", "commune_debit_filaire.csv")
    assert result.exit_code == 1
    (refusal,) = result.stderr.splitlines()
    assert "commune_debit.csv:2: type: leaves open whether satellite is counted" in refusal
    assert {event.fact.effective_day.isoformat() for event in got} == {"2020-09-30"}
