"""The whole system as plain processes, as `make stack` starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from operations.programs.kafka import missing_requirement
from operations.programs.program import Program, has_logged
from tests.support.processes import alive, children, listening
from tests.support.prometheus import require_prometheus
from tests.support.requirements import give_up, require_programs
from tests.support.rights import open_to_others
from tests.support.waiting import wait_until

STACK = (sys.executable, "-m", "smart_region", "stack", "--pace", "live", "--folder")
READY = "Everything is ready."
#: Kafka, two workers, assessor, page and gateway with a HAProxy each, Alertmanager, Prometheus.
PROCESSES = 10
#: As soon as a worker is killed its partitions go to the other.
IMPATIENT = {"SMART_REGION_SESSION_TIMEOUT": "6", "SMART_REGION_HEARTBEAT_INTERVAL": "1"}
CONNECTED_BY_WORKER = (
    'sum by (instance) (smartregion_indicator_numerator{indicator="schools_connected_ratio"})'
)
#: Nothing, not even zero, while who shows it is away.
CONNECTED = f"sum({CONNECTED_BY_WORKER} > 0)"
WORKERS = 'up{job="smart-region-worker"}'

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.timeout(240),  # two starts of everything, where other tests run beside it
]


class Stack(Program):
    """A stack of its own process, in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            "stack-output",
            (*STACK, str(folder)),
            folder=folder.parent,
            env=IMPATIENT,
            is_ready=has_logged(READY),
            ready_seconds=90,
            umask=0o022,
        )

    def send_first_events(self) -> str:
        _, _, rest = self.log.partition("First events, as the producer lycees:")
        command, _, _ = rest.partition(READY)
        return subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, check=True, timeout=30
        ).stdout

    def ask(self, expression: str) -> list[tuple[dict[str, str], float]]:
        url = (
            f"http://{self._address('Prometheus')}/api/v1/query?{urlencode({'query': expression})}"
        )
        with urlopen(url, timeout=10) as answer:
            series = json.load(answer)["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in series]

    def shows(self, expression: str, *values: float, seconds: float = 60) -> bool:
        return wait_until(
            lambda: [value for _, value in self.ask(expression)] == [*values],
            seconds=seconds,
            every=0.2,
        )

    def process_at(self, address: str) -> int:
        port = int(address.rpartition(":")[2])
        (pid,) = (pid for pid in children(self.process.pid) if port in listening(pid))
        return pid

    def _address(self, name: str) -> str:
        found = re.search(rf"^{name} +http://(\S+)$", self.log, re.MULTILINE)
        assert found, self.log
        return found[1]


def test_a_figure_outlives_a_worker_and_the_stack_itself(tmp_path: Path) -> None:
    if reason := missing_requirement():
        give_up(reason)
    require_prometheus()
    require_programs("curl", remedy="run deploy/debian-packages.sh as root")

    with Stack(tmp_path / "stack") as stack:
        assert '"topic":"smartregion.schools"' in stack.send_first_events()
        assert stack.shows(CONNECTED, 1)
        # Kafka's segments and the logs have what was sent.
        assert list((tmp_path / "stack" / "kafka" / "data").glob("smartregion.schools-*/*.log"))
        assert open_to_others(tmp_path / "stack") == []
        ((labels, _),) = stack.ask(f"{CONNECTED_BY_WORKER} == 1")

        os.kill(stack.process_at(labels["instance"]), signal.SIGKILL)

        assert stack.shows(CONNECTED)
        assert stack.shows(CONNECTED, 1)
        assert stack.shows(WORKERS, 1, 1)
        assert "ended by SIGKILL; started again in 0.5 s" in stack.log

        processes = children(stack.process.pid)
        assert len(processes) == PROCESSES
        stack.process.kill()
        stack.process.wait(timeout=10)
        assert wait_until(lambda: not any(map(alive, processes)), seconds=5)

    with Stack(tmp_path / "stack") as again:
        assert again.shows(CONNECTED, 1)

        processes = children(again.process.pid)
        assert len(processes) == PROCESSES
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(timeout=40) == 0
        assert not any(map(alive, processes))
    assert again.log.endswith("stopping all services\n")
