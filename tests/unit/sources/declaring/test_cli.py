"""`smart-region producers new`, with answers of options and of a person."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shlex import split

import pytest

from events.producers.model import REGION, load_producers
from tests.support.commands import run_inside_with
from tests.support.guide import blocks_of, shows

DOCS = Path(__file__).parents[4] / "docs"
COMPLETE = ("--id", "navette", "--contact", "Pôle lycées", "--types", "school.*")
FILE = Path("producers.yaml")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SMART_REGION_PRODUCERS", raising=False)


def new(*options: str, answers: str = "") -> subprocess.CompletedProcess[str]:
    return run_inside_with({}, "producers", "new", *options, standard_input=answers)


@pytest.mark.parametrize(
    ("options", "answers"), [(COMPLETE, ""), ((), "navette\nPôle lycées\nschool.*\n")]
)
def test_options_or_a_person_answer(options: tuple[str, ...], answers: str) -> None:
    done = new(*options, answers=answers)

    assert done.returncode == 0, done.stderr
    declared = load_producers(FILE)
    (producer,) = declared
    assert (producer.title, producer.sources) == ("navette", ("urn:iledefrance:navette",))
    assert declared.ownership.owner("school.closed", "0750419Y") == "navette"


def test_the_shipped_declaration_keeps_its_lines() -> None:
    before = REGION.read_text(encoding="utf-8")
    FILE.write_text(before, encoding="utf-8")
    done = new(*COMPLETE, "--owns", "D77,0930832W")

    assert done.returncode == 0, done.stderr
    assert FILE.read_text(encoding="utf-8").startswith(f"{before}\n  - id: nav")
    owner = load_producers(FILE).ownership.owner
    owners = [owner("school.closed", uai) for uai in ("0770918E", "0930832W", "0750419Y")]
    assert owners == ["navette", "navette", "lycees"]


@pytest.mark.parametrize("guide", ["producers.md", "producteurs.md"])
def test_the_guide_shows_what_is_said(guide: str) -> None:
    blocks = blocks_of(DOCS / guide)
    (declaration,) = [one.text for one in blocks if one.file == "producers.yaml"]
    FILE.write_text(declaration, encoding="utf-8")
    (at,) = [number for number, one in enumerate(blocks) if "producers new" in one.text]
    done = new(*split(blocks[at].text.replace("\\\n", ""))[3:])

    assert shows(blocks[at + 1].text, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--id", "a_b"), "id: is not an id, value 'a_b': write lower-case letters"),
        (("--id", "unknown"), "id: is reserved for who is not declared"),
        (("--source", "urn:x:"), "ends in the middle of a path"),
        (("--types", "scool.*"), "is no event, value 'scool.*'"),
        (("--owns", "D99"), "owns"),
        (("--types", "grant.paid", "--owns", "D77"), "cannot be derived"),
        ((), "is another producer's id"),
        (("--id", "b", "--source", "urn:iledefrance:navette"), "is declared"),
        (("--id", "b"), "is another producer's own"),
        (("--id", "b", "--producers", "missing/p.yaml"), "cannot write"),
    ],
)
def test_a_wrong_answer_changes_nothing(options: tuple[str, ...], said: str) -> None:
    assert new(*COMPLETE).returncode == 0
    before = FILE.read_bytes()
    done = new(*COMPLETE, *options)

    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert {file.name: file.read_bytes() for file in Path.cwd().iterdir()} == {FILE.name: before}
