"""Which programs are found, and what they are started with."""

from pathlib import Path

import pytest

from dashboards.rules.alerts import alert_kinds
from dashboards.rules.site import duration
from operations.programs import alerting
from operations.programs.alerting import FOR_GRACE_PERIOD, AlertingPrograms, write_files


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def install(path: Path, *names: str) -> None:
    for name in names:
        (path / name).touch(mode=0o755)


def test_without_prometheus_there_is_nothing(path: Path) -> None:
    """An Alertmanager alone receives no alerts."""
    install(path, "alertmanager")

    assert AlertingPrograms.installed() is None


@pytest.mark.parametrize("name", ["alertmanager", "prometheus-alertmanager"])
def test_alertmanager_has_two_names(name: str, path: Path) -> None:
    """Debian's, and that of the project's own archives."""
    install(path, "prometheus", name)

    assert AlertingPrograms.installed() == AlertingPrograms(
        str(path / "prometheus"), str(path / name)
    )


def test_without_alertmanager_there_is_none_to_start(path: Path) -> None:
    install(path, "prometheus")

    programs = AlertingPrograms.installed()

    assert programs is not None
    assert programs.alertmanager_at("127.0.0.1:9093", folder=path, logs=path) is None


def test_files_are_put_where_the_programs_look(tmp_path: Path) -> None:
    write_files({"prometheus/rules/figures.yaml": "groups: []\n"}, tmp_path / "new")

    assert (tmp_path / "new/prometheus/rules/figures.yaml").read_text() == "groups: []\n"


def test_every_alert_that_waits_outlives_a_restart_of_prometheus(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins those anew that wait for less than a time, by its own default ten minutes."""
    install(path, "prometheus")
    started: list[str] = []
    monkeypatch.setattr(alerting, "Program", lambda _, command, **__: started.extend(command))

    programs = AlertingPrograms.installed()
    assert programs is not None
    programs.prometheus_at("127.0.0.1:9090", folder=path, logs=path)

    assert f"--rules.alert.for-grace-period={FOR_GRACE_PERIOD}" in started
    shortest = min(kind.pending for kind in alert_kinds() if kind.pending)
    assert duration(shortest) == FOR_GRACE_PERIOD
