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
from dashboards.rules.alerts import DEAD_LETTER_SHARE_HIGH, Severity
from dashboards.rules.model import Alert, Recording, Rule, duration
from dashboards.rules.pace import PACES
from dashboards.rules.render import MonitorSite, groups, render, write
from dashboards.rules.scraping import Access

ROOT = Path(__file__).parents[4]
CATALOGUE = load_catalogue()
RULES: list[Rule] = [
    rule for group in groups(CATALOGUE, MonitorSite()).values() for rule in group.rules
]
ALERTS = [rule for rule in RULES if isinstance(rule, Alert)]
RECORDINGS = [rule for rule in RULES if isinstance(rule, Recording)]
EXPOSED = {
    metric.name
    for metric in (
        *WORKER_METRICS,
        *PRODUCER_METRICS,
        *ASSESSOR_METRICS,
        *GATEWAY_METRICS,
        *PAGE_METRICS,
    )
}


def described(alert: Alert) -> str:
    return "-".join(
        (alert.name, *(alert.labels.get(one, "") for one in ("programme", "indicator")))
    )


each_alert = pytest.mark.parametrize("alert", ALERTS, ids=described)


@each_alert
def test_an_alert_says_all_that_it_must(alert: Alert) -> None:
    assert set(alert.annotations) == {
        "summary",
        "description",
        "programme_title",
        "runbook_url",
        "dashboard_url",
    }
    assert all(alert.annotations.values())
    assert {"severity", "scope", "programme", "owner"} <= alert.labels.keys()
    assert alert.labels["severity"] in set(Severity)


@each_alert
def test_an_alert_waits(alert: Alert) -> None:
    assert alert.pending >= 60 or alert.name == DEAD_LETTER_SHARE_HIGH.name


@each_alert
def test_a_summary_is_a_line_without_a_full_stop(alert: Alert) -> None:
    assert "\n" not in alert.annotations["summary"]
    assert not alert.annotations["summary"].endswith(".")
    assert alert.annotations["description"].endswith(".")


@each_alert
def test_a_runbook_exists(alert: Alert) -> None:
    assert (ROOT / alert.annotations["runbook_url"]).is_file()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_rule_asks_what_time_it_is(rule: Rule) -> None:
    """The day is the monitor's own, so that a replay fires as its years did."""
    assert "time()" not in rule.expression.replace("_over_time(", "(")
    assert "timestamp(" not in rule.expression


def test_rules_look_only_at_what_is_exposed_or_recorded() -> None:
    known = EXPOSED | {recording.name for recording in RECORDINGS} | {"up"}
    used = {
        name
        for rule in RULES
        for name in re.findall(r"(?:[a-z]+:)?smartregion_[a-z_]+(?::[a-z]+)?", rule.expression)
    }

    assert used - known == set()


def test_every_conventional_name_is_recorded() -> None:
    recorded = {recording.name for recording in RECORDINGS}

    assert recorded == {conventions.TERRITORY_INFO, *(one.name for one in conventions.RECORDED)}


def test_every_promise_with_a_target_is_watched() -> None:
    watched = {
        (alert.name, alert.labels["indicator"], alert.labels["milestone"])
        for alert in ALERTS
        if "milestone" in alert.labels
    }

    assert watched == {
        (name, indicator.id, milestone.id)
        for name in ("MilestoneMissed", "MilestoneAtRisk", "TargetLost", "MilestoneUnexplained")
        for indicator in CATALOGUE.indicators
        for milestone in indicator.milestones
        if milestone.target is not None
    }


def test_every_expected_indicator_is_watched() -> None:
    watched = {alert.labels["indicator"] for alert in ALERTS if alert.name == "IndicatorUnreported"}

    assert watched == {
        indicator.id
        for indicator in CATALOGUE.indicators
        if indicator.reporting_delay_days is not None
        or any(milestone.target is not None for milestone in indicator.milestones)
    }


def test_live_does_not_wait_with_figures() -> None:
    live = groups(CATALOGUE, MonitorSite(pace=PACES["live"]))

    assert {alert.pending for alert in live["promises"].alerts} == {0}
    missing = next(one for one in live["pipeline"].alerts if one.name == "PartitionsMissing")
    assert missing.pending == 30


