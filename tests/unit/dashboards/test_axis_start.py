"""A board's axis begins at a time that Grafana reads, or the command says that it is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboards.cli import axis_start
from smart_region import main


@pytest.mark.parametrize(
    "text",
    [
        "now",
        "now-30m",
        "now-5y/y",
        "now/fQ",
        "now-1y+6M",
        "now-d",
        "2016-01-01",
        "2016-01-01T08:30",
        "2016-01-01T08:30:00.000Z",
        "1451606400000",
    ],
)
def test_what_grafana_reads_is_taken(text: str) -> None:
    assert axis_start(text) == text


@pytest.mark.parametrize(
    "text",
    ["nonsense", "", "30m", "now-", "now-1x", "now -1d", "2016", "2016-13-01", "2016-02-30", "-1h"],
)
def test_what_grafana_does_not_read_is_refused(tmp_path: Path, text: str) -> None:
    result = CliRunner().invoke(
        main, ["boards", "render", "--out", str(tmp_path / "boards"), "--since", text]
    )

    assert result.exit_code == 2
    assert "now-30m" in result.stderr
    assert not (tmp_path / "boards").exists()


def test_the_boards_begin_there(tmp_path: Path) -> None:
    CliRunner().invoke(main, ["boards", "render", "--out", str(tmp_path), "--since", "2017-01-01"])

    starts = {json.loads(file.read_text())["time"]["from"] for file in tmp_path.glob("*.json")}
    assert "2017-01-01" in starts
