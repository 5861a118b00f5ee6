"""Which programs are found, what they are started with, and the files that they read."""

from pathlib import Path

import pytest

from catalogue.loader import load_catalogue
from dashboards.rules.alerts import alert_kinds
from dashboards.rules.site import MonitorSite, duration
from operations.programs.alerting import FOR_GRACE_PERIOD, PROGRAMME_RETENTION, alerting_programs
from operations.programs.program import Program


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def programs(path: Path, *installed: str) -> dict[str, Program]:
    for name in installed:
        (path / name).touch(mode=0o755)
    return alerting_programs(
        load_catalogue(),
        MonitorSite(),
        prometheus="p:1",
        alertmanager="a:2",
        folder=path / "files",
        logs=path,
        stop_seconds=0,
    )


def test_without_prometheus_there_is_nothing(path: Path) -> None:
    """An Alertmanager alone receives no alerts."""
    assert programs(path, "alertmanager") == {}


@pytest.mark.parametrize("name", ["alertmanager", "prometheus-alertmanager"])
def test_alertmanager_has_two_names(name: str, path: Path) -> None:
    """Debian's, and that of the project's own archives."""
    found = programs(path, "prometheus", name)

    assert list(found) == ["alertmanager", "prometheus"]
    assert found["alertmanager"]._command[0] == str(path / name)
    assert "--web.listen-address=a:2" in found["alertmanager"]._command
    assert "a:2" in (path / "files/prometheus/prometheus.yaml").read_text()
    assert "email_configs" not in (path / "files/alertmanager/alertmanager.yaml").read_text()


def test_without_alertmanager_prometheus_alerts_nobody(path: Path) -> None:
    assert list(programs(path, "prometheus")) == ["prometheus"]
    assert "a:2" not in (path / "files/prometheus/prometheus.yaml").read_text()


def test_prometheus_keeps_the_years_and_what_waits_to_fire(path: Path) -> None:
    """It begins alerts anew that wait for less than a time, by its own default ten minutes."""
    started = programs(path, "prometheus")["prometheus"]._command

    assert f"--storage.tsdb.retention.time={PROGRAMME_RETENTION}" in started
    assert f"--rules.alert.for-grace-period={FOR_GRACE_PERIOD}" in started
    shortest = min(kind.pending for kind in alert_kinds() if kind.pending)
    assert duration(shortest) == FOR_GRACE_PERIOD
