"""The command `smart-region doctor`."""

import pytest
from click.testing import CliRunner

from operations.programs.addresses import free_address
from smart_region import main


@pytest.mark.slow
@pytest.mark.usefixtures("refused_connections")
def test_a_fault_is_a_line_and_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_PARTITIONS", "none")

    result = CliRunner().invoke(main, ["doctor", "--bootstrap", free_address()])

    assert result.exit_code == 1
    assert "wrong  settings    wrong settings: SMART_REGION_PARTITIONS='none'" in result.output
    assert len(result.stdout.splitlines()) == 12


@pytest.mark.slow
@pytest.mark.usefixtures("refused_connections")
def test_a_grafana_that_cannot_be_asked_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_GRAFANA_TOKEN", "")
    monkeypatch.setattr("operations.doctor.brokers.CONNECT_SECONDS", 0.2)

    result = CliRunner().invoke(main, ["doctor", "--grafana", f"http://{free_address()}"])

    assert "wrong  grafana     SMART_REGION_GRAFANA_TOKEN: holds no token" in result.output
