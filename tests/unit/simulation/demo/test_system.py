"""What the demo's Prometheus and Alertmanager are given, and what is note of them."""

import re
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from dashboards.rules.site import MonitorSite
from operations.programs.alerting import AlertingPrograms
from operations.programs.program import Program
from simulation.demo.system import start_alerting
from tests.support.waiting import wait_until

#: Says what it was started with, and stays.
PROGRAM = """\
#!{python}
import sys, time
print(*sys.argv[1:], sep="\\n", flush=True)
time.sleep(60)
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(*names: str) -> None:
        for name in names:
            program = tmp_path / name
            program.write_text(PROGRAM.format(python=sys.executable))
            program.chmod(0o755)

    return put


def rules(site: MonitorSite) -> Mapping[str, str]:
    parts = (site.workers, site.assessors, site.gateways, site.alertmanagers)
    return {
        "prometheus/prometheus.yaml": " ".join(
            [site.pace.name, *(",".join(part) for part in parts)]
        ),
        "alertmanager/alertmanager.yaml": "nobody",
    }


def started(stack: ExitStack, folder: Path) -> tuple[tuple[Program, ...], str]:
    programs = AlertingPrograms.installed()
    assert programs is not None
    addresses = {"worker": "worker:1", "assessor": "assessor:2", "page": "page:3"}
    return start_alerting(programs, rules, stack, folder, **addresses)


def options(programs: tuple[Program, ...], name: str) -> dict[str, str]:
    (program,) = (one for one in programs if one.name == name)
    assert wait_until(lambda: "external-url" in program.log, seconds=10)
    pairs = (line.removeprefix("--").partition("=") for line in program.log.splitlines())
    return {option: value for option, _, value in pairs}


def test_the_two_have_the_addresses_of_each_other_and_of_the_monitor(
    install: Install, tmp_path: Path
) -> None:
    install("prometheus", "prometheus-alertmanager")
    with ExitStack() as stack:
        programs, note = started(stack, tmp_path / "stage")

        prometheus, alertmanager = (
            options(programs, name) for name in ("prometheus", "alertmanager")
        )
        addresses = re.findall(r"http://127\.0\.0\.1:\d+", note)
        assert addresses == [prometheus["web.external-url"], alertmanager["web.external-url"]]
        heard_by = alertmanager["web.listen-address"]
        configured = Path(prometheus["config.file"])
        assert configured.read_text() == f"live worker:1 assessor:2  {heard_by}"
        assert Path(alertmanager["config.file"]).read_text() == "nobody"


def test_without_alertmanager_prometheus_alerts_nobody(install: Install, tmp_path: Path) -> None:
    install("prometheus")
    with ExitStack() as stack:
        programs, note = started(stack, tmp_path / "stage")

        configured = Path(options(programs, "prometheus")["config.file"])
        assert configured.read_text() == "live worker:1 assessor:2  "
        assert "Alertmanager n’est pas installé" in note
        assert len(programs) == 1
