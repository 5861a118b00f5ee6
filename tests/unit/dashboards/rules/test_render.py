"""The generated rules as a whole: complete, in style, and written all or not at all."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from boundary.errors import SmartRegionError
from catalogue.loader import load_catalogue
from catalogue.metrics import (
    ASSESSOR_METRICS,
    GATEWAY_METRICS,
    PAGE_METRICS,
    PRODUCER_METRICS,
    WORKER_METRICS,
)
from dashboards import conventions
from dashboards.rules.alerts import Rule
from dashboards.rules.render import render, rule_documents, write
from dashboards.rules.site import MonitorSite, duration

ROOT = Path(__file__).parents[4]
CATALOGUE = load_catalogue()
SITE = MonitorSite()
FILES = render(CATALOGUE, SITE)


def rules_in(name: str, site: MonitorSite = SITE) -> list[Rule]:
    (group,) = rule_documents(CATALOGUE, site)[name]["groups"]
    rules: list[Rule] = group["rules"]
    return rules


RULES = [rule for name in rule_documents(CATALOGUE, SITE) for rule in rules_in(name)]
ALERTS = [rule for rule in RULES if "alert" in rule]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}


def test_an_alert_says_all_that_it_must() -> None:
    for alert in ALERTS:
        texts = alert["annotations"]
        assert all(texts.values())
        assert (ROOT / texts["runbook_url"]).is_file()
        assert "\n" not in texts["summary"] + texts["description"]
        assert not texts["summary"].endswith(".")
        assert texts["description"].endswith(".")
        assert alert["for"] != "0s" or alert["alert"] == "DeadLetterShareHigh"


def test_no_rule_asks_what_time_it_is() -> None:
    """The day is the monitor's own, so that a replay fires as its years did."""
    for rule in RULES:
        assert "time()" not in rule["expr"].replace("_over_time(", "(")
        assert "timestamp(" not in rule["expr"]


def test_rules_look_only_at_what_is_exposed_or_recorded() -> None:
    exposed = (
        *WORKER_METRICS,
        *PRODUCER_METRICS,
        *ASSESSOR_METRICS,
        *GATEWAY_METRICS,
        *PAGE_METRICS,
    )
    known = {metric.name for metric in exposed} | RECORDED
    used = {
        name
        for rule in RULES
        for text in (rule["expr"], *rule.get("annotations", {}).values())
        for name in re.findall(r"(?:[a-z]+:)?smartregion_[a-z_]+(?::[a-z]+)?", text)
    }

    assert used - known == set()
    assert {conventions.TERRITORY_INFO, *(one.name for one in conventions.RECORDED)} <= RECORDED


def test_every_promise_and_every_expected_indicator_is_watched() -> None:
    def watched(name: str) -> set[tuple[str, str | None]]:
        of_name = (alert["labels"] for alert in ALERTS if alert["alert"] == name)
        return {(labels["indicator"], labels.get("milestone")) for labels in of_name}

    promises = {
        (indicator.id, milestone.id)
        for indicator in CATALOGUE.indicators
        for milestone in indicator.milestones
        if milestone.target is not None
    }
    for name in ("MilestoneMissed", "MilestoneAtRisk", "TargetLost", "MilestoneUnexplained"):
        assert watched(name) == promises
    assert watched("IndicatorUnreported") == {
        (indicator.id, None)
        for indicator in CATALOGUE.indicators
        if indicator.reporting_delay_days is not None
        or any(milestone.target is not None for milestone in indicator.milestones)
    }


def test_words_of_the_catalogue_are_no_templates(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        (ROOT / "tests/rules/catalogue/lycees.yaml")
        .read_text(encoding="utf-8")
        .replace("Tous les lycées connectés\n", "'{{ $value }} << 1 >> lycées'\n")
    )
    files = render(load_catalogue(tmp_path), SITE)

    rules = yaml.safe_load(files["prometheus/rules/promises.yaml"])["groups"][0]["rules"]
    missed = next(rule for rule in rules if rule.get("alert") == "MilestoneMissed")
    assert missed["annotations"]["summary"].endswith('« {{ "{{" }} $value }} << 1 >> lycées »')


def test_yaml_is_read_as_it_was_meant() -> None:
    for name, document in rule_documents(CATALOGUE, SITE).items():
        assert yaml.safe_load(FILES[f"prometheus/rules/{name}.yaml"]) == document


# Writing


def program(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    tool = folder / "promtool"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_half_a_set_of_files_is_never_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where one file cannot be written the others keep what they had."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    names = ("prometheus/prometheus.yaml", "alertmanager/alertmanager.yaml")
    assert write(dict.fromkeys(names, "old\n"), tmp_path) == ("promtool", "amtool")
    # A folder stands where the second file is first written.
    (tmp_path / "alertmanager" / ".alertmanager.yaml.new").mkdir()

    with pytest.raises(SmartRegionError, match=r"^out: cannot write"):
        write(dict.fromkeys(names, "new\n"), tmp_path)

    assert (tmp_path / "prometheus" / "prometheus.yaml").read_text() == "old\n"
    assert not (tmp_path / "prometheus" / ".prometheus.yaml.new").exists()


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo 'parse error' >&2\nexit 1", "parse error"),
        ("exec tail -f /dev/null", "promtool did not end within"),
    ],
)
def test_what_a_tool_does_not_accept_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, problem: str
) -> None:
    program(tmp_path, monkeypatch, script)
    if "tail" in script:
        monkeypatch.setattr("dashboards.rules.render.CHECK_SECONDS", 0.1)

    with pytest.raises(SmartRegionError, match=problem):
        write(FILES, tmp_path / "deploy")

    assert not (tmp_path / "deploy").exists()


def test_prometheus_shows_the_token_and_knows_the_authority(tmp_path: Path) -> None:
    token, authority = "/etc/prometheus/token", "/etc/prometheus/authority.pem"
    files = render(CATALOGUE, MonitorSite(metrics_token_file=token, metrics_ca_file=authority))
    write(files, tmp_path)
    jobs = yaml.safe_load(files["prometheus/prometheus.yaml"])["scrape_configs"]
    for job in jobs:
        assert job["follow_redirects"] is False
        assert job["scheme"] == "https"
        assert job["tls_config"] == {"ca_file": authority}
        assert job["authorization"] == {"type": "Bearer", "credentials_file": token}
    assert len(jobs) == 4


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (1, "1s"), (90, "90s"), (300, "5m"), (5400, "90m"), (7200, "2h"), (345_600, "4d")],
)
def test_a_time_is_written_in_its_largest_whole_unit(seconds: float, written: str) -> None:
    assert duration(seconds) == written
