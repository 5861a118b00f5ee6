"""The command `smart-region boards render`."""

from pathlib import Path

from click.testing import CliRunner

from dashboards.boards.render import boards_of, render
from dashboards.cli import boards
from tests.support.boards import CATALOGUE


def test_writes_the_catalogue_s_boards(tmp_path: Path) -> None:
    result = CliRunner().invoke(boards, ["render", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert written == render(boards_of(CATALOGUE))
    assert f"{len(written)} boards" in result.output


def test_a_wrong_catalogue_writes_nothing(tmp_path: Path) -> None:
    """The reason is printed before any file is touched."""
    catalogue, out = tmp_path / "catalogue", tmp_path / "out"
    catalogue.mkdir()
    (catalogue / "x.yaml").write_text("id: x\n")
    arguments = ["render", "--out", str(out), "--catalogue", str(catalogue)]
    result = CliRunner().invoke(boards, arguments)
    assert result.exit_code != 0
    assert not out.exists()
