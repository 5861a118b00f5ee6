"""README's "Add an indicator", done on a copy of the project as README says."""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COPIED = (
    "boundary",
    "broker",
    "catalogue",
    "dashboards",
    "events",
    "gateway",
    "operations",
    "report",
    "simulation",
    "streams",
    "docs",
    "deploy",
)
NEVER = shutil.ignore_patterns("__pycache__", "target")

SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Add an indicator")[2]
SECTION = SECTION.partition("\n## ")[0]
YAML: list[str] = re.findall(r"^```yaml\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
SHELL: list[str] = re.findall(r"^```sh\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
FILE = re.findall(r"`(\w+\.yaml)`", SECTION)[0]
BOARD = f"deploy/grafana/boards/smart-region-p-{FILE.removesuffix('.yaml')}.json"


@cache
def added() -> dict[str, Any]:
    """Return the indicator that README adds."""
    (indicator,) = yaml.safe_load(YAML[0])
    assert isinstance(indicator, dict)
    return indicator


def _not_yet_in(declared: str) -> str:
    """Return README's indicator; under another id where somebody has added it already."""
    line = f"id: {added()['id']}\n"
    return YAML[0].replace(line, f"id: {added()['id']}_again\n") if line in declared else YAML[0]


class Project:
    """A copy of the project, with the indicator added as README says."""

    def __init__(self, folder: Path) -> None:
        for name in COPIED:
            shutil.copytree(ROOT / name, folder / name, ignore=NEVER)
        shutil.copy(ROOT / "smart_region.py", folder)
        self.folder = folder
        self.before = self.texts()
        programme = folder / "catalogue/programmes" / FILE
        declared = programme.read_text(encoding="utf-8")
        programme.write_text(f"{declared}\n{_not_yet_in(declared)}", encoding="utf-8")
        self.output = "".join(
            self.run(*line.partition("#")[0].split()[1:]) for line in SHELL[0].splitlines()
        )

    def run(self, *words: str) -> str:
        """Run a command of this copy."""
        done = subprocess.run(
            [sys.executable, "-m", "smart_region", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def texts(self) -> dict[str, str]:
        """Read every file of the copy that may be read by a person."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_text(encoding="utf-8")
            for path in self.folder.rglob("*")
            if path.is_file() and path.suffix in {".py", ".yaml", ".json", ".md", ".tmpl"}
        }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return the copy, made once."""
    return Project(tmp_path_factory.mktemp("project"))


def test_the_section_has_one_indicator_broken_down() -> None:
    """What is shown is the harder case."""
    assert "breakdown" in added()
    assert len(YAML) == len(SHELL) == 1


def test_no_python_is_changed(project: Project) -> None:
    """Only the programme's file is written by hand; the rest follows from it."""
    after = project.texts()
    changed = {name for name in after if after[name] != project.before.get(name)}

    assert f"catalogue/programmes/{FILE}" in changed
    assert {Path(name).suffix for name in changed} == {".yaml", ".json"}
    assert after.keys() == project.before.keys()


def test_nothing_is_left_to_write(project: Project) -> None:
    """What `make check` compares is up to date."""
    assert "up to date" in project.run("generate", "--check")


def test_its_board_shows_it_in_french(project: Project) -> None:
    """Its title, what it is divided by, and a word for each category: none is shown as a code."""
    board = (project.folder / BOARD).read_text(encoding="utf-8")
    panels = {panel["title"]: panel for panel in json.loads(board)["panels"]}
    (title,) = (one for one in panels if one.startswith(f"{added()['title']} : par type"))

    assert title.startswith("Matériels livrés : par type de matériel")
    shown = json.dumps(panels[title], ensure_ascii=False)
    for word in ("Tablettes", "Ordinateurs portables", "Écrans interactifs", "Bornes wifi"):
        assert f'"{word}"' in shown


def test_the_catalogue_lists_it(project: Project) -> None:
    """The worker, the audit and the export read the same list."""
    assert added()["id"] in project.run("catalogue", "list")
