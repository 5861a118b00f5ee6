"""The command `simulate`: lines on standard output or in a file, and its refusals."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulation.cli import simulate
from tests.support.simulated import Story

FEBRUARY = ["--from", "2018-02-01", "--to", "2018-02-28"]


@pytest.mark.slow
def test_a_range_is_written_line_by_line(story: Story) -> None:
    done = CliRunner().invoke(simulate, ["--seed", "2016", *FEBRUARY])
    days = date(2018, 2, 1), date(2018, 2, 28)
    assert done.stdout == "".join(
        f"{record.line}\n" for record in story.records if days[0] <= record.day <= days[1]
    )
    assert done.exit_code == 0


@pytest.mark.slow
def test_lines_can_go_to_a_file(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    done = CliRunner().invoke(simulate, ["--seed", "3", *FEBRUARY, "--out", str(file)])
    assert (done.exit_code, done.output) == (0, "")
    shown = CliRunner().invoke(simulate, ["--seed", "3", *FEBRUARY])
    assert file.read_text(encoding="utf-8") == shown.stdout


def test_days_out_of_order_are_refused() -> None:
    done = CliRunner().invoke(
        simulate, ["--seed", "3", "--from", "2018-02-01", "--to", "2018-01-01"]
    )
    assert done.exit_code == 2
    assert "--to: 2018-01-01 is before --from 2018-02-01: give two days in order" in done.stderr
