"""The command `smart-region import pilote`."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from catalogue.history import Reading
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from catalogue.progress import MilestoneStatus
from events.cloudevent import CloudEvent
from events.observation import MICROS
from operations.client import RecordingPublisher
from operations.importing.cli import import_group
from tests.support.figure_histories import reported
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
    """Yield what the broker has got, in place of Kafka."""
    monkeypatch.setattr("operations.importing.screen.KafkaPublisher", Broker)
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
        "to see the figures, once counted: smart-region export --as-of 2022-12-31",
        f"{file} written",
    ]
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert second.stdout.splitlines()[-1] == f"{file} is as it was"
    assert len(got) == 1
    (indicator,) = load_catalogue(file).indicators
    assert (indicator.unit, indicator.direction) == ("ratio", "rising")


def test_without_a_catalogue_promises_are_left_aside(tmp_path: Path, got: list[CloudEvent]) -> None:
    """And counted, with what to give for them."""
    output = run(tmp_path, TEXT).stdout
    assert (
        "2 left aside: an initial or a target value, for which --catalogue is not given" in output
    )
    assert len(got) == 1


def test_a_dry_run_writes_nothing(tmp_path: Path, got: list[CloudEvent]) -> None:
    """Neither events nor the catalogue, and says whether it would."""
    file = tmp_path / "pilote.yaml"
    output = run(tmp_path, TEXT, "--catalogue", str(file), "--dry-run").stdout
    assert output.splitlines()[-1] == f"{file} would change"
    assert (file.exists(), got) == (False, [])


def test_refused_promises_are_reported_like_any_line(tmp_path: Path) -> None:
    """Also what only the catalogue can know; the right ones are written."""
    file = tmp_path / "pilote.yaml"
    text = TEXT.replace("95,25", "120")
    result = run(tmp_path, text, "--catalogue", str(file), "--percent", "IND-042")
    assert result.exit_code == 1
    assert "file.csv:5: valeur: is out of range for a ratio, value '120'" in result.stderr
    assert load_catalogue(file).indicators[0].milestones == ()


BOTH_WAYS = """\
identifiant_indic;zone_id;date_valeur;type_valeur;valeur
IND-101;R11;2020-01-01;vi;10
IND-101;R11;2025-12-31;vc;100
IND-101;D75;2020-01-01;vi;50
IND-101;D75;2025-12-31;vc;40
"""


def test_a_direction_is_never_guessed_from_one_territory(tmp_path: Path) -> None:
    """R11 at 20, on its way from 10 to 100, is not there: 11 %, and not achieved."""
    file = tmp_path / "pilote.yaml"
    options = ("--catalogue", str(file))
    refused = run(tmp_path, BOTH_WAYS, *options)
    assert refused.exit_code == 1
    assert "valeur: leads down, against the indicator's other targets" in refused.stderr
    assert not file.exists()
    assert run(tmp_path, BOTH_WAYS, *options, "--rising", "IND-101").exit_code == 0
    (indicator,) = load_catalogue(file).indicators
    reading = Reading(20 * MICROS, last_reported=date(2022, 1, 1))
    history = reported(reading, divisor=indicator.measure.divisor)
    judged = judge_all(load_catalogue(file), {(indicator.id, None): history}, date(2022, 1, 1))
    region = judged[0]
    assert region.progress_rate == pytest.approx(100 / 9)
    assert region.status is MilestoneStatus.AT_RISK


def test_a_file_without_a_line_says_so(tmp_path: Path, got: list[CloudEvent]) -> None:
    """A heading alone, as of an interrupted export, is no success of a nightly job."""
    result = run(tmp_path, TEXT.splitlines()[0] + "\r\n")
    assert (result.exit_code, got) == (1, [])
    assert result.stdout.splitlines()[1:] == [f"  0 lines: {tmp_path / 'file.csv'}"]
    expected = f"{tmp_path / 'file.csv'}: has no line below its heading: there is nothing to import"
    assert result.stderr.splitlines() == [expected]


def test_a_file_with_nothing_in_it_is_refused(tmp_path: Path) -> None:
    """With the columns that it should have."""
    result = run(tmp_path, "")
    assert "is empty: write a first line with the columns identifiant_indic" in str(
        result.exception
    )


def test_what_was_rounded_is_in_the_account(tmp_path: Path) -> None:
    """Of current values and of promises."""
    text = TEXT.replace("71,5", "71,1234567").replace("95,25", "95,1234567")
    output = run(tmp_path, text, "--catalogue", str(tmp_path / "pilote.yaml")).stdout
    assert "  2 lines: a value rounded to 6 decimals" in output.splitlines()


def test_a_direction_is_one_of_two(tmp_path: Path) -> None:
    """Not both."""
    result = run(tmp_path, BOTH_WAYS, "--rising", "IND-101", "--falling", "IND-101")
    assert result.exit_code == 2
    assert "IND-101 is --rising too: give one of them" in result.stderr
