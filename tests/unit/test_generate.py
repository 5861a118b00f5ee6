"""The command `smart-region generate`."""

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from smart_region import main
from tests.support.commands import captured

ROOT = Path(__file__).parents[2]
FOLDERS = ("deploy", "docs")
IMAGE_VERSION = re.compile(r"(?:MONITOR_VERSION=|smart-region:|smart-region\b.*newTag: )(\d[\w.]*)")


def generate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["generate", *map(str, arguments)])


def files_of(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("target")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_check_names_each_file_that_is_not_up_to_date(project: Path) -> None:
    """One that was edited, one that is missing, one that is left over; it writes none of them."""
    edited, missing = project / "docs/metrics.md", project / "docs/settings.md"
    left_over = project / "deploy/grafana/boards/smart-region-p-gone.json"
    edited.write_text("by hand")
    missing.unlink()
    left_over.touch()

    result = generate("--check", "--project", project)

    assert result.exit_code == 1
    assert set(result.stderr.splitlines()) == {
        f"{edited}: differs from its sources",
        f"{missing}: is missing",
        f"{left_over}: is obsolete",
        "to write them again: smart-region generate",
    }
    assert (edited.read_text(), missing.exists(), left_over.exists()) == ("by hand", False, True)


@pytest.mark.slow
def test_the_version_is_written_wherever_the_image_is_named(project: Path) -> None:
    (project / "pyproject.toml").write_text('[project]\nversion = "9.8.7rc6"\n')

    assert generate("--project", project).exit_code == 0

    texts = [file.read_bytes().decode(errors="ignore") for file in files_of(project)]
    named = [version for text in texts for version in IMAGE_VERSION.findall(text)]
    assert len(named) > len(FOLDERS)
    assert set(named) == {"9.8.7rc6"}


def test_a_folder_that_is_no_clone_is_left_alone(tmp_path: Path) -> None:
    result = generate("--project", tmp_path)

    assert result.exit_code == 2
    assert "is no clone of the monitor" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_all_is_written_anew_and_marked(project: Path) -> None:
    """A forge folds it, and a diff does not show it; what is written by hand is shown."""
    shutil.rmtree(project / "docs")
    (project / "docs").mkdir()
    for file in files_of(project / "deploy"):
        file.unlink()
    (project / "deploy/prometheus/rules/figures.yaml").write_text("groups: []")
    assert generate("--project", project).exit_code == 0
    assert generate("--check", "--project", project).exit_code == 0
    written = [
        file.relative_to(project).as_posix()
        for name in FOLDERS
        for file in files_of(project / name)
    ]

    command = ["git", "check-attr", "linguist-generated", "diff", "--", *written, "README.md"]
    lines = captured(command, cwd=ROOT).stdout.splitlines()

    attributes = {tuple(line.split(": ")[:2]): line.split(": ")[2] for line in lines}
    assert attributes.pop(("README.md", "linguist-generated")) == "unspecified"
    assert attributes.pop(("README.md", "diff")) == "unspecified"
    assert set(attributes.values()) == {"set", "unset"}
    assert {value for (_, name), value in attributes.items() if name == "diff"} == {"unset"}


def test_no_schema_is_in_the_repository_twice() -> None:
    """No file below deploy/ and docs/ is another's copy: of two, one would be out of date."""
    listed = captured(["git", "ls-files", "--", *FOLDERS], cwd=ROOT).stdout.split()
    texts = [(ROOT / name).read_bytes() for name in listed if (ROOT / name).is_file()]

    assert len(set(texts)) == len(texts) > 0
