"""The commands of docs/history.md, as printed, and the years that they give a real Prometheus."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest

from dashboards import conventions
from operations.programs.addresses import free_port
from operations.programs.alerting import AlertingPrograms
from operations.programs.program import end_child, start_child
from operations.prometheus_api import PROGRAMME_RETENTION, retention_of
from tests.support.commands import captured
from tests.support.kafka import KafkaBroker
from tests.support.prometheus import Monitoring, Prometheus, require_prometheus
from tests.support.traffic import region, send, wait_done
from tests.support.waiting import wait_until
from tests.support.workers import Worker, WorkerFactory

pytestmark = pytest.mark.timeout(400)

PAGE = Path(__file__).parents[2] / "docs" / "history.md"
PRINTED = "http://127.0.0.1:9090"
FIRST_DAY, LAST_DAY = date(2016, 1, 1), date(2020, 12, 31)
STEP = 84
PERIOD = f"smart-region backfill --from {FIRST_DAY} --to {LAST_DAY}"


def printed() -> list[str]:
    """Return the page's commands, one a line, without what is said of them."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def into(prometheus: Prometheus) -> str:
    """Return the page's own command for a Prometheus."""
    (command,) = (line for line in printed() if "--into" in line)
    return command.replace(PRINTED, prometheus.url)


def answers(url: str) -> bool:
    """Return whether somebody answers well."""
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(autouse=True)
def _settings(shared_broker: KafkaBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a reader's settings, and put our commands on the path."""
    monkeypatch.setenv("SMART_REGION_BROKER", shared_broker.bootstrap)
    monkeypatch.setenv("SMART_REGION_CLOCK", str(LAST_DAY))
    monkeypatch.setenv("SMART_REGION_ASSESSOR_PORT", str(free_port()))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@pytest.fixture(scope="module")
def known(shared_broker: KafkaBroker, shared_factory: WorkerFactory) -> Worker:
    """Return a worker that has processed a quarter of the Région."""
    worker = shared_factory.worker()
    worker.start()
    send(shared_broker.bootstrap, region(42, FIRST_DAY, date(2016, 3, 31)))
    assert wait_done(shared_broker.bootstrap, seconds=120), worker.log()[-3000:]
    return worker


def carry_out(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in a shell, as its reader would."""
    return captured(["bash", "-c", command], cwd=folder, timeout=300)


def serves(command: str, folder: Path) -> None:
    """Start the assessor, wait until it is ready, and end it."""
    port = os.environ["SMART_REGION_ASSESSOR_PORT"]
    log = folder / "assessor.log"

    process = start_child(["bash", "-c", f"exec {command}"], output=log, env=dict(os.environ))
    try:
        assert wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), seconds=60), (
            log.read_text()
        )
    finally:
        status = end_child(process, stop_seconds=20)
    assert status == 0, log.read_text()


def test_the_page_s_commands_do_what_it_says(
    known: Worker, monitoring: Monitoring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each of them; and the years are in the running Prometheus, with its owner's rights."""
    monkeypatch.setenv("SMART_REGION_HTTP_PORT", str(known.port))
    prometheus = monitoring.prometheus(retention=PROGRAMME_RETENTION)
    commands = printed()
    assert len(commands) == 10

    for command in commands:
        if command == "smart-region assessor":
            serves(command, tmp_path)
            continue
        # The years as a day in twelve weeks: each day takes its time.
        here = command.replace("--into " + PRINTED, f"--step {STEP}d --into {prometheus.url}")
        done = carry_out(here, tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    for day in (FIRST_DAY, FIRST_DAY + timedelta((LAST_DAY - FIRST_DAY).days // STEP * STEP)):
        (as_of,) = prometheus.query(conventions.AS_OF.name, day)
        assert as_of.value == as_of.time
    assert list((tmp_path / "blocks").glob("*/meta.json"))
    assert (tmp_path / "figures.json").read_text().startswith("[")
    assert '"figures.csv"' in (tmp_path / "datapackage.json").read_text()
    left = [path.name for path in prometheus.data.iterdir() if path.name.startswith(".smart")]
    assert left == []


def test_years_that_would_be_deleted_are_refused(monitoring: Monitoring, tmp_path: Path) -> None:
    """By a Prometheus as it comes, with 15 days; nothing is read, and nothing is put there."""
    prometheus = monitoring.prometheus(retention=None)

    done = carry_out(into(prometheus), tmp_path)

    assert done.returncode == 2
    assert "keeps 15d" in done.stderr
    assert "--storage.tsdb.retention.time=15y" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(prometheus.data.glob("*/meta.json")) == []


@pytest.mark.usefixtures("known")
def test_years_wait_in_the_folder_of_one_that_does_not_run(
    monitoring: Monitoring, tmp_path: Path
) -> None:
    """It has them from its start on; what it will keep is reported."""
    prometheus = monitoring.prometheus()
    prometheus.kill()
    period = "--from 2016-01-01 --to 2016-03-31"

    done = carry_out(f"smart-region backfill {period} --into {prometheus.data}", tmp_path)

    assert done.returncode == 0, done.stderr
    assert "--storage.tsdb.retention.time=15y" in done.stderr
    prometheus.start()
    (as_of,) = prometheus.query(conventions.AS_OF.name, date(2016, 3, 31))
    assert as_of.value == as_of.time


def test_a_folder_that_is_elsewhere_is_reported(tmp_path: Path) -> None:
    """Before anything is read."""
    done = carry_out(f"{PERIOD} --into {tmp_path / 'gone'}", tmp_path)

    assert done.returncode == 2
    assert "gone is not on this machine" in done.stderr


def test_our_own_prometheus_keeps_the_years(tmp_path: Path) -> None:
    """That of `make stack` and of the demo."""
    require_prometheus()
    programs = AlertingPrograms.installed()
    assert programs is not None
    (tmp_path / "prometheus").mkdir()
    (tmp_path / "prometheus" / "prometheus.yaml").write_text("global: {}\n")
    address = f"127.0.0.1:{free_port()}"

    with programs.prometheus_at(address, folder=tmp_path, logs=tmp_path):
        ready = wait_until(lambda: answers(f"http://{address}/-/ready"), seconds=30)
        assert ready
        assert retention_of(f"http://{address}").reaches(FIRST_DAY, datetime.now(UTC).date())
