"""A board's axis begins at a time that Grafana reads, or the command says that it is none."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dashboards.cli import axis_start
from smart_region import main

READ = ("now", "now-30m", "now-5y/y", "now/fQ", "now-1y+6M", "now-d", "2016-01-01")
MOMENTS = ("2016-01-01T08:30", "2016-01-01T08:30:00.000Z", "1451606400000")


@pytest.mark.parametrize("text", [*READ, *MOMENTS])
def test_what_grafana_reads_is_taken(text: str) -> None:
    assert axis_start(text) == text


@pytest.mark.parametrize(
    "text",
    ["nonsense", "", "30m", "now-", "now-1x", "now -1d", "2016", "2016-13-01", "2016-02-30", "-1h"],
)
def test_what_grafana_does_not_read_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="now-30m"):
        axis_start(text)


def test_the_boards_begin_there(tmp_path: Path) -> None:
    def render(since: str) -> int:
        arguments = ["boards", "render", "--out", str(tmp_path), "--since", since]
        return CliRunner().invoke(main, arguments).exit_code

    assert (render("2016"), list(tmp_path.iterdir())) == (2, [])
    assert render("2017-01-01") == 0
    starts = {json.loads(file.read_text())["time"]["from"] for file in tmp_path.glob("*.json")}
    assert "2017-01-01" in starts
