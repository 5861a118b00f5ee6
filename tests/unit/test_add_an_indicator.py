"""README's "Add an indicator" and CONTRIBUTING's "Add a fact", done on copies of the project."""

import json
import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.commands import captured

ROOT = Path(__file__).parents[2]


def _section(page: str, title: str) -> str:
    text = (ROOT / page).read_text(encoding="utf-8").partition(f"## {title}\n")[2]
    return text.partition("\n## ")[0]


SECTION = _section("README.md", "Add an indicator")
YAML: list[str] = re.findall(r"^```yaml\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
SHELL: list[str] = re.findall(r"^```sh\n(.*?)^```", SECTION, re.DOTALL | re.MULTILINE)
FILE = re.findall(r"`(\w+\.yaml)`", SECTION)[0]
BOARD = f"deploy/grafana/boards/smart-region-p-{FILE.removesuffix('.yaml')}.json"

FACT_SECTION = _section("CONTRIBUTING.md", "Add a fact")
# A file, where in it (at its end, or a line by its beginning), and the lines to write there.
STEP = re.compile(
    r"^`([\w/]+\.\w+)`, (at the end|after(?: each)?|instead of)(?: `(.+?)…?`)?[^`]*:\n\n"
    r"```\w+\n(.*?)^```",
    re.DOTALL | re.MULTILINE,
)
FACT_STEPS = STEP.findall(FACT_SECTION)
FACT_SHELL: list[str] = re.findall(r"^```sh\n(.*?)^```", FACT_SECTION, re.DOTALL | re.MULTILINE)

WHOLE = os.environ.get("GROWN_PROJECT_TESTS", "").split()
SOME = (
    "tests/unit/catalogue/test_cli.py",
    "tests/unit/catalogue/test_loader.py",
    "tests/unit/events/contracts/test_asyncapi.py",
    "tests/unit/events/producers",
    "tests/unit/events/test_fact.py",
    "tests/unit/events/test_registry.py",
    "tests/unit/operations/generation",
    "tests/unit/report/test_words.py",
    "tests/unit/simulation/demo/test_screen.py",
    "tests/unit/test_sources.py",
)


@cache
def added() -> dict[str, Any]:
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
        listed = ("ls-files", "--cached", "--others", "--exclude-standard", "-z")
        for name in self._git(ROOT, *listed).split("\0"):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        self.folder = folder
        self.before = self.files()
        programme = folder / "catalogue/programmes" / FILE
        declared = programme.read_text(encoding="utf-8")
        programme.write_text(f"{declared}\n{_not_yet_in(declared)}", encoding="utf-8")
        self.run_all(SHELL[0])

    def add_the_fact(self) -> None:
        for name, how, line, text in FACT_STEPS:
            lines = (self.folder / name).read_text(encoding="utf-8").splitlines(keepends=True)
            places = [at for at, one in enumerate(lines, 1) if one.strip().startswith(line)]
            if how == "at the end":
                places = places[-1:]
            blank = "\n\n" if how == "at the end" else ""
            assert len(places) == 1 or (places and how == "after each"), (name, how, line)
            for place in reversed(places):
                lines[place - (how == "instead of") : place] = [blank + text]
            (self.folder / name).write_text("".join(lines), encoding="utf-8")
        self.run_all(FACT_SHELL[0])
        for command in (("init",), ("add", "--all")):  # Some tests ask git which files there are.
            self._git(self.folder, *command)

    def run(self, *words: str, seconds: float | None = 100) -> str:
        done = captured(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
            timeout=seconds,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def run_all(self, commands: str) -> None:
        for line in commands.splitlines():
            program, *words = line.partition("#")[0].split()
            self.run(Path(program).name.replace("-", "_"), *words)

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        }

    @staticmethod
    def _git(folder: Path, *words: str) -> str:
        return captured(["git", *words], cwd=folder).stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.mark.slow
def test_no_python_is_changed(project: Project) -> None:
    """Only the programme's file is written by hand; the rest follows from it."""
    after = project.files()
    changed = {name for name in after if after[name] != project.before.get(name)}

    assert f"catalogue/programmes/{FILE}" in changed
    assert {Path(name).suffix for name in changed} == {".yaml", ".json"}
    assert after.keys() == project.before.keys()


@pytest.mark.slow
def test_its_board_shows_it_in_french(project: Project) -> None:
    """Its title, what it is divided by, and a word for each category: none is shown as a code."""
    board = (project.folder / BOARD).read_text(encoding="utf-8")
    panels = {panel["title"]: panel for panel in json.loads(board)["panels"]}
    (title,) = (one for one in panels if one.startswith(f"{added()['title']} : par type"))

    assert title.startswith("Matériels livrés : par type de matériel")
    shown = json.dumps(panels[title], ensure_ascii=False)
    for word in ("Tablettes", "Ordinateurs portables", "Écrans interactifs", "Bornes wifi"):
        assert f'"{word}"' in shown


@pytest.mark.slow
def test_the_catalogue_lists_it_and_nothing_is_left_to_write(project: Project) -> None:
    assert added()["id"] in project.run("smart_region", "catalogue", "list")
    assert "up to date" in project.run("smart_region", "generate", "--check")


@pytest.mark.nightly
@pytest.mark.timeout(0 if WHOLE else 600)
def test_the_unit_tests_pass_with_a_new_indicator_and_a_new_fact(tmp_path: Path) -> None:
    """No test counts or names what the catalogue and the registry decide.

    Some tests only: GROWN_PROJECT_TESTS names those that are run instead, such as tests/unit.
    """
    project = Project(tmp_path)
    project.add_the_fact()

    assert "up to date" in project.run("smart_region", "generate", "--check")
    assert "wifi.installed" in project.run("smart_region", "catalogue", "list")
    itself = f"--ignore={Path(__file__).relative_to(ROOT)}"
    project.run("pytest", "-q", "-p", "no:cacheprovider", itself, *(WHOLE or SOME), seconds=None)
