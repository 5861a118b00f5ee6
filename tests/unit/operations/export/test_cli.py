"""What the command does without a broker."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from operations.export.document import dictionary_text
from smart_region import main


def test_the_dictionary_needs_no_broker(tmp_path: Path) -> None:
    """It is that of the program, whatever the figures."""
    out = tmp_path / "dictionary.json"
    arguments = ["export", "--dictionary", "--format", "json", "--out", str(out)]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert out.read_text() == dictionary_text("json")


def test_refuses_what_is_no_database_before_it_reads_anything() -> None:
    """It was said after minutes, once all figures were there."""
    environment = {"SMART_REGION_BROKER": "127.0.0.1:1"}
    done = CliRunner().invoke(main, ["export", "--to", "nonsense"], env=environment)
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: database: is not as libpq has it")


def test_refuses_a_day_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no figures yet."""
    monkeypatch.setenv("SMART_REGION_CLOCK", "2020-12-31")
    done = CliRunner().invoke(main, ["export", "--as-of", "2021-01-01"])
    assert done.exit_code == 2
    assert "the clock says 2020-12-31" in done.output


@pytest.mark.parametrize("others", [["--known-on", "2020-12-31"], ["--format", "pilote"]])
def test_waits_for_no_workers_where_the_events_are_read(others: list[str]) -> None:
    """These figures do not depend on them."""
    done = CliRunner().invoke(main, ["export", "--wait", "60", *others])
    assert done.exit_code == 2
    assert "read the events themselves" in done.output
