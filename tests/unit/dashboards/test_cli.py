"""The commands `smart-region rules …`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from dashboards.conventions import ASSESSOR_JOB, GATEWAY_JOB, PAGE_JOB, WORKER_JOB
from smart_region import main

CORPUS = Path(__file__).parents[2] / "corpus" / "catalogue"
OWN = Path(__file__).parents[2] / "rules" / "catalogue"


@pytest.fixture(autouse=True)
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["rules", "render", *map(str, arguments)])


def test_render_says_what_it_wrote_and_what_did_not_check_it(tmp_path: Path) -> None:
    result = run("--out", tmp_path)

    assert (result.exit_code, result.stdout) == (0, f"{tmp_path}: 8 files\n")
    assert result.stderr == "not checked by promtool and amtool: not installed\n"


@pytest.mark.parametrize(
    ("option", "file", "problem"),
    [
        ("--catalogue", CORPUS / "bad" / "fact_unknown.yaml", "fact_unknown.yaml:"),
        ("--contacts", "contacts.yaml", "owners.cantines: is no programme"),
        ("--contacts", "contacts.yaml", "producers.cantines: is no declared producer"),
    ],
)
def test_what_is_wrong_never_reaches_the_files(
    option: str, file: str | Path, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "contacts.yaml").write_text("owners: {cantines: {}}\nproducers: {cantines: {}}\n")

    result = run(option, tmp_path / file, "--out", tmp_path / "deploy")

    assert result.exit_code == 2
    assert problem in result.stderr
    assert not (tmp_path / "deploy").exists()


def test_options_reach_the_files(tmp_path: Path) -> None:
    result = run(
        *("--out", tmp_path, "--catalogue", OWN, "--pace", "live", "--worker", "w:1"),
        *("--worker", "x:1", "--assessor", "a:2", "--gateway", "g:4", "--page", "p:5"),
        *("--alertmanager", "m:3", "--runbooks", "https://docs.example.org"),
        *("--boards", "https://grafana.example.org"),
    )

    assert result.exit_code == 0
    prometheus = yaml.safe_load((tmp_path / "prometheus" / "prometheus.yaml").read_text())
    assert prometheus["global"]["evaluation_interval"] == "1s"
    assert {
        job["job_name"]: job["static_configs"][0]["targets"] for job in prometheus["scrape_configs"]
    } == {
        WORKER_JOB: ["w:1", "x:1"],
        ASSESSOR_JOB: ["a:2"],
        GATEWAY_JOB: ["g:4"],
        PAGE_JOB: ["p:5"],
    }
    assert prometheus["alerting"] == {"alertmanagers": [{"static_configs": [{"targets": ["m:3"]}]}]}
    promises = (tmp_path / "prometheus" / "rules" / "promises.yaml").read_text()
    assert "https://docs.example.org/MilestoneMissed.md" in promises
    assert "https://grafana.example.org/d/smart-region-p-lycees" in promises
    assert "premises_connectable_ratio" not in promises


@pytest.mark.parametrize("option", ["--worker", "--assessor", "--gateway", "--page"])
@pytest.mark.parametrize("target", ["http://w:1", "w", "w:port", ""])
def test_what_is_no_target_never_reaches_the_files(
    option: str, target: str, tmp_path: Path
) -> None:
    """Prometheus would not load a URL, and scrape port 80 of a host alone."""
    result = run("--out", tmp_path / "deploy", option, target)

    assert result.exit_code == 2
    assert "write HOST:PORT, without http://" in result.stderr
    assert not (tmp_path / "deploy").exists()
