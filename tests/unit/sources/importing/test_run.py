"""One import of several files: what was recorded last counts, whatever their names and order."""

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from boundary.diagnostic import Diagnostic
from sources.importing.mapped import MappedReader
from sources.importing.mapping import load_mapping
from sources.importing.run import Import, run_import
from sources.importing.sender import Tally
from tests.support.tables import RECORDED, write_file
from tests.support.watched_publisher import RecordingPublisher


def listed(folder: Path, speed: int, *, hours: int = 0, name: str = "file.csv") -> Path:
    """Write a list of one connected lycée, so many hours after the first."""
    text = f"uai;date_raccordement;debit_mbps\n0750419Y;2018-09-01;{speed}\n"
    return write_file(folder, text, name=name, time=RECORDED + timedelta(hours=hours))


def imported(folder: Path, *files: Path) -> tuple[list[object], list[Diagnostic]]:
    """Import files; return the speeds in the order in which they count, and the refusals."""
    publisher, refused = RecordingPublisher(), list[Diagnostic]()
    run_import(
        Import(files, "kafka", folder / "journal.sqlite3"),
        MappedReader(load_mapping("lycees_raccordes")),
        lambda: publisher,
        now=RECORDED + timedelta(days=1),
        report=refused.append,
        tally=Tally(),
    )
    events = sorted(publisher.events, key=lambda event: event.time)
    return [event.fact.attributes()["downlink_mbps"] for event in events], refused


def test_files_may_be_given_in_any_order(tmp_path: Path) -> None:
    old, new = listed(tmp_path, 100, name="old.csv"), listed(tmp_path, 200, hours=1, name="new.csv")
    assert imported(tmp_path, new, old) == ([100, 200], [])
    assert imported(tmp_path, old, new) == ([], [])


def test_a_correction_that_was_taken_back_does_not_count(tmp_path: Path) -> None:
    write = partial(listed, tmp_path)
    march, corrected = write(100, hours=2, name="mars.csv"), write(200, hours=1, name="z.csv")
    assert imported(tmp_path, write(100), march, corrected) == ([100, 200, 100], [])


@pytest.mark.parametrize("hours", [0, 1])
def test_only_files_of_one_time_contradict_each_other(tmp_path: Path, hours: int) -> None:
    old, new = listed(tmp_path, 100, name="a.csv"), listed(tmp_path, 200, hours=hours, name="b.csv")
    _, refused = imported(tmp_path, old, new)
    start = f"{new}:2: contradicts {old}:2, "
    assert [str(one).startswith(start) for one in refused] == [True] * (not hours)
