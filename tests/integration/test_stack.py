"""The whole system as plain processes, as `make stack` starts it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from operations.programs.kafka import missing_requirement
from operations.programs.program import end_child, start_child
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


class Stack:
    """A stack of its own process, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output_file = folder.with_suffix(".out")
        self.output_file.unlink(missing_ok=True)
        command = [*STACK, str(folder)]
        self.process = start_child(
            command, output=self.output_file, env={**os.environ, **IMPATIENT}, umask=0o022
        )

    @property
    def output(self) -> str:
        return self.output_file.read_text()

    def wait_output(self, text: str, *, seconds: float = 90) -> None:
        wait_until(lambda: text in self.output or self._ended, seconds=seconds)
        assert text in self.output, self.output

    def send_first_events(self) -> str:
        _, _, rest = self.output.partition("First events, as the producer lycees:")
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
        found = re.search(rf"^{name} +http://(\S+)$", self.output, re.MULTILINE)
        assert found, self.output
        return found[1]

    @property
    def _ended(self) -> bool:
        return self.process.poll() is not None


@contextmanager
def running(folder: Path) -> Iterator[Stack]:
    stack = Stack(folder)
    try:
        stack.wait_output(READY)
        yield stack
    finally:
        end_child(stack.process, stop_seconds=0)


def test_a_figure_outlives_a_worker_and_the_stack_itself(tmp_path: Path) -> None:
    if reason := missing_requirement():
        give_up(reason)
    require_prometheus()
    require_programs("curl", remedy="run deploy/debian-packages.sh as root")

    with running(tmp_path / "stack") as stack:
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
        assert "ended by SIGKILL; started again in 0.5 s" in stack.output

        processes = children(stack.process.pid)
        assert len(processes) == PROCESSES
        stack.process.kill()
        stack.process.wait(timeout=10)
        assert wait_until(lambda: not any(map(alive, processes)), seconds=5)

    with running(tmp_path / "stack") as again:
        assert again.shows(CONNECTED, 1)

        processes = children(again.process.pid)
        assert len(processes) == PROCESSES
        again.process.send_signal(signal.SIGTERM)
        assert again.process.wait(timeout=40) == 0
        assert not any(map(alive, processes))
    assert again.output.endswith("stopping all services\n")
