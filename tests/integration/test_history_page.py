"""The commands of docs/history.md, as printed, and the years that they give a real Prometheus."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from catalogue.loader import load_catalogue
from dashboards import conventions
from dashboards.rules.site import MonitorSite
from operations.doctor.prometheus import check_retention
from operations.programs.addresses import free_address, free_port
from operations.programs.alerting import PROGRAMME_RETENTION, PROMETHEUS, alerting_programs
from operations.programs.program import Program, answers
from tests.support.commands import captured
from tests.support.kafka import KafkaBroker
from tests.support.prometheus import Monitoring, Prometheus, require_prometheus
from tests.support.traffic import region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(400)

PAGE = Path(__file__).parents[2] / "docs" / "history.md"
DATA = "/var/lib/prometheus/metrics2/"
FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2020, 12, 31)
STEP = 84


def printed() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.fixture(autouse=True)
def _settings(shared_broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_REGION_BROKER", shared_broker.bootstrap)
    monkeypatch.setenv("SMART_REGION_CLOCK", str(LAST_DAY))
    monkeypatch.setenv("SMART_REGION_ASSESSOR_PORT", str(free_port()))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.fixture(scope="module")
def known(shared_broker: KafkaBroker, shared_factory: WorkerFactory) -> Worker:
    worker = shared_factory.worker()
    worker.start()
    send(shared_broker.bootstrap, region(42, FIRST_DAY, date(2016, 3, 31)))
    assert wait_done(shared_broker.bootstrap, seconds=120), worker.log[-3000:]
    return worker


def carry_out(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return captured(["bash", "-c", command], cwd=folder, timeout=300)


def shows(prometheus: Prometheus, day: date) -> bool:
    found = prometheus.query(conventions.AS_OF.name, day)
    return [one.value == one.time for one in found] == [True]


def serves(command: str, folder: Path) -> None:
    port = os.environ["SMART_REGION_ASSESSOR_PORT"]
    assessor = Program(
        "assessor",
        ("bash", "-c", f"exec {command}"),
        folder=folder,
        is_ready=answers(f"http://127.0.0.1:{port}/readyz"),
        stop_seconds=20,
    )
    with assessor:
        pass
    assert assessor.status == 0, assessor.log


def test_the_page_s_commands_do_what_it_says(
    known: Worker, monitoring: Monitoring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SMART_REGION_HTTP_PORT", str(known.port))
    prometheus = monitoring.prometheus(retention=PROGRAMME_RETENTION)
    commands = printed()
    assert len(commands) == 10

    for command in commands:
        if command == "smart-region assessor":
            serves(command, tmp_path)
            continue
        # The years as a day in twelve weeks: each day takes its time.
        here = command.replace("--out years.om", f"--step {STEP}d --out years.om")
        done = carry_out(here.replace(DATA, f"{prometheus.data}/"), tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    for day in (FIRST_DAY, FIRST_DAY + timedelta((LAST_DAY - FIRST_DAY).days // STEP * STEP)):
        assert wait_until(partial(shows, prometheus, day), seconds=180)
    assert (tmp_path / "figures.json").read_text().startswith("[")
    assert '"figures.csv"' in (tmp_path / "datapackage.json").read_text()


def test_our_own_prometheus_keeps_the_years(tmp_path: Path) -> None:
    require_prometheus()
    address = free_address()
    programs = alerting_programs(
        load_catalogue(),
        MonitorSite(),
        prometheus=address,
        alertmanager=free_address(),
        folder=tmp_path,
        logs=tmp_path,
        stop_seconds=0,
    )

    with programs[PROMETHEUS]:
        today = datetime.now(UTC).date()
        kept = check_retention(f"http://{address}", since=FIRST_DAY, today=today)
        assert kept == PROGRAMME_RETENTION
