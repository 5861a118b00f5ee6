"""What docs/catalogue.md says of a catalogue of one's own: its commands, and an image with it."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

import catalogue
import events.producers
from boundary.settings import ENV_PREFIX
from smart_region import main
from streams.settings import load_settings

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs/catalogue.md").read_text(encoding="utf-8")
_, OWN = TEXT.split("## A catalogue of your own\n")
COMMANDS, DOCKERFILE, BUILD = re.findall(r"^```\w*\n(.*?)^```", OWN, re.MULTILINE | re.DOTALL)
BOARDS = Path("deploy/grafana/boards")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / BOARDS, tmp_path / BOARDS)
    own = tmp_path / "region"
    (own / "catalogue").mkdir(parents=True)
    for package, shipped, name in (
        (catalogue, "programmes/lycees.yaml", "catalogue/lycees.yaml"),
        (events.producers, "region.yaml", "producers.yaml"),
    ):
        shutil.copy(Path(str(package.__file__)).parent / shipped, own / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_rules_and_boards_are_of_that_catalogue(clone: Path) -> None:
    for line in COMMANDS.splitlines():
        program, *arguments = shlex.split(line)
        done = CliRunner().invoke(main, arguments)
        assert (program, done.exit_code) == ("smart-region", 0), done.output

    boards = {one.name for one in (clone / BOARDS).glob("*.json")}
    kustomization = yaml.safe_load((clone / BOARDS / "kustomization.yaml").read_text("utf-8"))
    rules = (clone / "deploy/prometheus/rules/promises.yaml").read_text("utf-8")

    assert {one for one in boards if "-p-" in one} == {"smart-region-p-lycees.json"}
    assert {one["files"][0] for one in kustomization["configMapGenerator"]} == boards
    assert "lycees" in rules
    assert "tiers_lieux" not in rules


def test_every_container_of_the_image_has_both(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = dict(re.findall(r"^COPY (\S+) (\S+)$", DOCKERFILE, re.MULTILINE))
    named = dict(re.findall(rf"({ENV_PREFIX}\w+)=(\S+)", DOCKERFILE))
    in_image = {target: clone / "region" / source for source, target in copied.items()}

    assert set(named.values()) == set(in_image)
    for name, target in named.items():
        monkeypatch.setenv(name, str(in_image[target]))
    settings = load_settings()
    assert {settings.catalogue, settings.producers} == set(in_image.values())
