"""The command `smart-region import pilote`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from events.cloudevent import CloudEvent
from sources.importing.cli import import_group
from tests.support.barometer import observed_entry, pasted, programme
from tests.support.tables import write_file

TEXT = """\
identifiant_indic;zone_id;zone_nom;date_valeur;type_valeur;valeur\r
IND-042;D75;Paris;31/12/2022;VA;71,5\r
IND-042;D01;Ain;31/12/2022;va;12\r
IND-042;D75;Paris;2020-12-31;vi;40\r
IND-042;D75;Paris;2025-12-31;vc;95,25\r
"""


pytestmark = pytest.mark.usefixtures("got")


def run(folder: Path, text: str, *options: str) -> Result:
    """Import a file in Windows' encoding as a person would."""
    file = write_file(folder, text.encode("cp1252"))
    journal = ("--journal", str(folder / "journal.sqlite3"))
    return CliRunner().invoke(import_group, ["pilote", *journal, *options, str(file)])


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Return the file of a programme that observes IND-042, in percent."""
    text = programme(observed_entry("IND-042", percent=True))
    return write_file(tmp_path, text, name="pilote.yaml")


def test_values_and_promises_are_taken(
    tmp_path: Path, catalogue: Path, got: list[CloudEvent]
) -> None:
    before = catalogue.read_text()
    first = run(tmp_path, TEXT, "--catalogue", str(catalogue))
    assert first.stdout.splitlines() == [
        "1 sent to 127.0.0.1:9092, 0 there already, 3 left aside, 0 refused",
        "  2 left aside: an initial or a target value to paste into the catalogue",
        "  1 left aside: another territory than Île-de-France",
        f"# {catalogue}: ind_042 (IND-042): replace baselines, milestones",
        "    baselines:",
        "      '75': {value: 0.4, day: 2020-12-31, source: 'PILOTE, fichier file.csv'}",
        "    milestones:",
        "      - id: vc_20251231_75",
        "        target: 0.9525",
        "        day: 2025-12-31",
        "        source: PILOTE, fichier file.csv",
        "        scope: ['75']",
        "",
    ]
    assert catalogue.read_text() == before
    catalogue.write_text(pasted(before, first.stdout))
    second = run(tmp_path, TEXT, "--catalogue", str(catalogue.parent))
    assert (first.exit_code, second.exit_code) == (1, 0)
    assert "  2 left aside: an initial or a target value that the catalogue has" in second.stdout
    assert "replace" not in second.stdout
    assert len(got) == 1


def test_without_a_catalogue_promises_are_left_aside(tmp_path: Path, got: list[CloudEvent]) -> None:
    output = run(tmp_path, TEXT).stdout
    assert (
        "2 left aside: an initial or a target value, for which --catalogue is not given" in output
    )
    assert len(got) == 1


def test_a_dry_run_prints_the_same(tmp_path: Path, catalogue: Path, got: list[CloudEvent]) -> None:
    options = ("--catalogue", str(catalogue))
    dry = run(tmp_path, TEXT, *options, "--dry-run")
    assert dry.exit_code == 1
    assert run(tmp_path, TEXT, *options).stdout.endswith(dry.stdout[dry.stdout.index("# ") :])
    assert len(got) == 1


def test_refused_promises_are_reported_like_any_line(tmp_path: Path, catalogue: Path) -> None:
    result = run(tmp_path, TEXT.replace("95,25", "120"), "--catalogue", str(catalogue))
    assert result.exit_code == 1
    assert "file.csv:5: valeur: does not fit the catalogue, where milestones." in result.stderr
    assert "replace baselines\n" in result.stdout


def test_a_file_without_a_line_says_so(tmp_path: Path, got: list[CloudEvent]) -> None:
    """A heading alone, as of an interrupted export, is no success of a nightly job."""
    result = run(tmp_path, TEXT.splitlines()[0] + "\r\n")
    assert (result.exit_code, got) == (1, [])
    assert result.stdout.splitlines()[1:] == [
        f"  0 lines below the heading: {tmp_path / 'file.csv'}"
    ]
