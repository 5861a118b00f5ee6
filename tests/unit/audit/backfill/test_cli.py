"""What the command asks for, and refuses before it looks for a broker."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from smart_region import main


def backfill(*options: str) -> Result:
    return CliRunner().invoke(main, ["backfill", *options])


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_CLOCK", "2020-12-31")


PERIOD = ("--from", "2016-01-01", "--to", "2016-12-31")


@pytest.mark.parametrize("step", ["", "0d", "1", "1h", "-1d", "1.5d", "day", "99999d"])
def test_a_step_is_of_days_or_weeks(step: str, tmp_path: Path) -> None:
    done = backfill(*PERIOD, "--step", step, "--out", str(tmp_path / "out"))
    assert done.exit_code == 2
    assert "1d, 7d or 4w" in done.output


def test_days_are_in_order(tmp_path: Path) -> None:
    done = backfill("--from", "2017-01-01", "--to", "2016-12-31", "--out", str(tmp_path / "out"))
    assert done.exit_code == 2
    assert "2016-12-31 is before --from 2017-01-01" in done.output


def test_a_signal_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text of five years is hundreds of megabytes, beside the file that it is to be."""

    def interrupt(*_: object, **__: object) -> None:
        assert len(list(tmp_path.iterdir())) == 1
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("streams.topic_fold.fold_topics", interrupt)

    done = backfill(*PERIOD, "--out", str(tmp_path / "years.om"))

    assert done.exit_code == 143
    assert done.stderr.endswith("interrupted by SIGTERM: run it again\n")
    assert list(tmp_path.iterdir()) == []
