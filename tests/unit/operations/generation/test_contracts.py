"""The commands `smart-region contracts …`."""

from pathlib import Path

from click.testing import CliRunner, Result

from events.contracts.releases import BrokenContractError
from events.registry import FACTS
from smart_region import main

CLOSED = "fr.iledefrance.smartregion.school.closed.v1"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["contracts", *map(str, arguments)])


def test_render_writes_the_files_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "gone.json").touch()
    (tmp_path / "notes.json").touch()

    result = run("render", "--out", tmp_path)

    assert result.output == f"{len(FACTS) + 2} files in {tmp_path}\n"
    assert {file.stem for file in (tmp_path / "schemas").iterdir()} == FACTS.keys()
    assert (tmp_path / "notes.json").exists()


def test_what_is_not_released_is_reported(tmp_path: Path) -> None:
    """Nothing is promised yet: that is no failure, and not silent."""
    result = run("check", "--released", tmp_path)

    assert result.exit_code == 0
    assert f"not released yet: {CLOSED}\n" in result.output

    # A check that ran elsewhere than in a clone would find all well.
    result = run("check", "--released", tmp_path / "elsewhere")

    assert result.exit_code == 2
    assert "run this in a clone" in result.stderr


def test_a_contract_that_was_widened_is_reported(tmp_path: Path) -> None:
    """It keeps to what was released; the schema in the repository is no longer today's."""
    run("release", "--released", tmp_path)
    file = tmp_path / f"{CLOSED}.json"
    file.write_text(file.read_text(encoding="utf-8").replace("A lycée", "A school"))

    result = run("check", "--released", tmp_path)

    assert result.exit_code == 0
    assert f"changed since it was released: {CLOSED}\n" in result.output


def test_a_broken_contract_fails_the_check(tmp_path: Path) -> None:
    run("release", "--released", tmp_path)
    file = tmp_path / f"{CLOSED}.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"closed_on"', '"closed_at"'))

    result = run("check", "--released", tmp_path)

    assert isinstance(result.exception, SystemExit | BrokenContractError)
    assert result.exit_code == 2
    assert "data.closed_at: is no longer a field" in result.stderr
    assert "open a v2" in result.stderr
