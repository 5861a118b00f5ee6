"""What the Prometheus operator and Grafana's sidecar are given."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from catalogue.loader import load_catalogue
from dashboards.kubernetes import (
    monitoring_files,
    render_monitoring,
)
from dashboards.rules.render import render
from dashboards.rules.site import MonitorSite
from smart_region import main

CATALOGUE = load_catalogue()
MONITORING = render_monitoring(CATALOGUE, MonitorSite())


@pytest.mark.parametrize("group", ["figures", "promises", "pipeline"])
def test_rules_are_those_of_prometheus_own_files(group: str) -> None:
    resource = yaml.safe_load(MONITORING[f"rules-{group}.yaml"])
    assert resource["spec"] == yaml.safe_load(
        render(CATALOGUE, MonitorSite())[f"prometheus/rules/{group}.yaml"]
    )


def test_jobs_are_those_that_prometheus_own_file_scrapes() -> None:
    """Rules and boards ask for jobs by name, which no name of a Service changes."""
    own = yaml.safe_load(render(CATALOGUE, MonitorSite())["prometheus/prometheus.yaml"])
    monitors = [
        yaml.safe_load(text) for name, text in MONITORING.items() if name.startswith("monitor-")
    ]
    relabelings = [one["spec"]["endpoints"][0]["relabelings"][0] for one in monitors]
    assert {one["replacement"] for one in relabelings} == {
        one["job_name"] for one in own["scrape_configs"]
    }
    assert {one["targetLabel"] for one in relabelings} == {"job"}


def test_the_kustomization_names_every_file() -> None:
    named = yaml.safe_load(MONITORING["kustomization.yaml"])["resources"]
    assert set(named) == MONITORING.keys() - {"kustomization.yaml"}


def test_rules_that_are_no_more_are_removed(tmp_path: Path) -> None:
    (tmp_path / "rules-gone.yaml").touch()
    (tmp_path / "own.yaml").touch()
    monitoring_files(MONITORING, tmp_path).write()
    assert {one.name for one in tmp_path.iterdir()} == {*MONITORING, "own.yaml"}


def test_links_lead_where_an_installation_has_its_boards(tmp_path: Path) -> None:
    folders = ("--out", str(tmp_path / "rules"), "--boards-dir", str(tmp_path / "boards"))
    link = ("--boards", "https://grafana.example")
    done = CliRunner().invoke(main, ["kubernetes", "monitoring", *folders, *link])
    assert done.exit_code == 0, done.output
    assert "https://grafana.example/d/" in (tmp_path / "rules/rules-pipeline.yaml").read_text()
    assert [one.name for one in (tmp_path / "boards").iterdir()] == ["kustomization.yaml"]
