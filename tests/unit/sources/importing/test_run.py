"""One import from its files to its account."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from boundary.diagnostic import Diagnostic
from boundary.errors import SmartRegionError
from sources.client import Publisher, RecordingPublisher
from sources.importing.mapped import MappedReader
from sources.importing.mapping import load_mapping
from sources.importing.run import Import, run_import
from tests.support.tables import RECORDED, write_file

HEADING = "uai;date_raccordement;debit_mbps\n"
NOW = RECORDED + timedelta(days=1)


class Runs:
    """Imports of lists of connected lycées, with one journal and one publisher."""

    def __init__(self, folder: Path) -> None:
        self._journal = folder / "journal.sqlite3"
        self.publisher = RecordingPublisher()
        self.opened = 0
        self.refused: list[Diagnostic] = []

    def __call__(
        self, *files: Path, recorded_at: datetime | None = None, dry_run: bool = False
    ) -> int:
        """Import files, and return how many events were sent, or would be."""
        plan = Import(files, "kafka", self._journal, recorded_at=recorded_at, dry_run=dry_run)
        reader = MappedReader(load_mapping("lycees_raccordes"))
        return run_import(plan, reader, self._open, now=NOW, report=self.refused.append).sent

    def _open(self) -> Publisher:
        self.opened += 1
        return self.publisher

    @property
    def speeds(self) -> list[object]:
        """The speed that each event has, the latest recorded last."""
        events = sorted(self.publisher.events, key=lambda event: event.time)
        return [event.fact.attributes()["downlink_mbps"] for event in events]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Return imports."""
    return Runs(tmp_path)


def listed(folder: Path, speed: int, *, hours: int = 0, name: str = "file.csv") -> Path:
    """Write a list of one lycée, so many hours after the first."""
    line = f"0750419Y;2018-09-01;{speed}\n"
    time = RECORDED + timedelta(hours=hours)
    return write_file(folder, HEADING + line, name=name, time=time)


def test_the_same_file_adds_nothing(runs: Runs, tmp_path: Path) -> None:
    """Not even when it was touched."""
    assert runs(listed(tmp_path, 100)) == 1
    assert runs(listed(tmp_path, 100)) == 0
    assert runs(listed(tmp_path, 100, hours=1)) == 0


def test_a_corrected_file_says_the_latest(runs: Runs, tmp_path: Path) -> None:
    """And so does one that takes the correction back."""
    for hours, speed in enumerate((100, 200, 100)):
        runs(listed(tmp_path, speed, hours=hours))
    assert runs.speeds == [100, 200, 100]


def test_files_may_be_given_in_any_order(runs: Runs, tmp_path: Path) -> None:
    """The one that was changed last says the latest."""
    old, new = listed(tmp_path, 100, name="old.csv"), listed(tmp_path, 200, hours=1, name="new.csv")
    assert runs(new, old) == 2
    assert runs.speeds == [100, 200]
    assert runs(old, new) == 0


def test_a_correction_that_was_taken_back_does_not_count(runs: Runs, tmp_path: Path) -> None:
    """Whatever the order of the names: the last file says what the first one did."""
    march = listed(tmp_path, 100, hours=2, name="mars.csv")
    corrected = listed(tmp_path, 200, hours=1, name="z-corrigé.csv")
    assert runs(listed(tmp_path, 100, name="janvier.csv"), march, corrected) == 3
    assert runs.speeds == [100, 200, 100]


def test_files_of_one_time_may_not_contradict_each_other(runs: Runs, tmp_path: Path) -> None:
    """The refusal names both."""
    old, new = listed(tmp_path, 100, name="old.csv"), listed(tmp_path, 200, name="new.csv")
    assert runs(old, new) == 1
    assert str(runs.refused[0]).startswith(f"{new}:2: contradicts {old}:2, ")


def test_a_time_that_is_given_holds_for_all(runs: Runs, tmp_path: Path) -> None:
    """Whatever the files' own dates."""
    given = datetime(2020, 1, 1, tzinfo=UTC)
    runs(listed(tmp_path, 100), recorded_at=given)
    assert [event.time for event in runs.publisher.events] == [given]


def test_a_time_to_come_is_refused(runs: Runs, tmp_path: Path) -> None:
    """Also when it is given."""
    with pytest.raises(SmartRegionError):
        runs(listed(tmp_path, 100), recorded_at=NOW + timedelta(seconds=1))


def test_every_file_is_opened_before_the_publisher(runs: Runs, tmp_path: Path) -> None:
    """Half an import is none."""
    wrong = write_file(tmp_path, "uai;debit\n", name="wrong.csv")
    with pytest.raises(SmartRegionError):
        runs(listed(tmp_path, 100), wrong)
    assert runs.opened == 0


def test_a_dry_run_opens_no_publisher(runs: Runs, tmp_path: Path) -> None:
    """It reports what would be sent, now and after what was."""
    assert runs(listed(tmp_path, 100), dry_run=True) == 1
    assert runs.opened == 0
    runs(listed(tmp_path, 100))
    assert runs(listed(tmp_path, 100), dry_run=True) == 0