def test_words_of_the_catalogue_are_no_templates(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(
        (ROOT / "tests/rules/catalogue/lycees.yaml")
        .read_text(encoding="utf-8")
        .replace("Tous les lycées connectés\n", "'{{ $value }} lycées'\n")
    )
    files = render(load_catalogue(tmp_path), MonitorSite())

    rules = yaml.safe_load(files["prometheus/rules/promises.yaml"])["groups"][0]["rules"]
    missed = next(rule for rule in rules if rule.get("alert") == "MilestoneMissed")
    assert missed["annotations"]["summary"].endswith('« {{ "{{" }} $value }} lycées »')


def test_yaml_is_read_as_it_was_meant() -> None:
    files = render(CATALOGUE, MonitorSite())
    read = [
        rule
        for name in ("figures", "memory", "promises", "pipeline")
        for rule in yaml.safe_load(files[f"prometheus/rules/{name}.yaml"])["groups"][0]["rules"]
    ]

    assert read == [rule.document() for rule in RULES]


# Writing


@pytest.fixture
def files() -> dict[str, str]:
    return {"prometheus/prometheus.yaml": "new\n", "alertmanager/alertmanager.yaml": "new\n"}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)


@pytest.mark.usefixtures("unchecked")
def test_files_are_written_to_their_folders(tmp_path: Path, files: dict[str, str]) -> None:
    assert write(files, tmp_path / "deploy") == ("promtool", "amtool")
    assert (tmp_path / "deploy" / "prometheus" / "prometheus.yaml").read_text() == "new\n"
    assert [path.name for path in (tmp_path / "deploy" / "prometheus").iterdir()] == [
        "prometheus.yaml"
    ]


def test_what_a_tool_refuses_is_not_written(
    tmp_path: Path, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> tuple[str, ...]:
        raise SmartRegionError("rules: promtool refuses them: line 3: bad: correct the catalogue")

    monkeypatch.setattr("dashboards.rules.render.check_files", refuse)
    with pytest.raises(SmartRegionError, match=r"promtool refuses.*line 3: bad.*: correct"):
        write(files, tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("unchecked")
def test_half_a_set_of_files_is_never_there(tmp_path: Path, files: dict[str, str]) -> None:
    """Where one file cannot be written the others keep what they had."""
    write(dict.fromkeys(files, "old\n"), tmp_path)
    # A folder stands where the second file is first written.
    (tmp_path / "alertmanager" / ".alertmanager.yaml.new").mkdir()

    with pytest.raises(SmartRegionError, match=r"cannot be written.*--out"):
        write(files, tmp_path)

    assert (tmp_path / "prometheus" / "prometheus.yaml").read_text() == "old\n"
    assert not (tmp_path / "prometheus" / ".prometheus.yaml.new").exists()


def test_a_rule_that_the_tools_know_to_be_wrong_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "promtool"
    tool.write_text("#!/bin/sh\necho 'parse error' >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    rendered = render(CATALOGUE, MonitorSite())

    with pytest.raises(SmartRegionError, match="parse error"):
        write(rendered, tmp_path / "deploy")

    assert not (tmp_path / "deploy").exists()


def test_a_tool_that_does_not_end_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "promtool"
    tool.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("dashboards.rules.render.CHECK_SECONDS", 0.1)

    with pytest.raises(SmartRegionError, match="promtool did not end within"):
        write(render(CATALOGUE, MonitorSite()), tmp_path / "deploy")

    assert not (tmp_path / "deploy").exists()


def test_prometheus_shows_the_token_and_knows_the_authority(tmp_path: Path) -> None:
    access = Access("/etc/prometheus/token", "/etc/prometheus/authority.pem")
    files = render(CATALOGUE, MonitorSite(access=access))
    write(files, tmp_path)
    jobs = yaml.safe_load(files["prometheus/prometheus.yaml"])["scrape_configs"]
    for job in jobs:
        assert job["follow_redirects"] is False
        assert job["scheme"] == "https"
        assert job["tls_config"] == {"ca_file": "/etc/prometheus/authority.pem"}
        assert job["authorization"] == {
            "type": "Bearer",
            "credentials_file": "/etc/prometheus/token",
        }
    assert len(jobs) == 4


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0s"), (1, "1s"), (90, "90s"), (300, "5m"), (5400, "90m"), (7200, "2h"), (345_600, "4d")],
)
def test_a_time_is_written_in_its_largest_whole_unit(seconds: float, written: str) -> None:
    assert duration(seconds) == written
