"""The command `smart-region import pilote`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catalogue.importing.cli import import_group
from catalogue.loader import load_catalogue
from events.cloudevent import CloudEvent
from events.publisher import RecordingPublisher
from tests.support.tables import write_file

TEXT = """\
identifiant_indic;zone_id;zone_nom;date_valeur;type_valeur;valeur\r
IND-042;D75;Paris;31/12/2022;VA;71,5\r
IND-042;D01;Ain;31/12/2022;va;12\r
IND-042;D75;Paris;2020-12-31;vi;40\r
IND-042;D75;Paris;2025-12-31;vc;95,25\r
"""


class Broker(RecordingPublisher):
    """What a broker has got, from every publisher that the command makes."""

    got: "list[CloudEvent]" = []  # noqa: RUF012 - emptied by the fixture

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__()

    def publish(self, event: CloudEvent) -> None:
        """Keep the event."""
        super().publish(event)
        self.got.append(event)


@pytest.fixture(autouse=True)
def got(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[CloudEvent]]:
    """Give what the broker has got, in place of Kafka."""
    monkeypatch.setattr("events.importing.screen.KafkaPublisher", Broker)
    yield Broker.got
    Broker.got.clear()


def run(folder: Path, text: str, *options: str) -> Result:
    """Import a file in Windows' encoding as a person would."""
    file = write_file(folder, text.encode("cp1252"))
    journal = ("--journal", str(folder / "journal.sqlite3"))
    return CliRunner().invoke(import_group, ["pilote", *journal, *options, str(file)])


def test_values_and_promises_are_taken(tmp_path: Path, got: list[CloudEvent]) -> None:
    """Events of the current values, a catalogue of the others; and nothing the second time."""
    file = tmp_path / "pilote.yaml"
    options = ("--catalogue", str(file), "--percent", "IND-042")
    first, second = (run(tmp_path, TEXT, *options) for _ in range(2))
    assert first.stdout.splitlines() == [
        "1 sent to 127.0.0.1:9092, 0 there already, 3 left aside, 0 refused",
        "  2 left aside: an initial or a target value, now in the catalogue",
        "  1 left aside: another territory than Île-de-France",
        f"{file} written",
    ]
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.stdout.splitlines()[-1] == f"{file} is as it was"
    assert len(got) == 1
    (indicator,) = load_catalogue(file).indicators
    assert (indicator.unit, indicator.direction) == ("ratio", "rising")


def test_without_a_catalogue_promises_are_left_aside(tmp_path: Path, got: list[CloudEvent]) -> None:
    """And counted, with what to give for them."""
    told = run(tmp_path, TEXT).stdout
    assert "2 left aside: an initial or a target value, for which --catalogue is not given" in told
    assert len(got) == 1


def test_a_dry_run_writes_nothing(tmp_path: Path, got: list[CloudEvent]) -> None:
    """Neither events nor the catalogue, and says whether it would."""
    file = tmp_path / "pilote.yaml"
    told = run(tmp_path, TEXT, "--catalogue", str(file), "--dry-run").stdout
    assert told.splitlines()[-1] == f"{file} would change"
    assert (file.exists(), got) == (False, [])


def test_refused_promises_are_told_like_any_line(tmp_path: Path) -> None:
    """Also what only the catalogue can know; the right ones are written."""
    file = tmp_path / "pilote.yaml"
    text = TEXT.replace("95,25", "120")
    result = run(tmp_path, text, "--catalogue", str(file), "--percent", "IND-042")
    assert result.exit_code == 1
    assert "file.csv:5: valeur: is out of range for a ratio, value '120'" in result.stderr
    assert load_catalogue(file).indicators[0].milestones == ()
