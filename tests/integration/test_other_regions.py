"""Another Région by data alone, as the README says: each in processes of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from catalogue.loader import PROGRAMMES
from tests.support.commands import captured, run, run_inside_with
from tests.support.kafka import KafkaBroker
from tests.support.regions import BRETAGNE, CORSE, LA_REUNION, OtherRegion, code_officiel
from tests.support.traffic import wait_done
from tests.support.workers import WorkerFactory

ROOT = Path(__file__).parents[2]
UNTIL = "2016-02-29"
#: What the reader of a new file writes into it.
BRITTANY = """\
latitude: [47, 49]
longitude: [-6, -1]
outlines: outlines.json
"""
OUTLINES = {
    "region": {
        "width": 40,
        "height": 10,
        "outlines": {
            code: {"path": f"M{10 * place} 0h9v9h-9z", "label": [10 * place + 5, 5]}
            for place, code in enumerate(BRETAGNE.departments)
        },
    }
}


class Begun(NamedTuple):
    """A Région, its file, and what its process answered."""

    region: OtherRegion
    file: Path
    folder: Path
    found: dict[str, Any]

    def page(self, path: str) -> str:
        status, body = self.found["page"][path]
        assert status == 200, body
        return str(body)


def file_of(region: OtherRegion, folder: Path) -> Path:
    """Write the file of a Région as the command begins it, with some positions for Bretagne."""
    options = [option for file in code_officiel(folder) for option in ("--cog", str(file))]
    done = run_inside_with({}, "territory", "new", "--region", region.code, *options)
    assert done.returncode == 0, done.stderr
    text, file = done.stdout, folder / "territory.yaml"
    if region is BRETAGNE:
        marked = text.replace("    # marker: [48.9, 4.3]", "    marker: [48.2, -3.0]")
        text = marked.replace("departments:\n", f"{BRITTANY}departments:\n")
        (folder / "outlines.json").write_text(json.dumps(OUTLINES))
    file.write_text(text, encoding="utf-8")
    return file


def programmes(folder: Path) -> Path:
    """Copy the shipped programmes, whose targets are none of a single département."""
    return Path(shutil.copytree(PROGRAMMES, folder / "programmes"))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(BRETAGNE, id="Bretagne"),
        pytest.param(CORSE, id="Corse", marks=pytest.mark.nightly),
        pytest.param(LA_REUNION, id="La Réunion", marks=pytest.mark.nightly),
    ],
)
def begun(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Begun:
    folder = tmp_path_factory.mktemp("region")
    file = file_of(request.param, folder)
    done = captured(
        [sys.executable, "-m", "tests.support.other_region", str(folder)],
        cwd=ROOT,
        env={**os.environ, "SMART_REGION_TERRITORY": str(file)},
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return Begun(request.param, file, folder, json.loads(done.stdout))


def test_each_figure_equals_a_recount(begun: Begun) -> None:
    assert begun.found["compared"] > 20
    assert begun.found["different"] == []
    assert begun.found["refused"] < 5 < begun.found["records"]


def test_the_mappings_of_arcep_take_its_communes(begun: Begun) -> None:
    assert begun.found["taken"] == [True, True] * len(begun.region.departments)


def test_the_page_shows_the_region_and_its_departements(begun: Begun) -> None:
    page, data = begun.page("/"), begun.page("/donnees.csv")
    assert f"Smart Région <span>{begun.region.name}</span>" in page
    for code in begun.region.departments:
        assert f"({code})" in page
        assert f",{code}," in data
    assert "Île-de-France" not in page + data


def test_there_are_tables_without_outlines_and_maps_with_them(begun: Begun) -> None:
    has_map = begun.region is BRETAGNE
    assert ("chart-map" in begun.page("/")) == has_map
    status, _ = begun.found["page"]["/images/carte.svg"]
    assert status == (200 if has_map else 404)
    for indicator in ("premises_connectable_ratio", "schools_connected_ratio"):
        page = begun.page(f"/promesses/{indicator}/carte")
        assert "<table>" in page
        assert "<figure" not in page


def test_the_boards_have_the_marker_of_each_departement_that_has_one(begun: Begun) -> None:
    board = begun.folder / "deploy/grafana/boards/smart-region-delegate.json"
    text = board.read_text(encoding="utf-8")
    assert ("gbtf5w" in text) == (begun.region is BRETAGNE)
    assert all(f"({code})" in text for code in begun.region.departments)
    assert "Seine-et-Marne" not in text


def test_a_promise_to_a_departement_of_another_region_is_refused(tmp_path: Path) -> None:
    file, folder = file_of(CORSE, tmp_path), programmes(tmp_path)
    promised = folder / "lycees.yaml"
    text = promised.read_text(encoding="utf-8")
    promised.write_text(text.replace("[region, departments]", '[region, "77"]', 1))
    done = captured(
        [sys.executable, "-m", "smart_region", "catalogue", "check", str(folder)],
        cwd=ROOT,
        env={**os.environ, "SMART_REGION_TERRITORY": str(file)},
    )
    assert (done.returncode, done.stderr) == (1, "1 to correct\n")
    assert (
        "scope[1]: is no territory of Corse, value '77': write one of region, departments, 2A, 2B\n"
    ) in done.stdout


def test_the_readme_s_commands_work(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## For another Région\n")[2].partition("\n## ")[0]
    [block] = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    code_officiel(tmp_path)
    programmes(tmp_path)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = captured(
        ["bash", "-e", "-c", block], cwd=tmp_path, env={**os.environ, "PATH": path}, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert "5 programmes, 16 indicators: correct" in done.stdout
    assert '"department":"35"' in (tmp_path / "events.jsonl").read_text(encoding="utf-8")
    assert list((tmp_path / "rules").rglob("*.yaml"))


@pytest.mark.parametrize(
    "arguments", [("worker",), ("generate", "--check"), ("simulate", "--seed", "1")]
)
def test_no_command_runs_with_a_wrong_file(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    file = tmp_path / "territory.yaml"
    file.write_text("code: '53'\nname: Bretagne\n")
    done = captured(
        [sys.executable, "-m", "smart_region", *arguments],
        cwd=ROOT,
        env={**os.environ, "SMART_REGION_TERRITORY": str(file)},
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: {file}:1: departments: is missing: add departments\n"


def test_a_worker_and_an_audit_agree_on_a_real_broker(
    broker: KafkaBroker, factory: WorkerFactory, tmp_path: Path
) -> None:
    territory = str(file_of(BRETAGNE, tmp_path))
    events = tmp_path / "events.jsonl"
    days = ("--from", "2016-01-01", "--to", UNTIL)
    run(broker, "simulate", "--seed", "1", *days, "--out", str(events), territory=territory)
    sent = run(broker, "emit", str(events), territory=territory)
    assert sent.returncode in (0, 1), sent.stderr  # 1: some lines are mistakes, as in life.
    worker = factory.worker(territory=territory)
    worker.start()
    assert wait_done(broker.bootstrap, seconds=90), worker.log[-3000:]
    worker.wait_ready()

    audit = run(broker, "audit", "--against", worker.url, territory=territory)

    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert 'department="35"' in worker.metrics()
