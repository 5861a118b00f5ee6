"""Workers and assessors as child processes: started, killed, frozen, restarted, and queried."""

from __future__ import annotations

import json
import re
import signal
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from audit.exposed import parse_metrics
from catalogue import metrics
from catalogue.metrics import Metric
from operations.programs.addresses import free_port
from tests.support.children import Child, environment_variables, probed
from tests.support.processes import freeze
from tests.support.waiting import wait_until

READY_SECONDS = 60.0
_OWN: Final = (
    metrics.ASSESSOR_READY,
    metrics.ASSESSOR_LAG,
    metrics.ASSESSOR_UNJUDGED,
    metrics.HISTORY_AGE,
)


class Worker(Child):
    """A `smart-region worker` in its own process; `module` selects a variant of it.

    With the command `assessor` or `page`, it is an assessor or a page.
    """

    def __init__(
        self,
        bootstrap: str,
        folder: Path,
        *,
        name: str = "worker",
        module: str = "smart_region",
        command: str = "worker",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        env = {
            "SMART_REGION_BROKER": bootstrap,
            "SMART_REGION_HTTP_PORT": str(self.port),
            "SMART_REGION_ASSESSOR_PORT": str(self.port),
            "SMART_REGION_PAGE_PORT": str(self.port),
            "SMART_REGION_CLOCK": "2020-12-31",
            "SMART_REGION_SESSION_TIMEOUT": "6",
            "SMART_REGION_HEARTBEAT_INTERVAL": "1",
            **(settings or {}),
        }
        super().__init__(
            (sys.executable, "-m", module, command),
            env,
            log_file=folder / f"{name}-{self.port}.log",
            url=f"http://{self.address}",
        )
        self.is_supervised = False

    def sleep(self) -> None:
        """Freeze it (SIGSTOP) if it is running."""
        freeze(self.process)

    def wake(self) -> None:
        """Continue it (SIGCONT)."""
        self.process.send_signal(signal.SIGCONT)

    def readiness(self) -> dict[str, Any]:
        """Return the content of /readyz; empty if nothing listens."""
        try:
            return dict(json.loads(probed(f"{self.url}/readyz")[1]))
        except OSError:
            return {}

    @property
    def ready(self) -> bool:
        return bool(self.readiness().get("ready"))

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as answer:  # noqa: S310 - ours
            return str(answer.read().decode())

    def values(self, metric: Metric) -> dict[tuple[str, ...], float]:
        """Return what it exposes of a metric, by the values of its labels."""
        samples = parse_metrics(self.url, self.metrics()).of(metric)
        return {tuple(one.labels[name] for name in metric.labels): one.value for one in samples}

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Wait until it is ready; if it is not, fail with its log."""
        is_decided = wait_until(lambda: self.ready or self._gone, seconds=seconds)
        # Not queried again: the next worker that joins makes this one unready for a moment.
        was_ready = is_decided and not self._gone
        assert was_ready, self.log[-5000:]

    @property
    def _gone(self) -> bool:
        return not self.alive and not self.is_supervised

    def shows(self, text: str) -> bool:
        """Return whether its /metrics has a text; False while it does not answer."""
        try:
            return text in self.metrics()
        except OSError:
            return False

    def overdue(self) -> int:
        with urllib.request.urlopen(f"{self.url}/histories", timeout=10) as answer:  # noqa: S310
            return int(json.loads(answer.readline())["overdue"])

    def has_read(self, outcome: str = "") -> bool:
        """Return whether it counted a record, with an outcome if given; False without an answer."""
        labels = rf'[^}}]*outcome="{outcome}"[^}}]*' if outcome else "[^}]*"
        counted = rf"^smartregion_events_total\{{{labels}\}} [1-9]"
        try:
            return re.search(counted, self.metrics(), re.MULTILINE) is not None
        except OSError:
            return False


class WorkerFactory:
    """Makes the workers of one test; all are killed when it ends."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self._bootstrap = bootstrap
        self._folder = folder
        self._workers: list[Worker] = []

    def worker(
        self, name: str = "worker", *, module: str = "smart_region", **settings: str
    ) -> Worker:
        """Return a worker that is not started; settings are named as in `streams.settings`."""
        return self._new(name, settings, module=module)

    def assessor(self, **settings: str) -> Worker:
        return self._new("assessor", settings, command="assessor")

    def page(self, **settings: str) -> Worker:
        return self._new("page", settings, command="page")

    def stop_all(self) -> None:
        for worker in self._workers:
            worker.kill()

    def _new(self, name: str, settings: Mapping[str, str], **how: str) -> Worker:
        variables = environment_variables(settings)
        worker = Worker(self._bootstrap, self._folder, name=name, settings=variables, **how)
        self._workers.append(worker)
        return worker


def everything(assessor: Worker) -> dict[str, Mapping[tuple[str, ...], float]]:
    """Return all that it shows but of itself."""
    shown = [one for one in metrics.ASSESSOR_METRICS if one not in _OWN]
    return {metric.name: assessor.values(metric) for metric in shown}


@contextmanager
def supervised(worker: Worker) -> Iterator[list[int]]:
    """Restart a worker whenever it ends, as any supervisor does; yield the exit statuses."""
    statuses: list[int] = []
    done = threading.Event()

    def supervise() -> None:
        while not done.wait(0.1):
            status = worker.status
            if status is not None:
                statuses.append(status)
                worker.start()
        worker.kill()

    worker.is_supervised = True
    worker.start()
    thread = threading.Thread(target=supervise)
    thread.start()
    try:
        yield statuses
    finally:
        done.set()
        thread.join()
        worker.is_supervised = False
