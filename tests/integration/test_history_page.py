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

from dashboards import conventions
from operations.doctor.prometheus import check_retention
from operations.programs.addresses import free_port
from operations.programs.alerting import PROGRAMME_RETENTION
from operations.programs.program import Program, answers
from tests.support.commands import captured
from tests.support.kafka import KafkaBroker
from tests.support.prometheus import Monitoring, Prometheus
from tests.support.traffic import region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import WorkerFactory

pytestmark = pytest.mark.timeout(400)

PAGE = Path(__file__).parents[2] / "docs" / "history.md"
DATA = "/var/lib/prometheus/metrics2/"
FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2020, 12, 31)
STEP = 84


def printed() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


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


@pytest.mark.nightly
def test_the_page_s_commands_do_what_it_says(
    broker: KafkaBroker,
    factory: WorkerFactory,
    monitoring: Monitoring,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    worker = factory.worker()
    worker.start()
    send(broker.bootstrap, region(42, FIRST_DAY, date(2016, 3, 31)))
    assert wait_done(broker.bootstrap, seconds=120), worker.log[-3000:]
    for name, value in {
        "SMART_REGION_BROKER": broker.bootstrap,
        "SMART_REGION_CLOCK": str(LAST_DAY),
        "SMART_REGION_HTTP_PORT": str(worker.port),
        "SMART_REGION_ASSESSOR_PORT": str(free_port()),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }.items():
        monkeypatch.setenv(name, value)
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
    today = datetime.now(UTC).date()
    assert check_retention(prometheus.url, since=FIRST_DAY, today=today) == PROGRAMME_RETENTION
