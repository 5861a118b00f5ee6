"""The parts of a run: brokers, workers, gateway and assessor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from broker.topic_admin import apply_topics
from events.topics import declared_topics
from tests.chaos.cluster import Cluster
from tests.chaos.faults import BROKERS
from tests.support.gateway_senders import REGION, Account
from tests.support.gateways import Credentials, Gateway
from tests.support.running_gateway import new_gateway
from tests.support.waiting import wait_until
from tests.support.workers import Worker, supervised

READY_SECONDS: Final = 300.0
"""More than a worker needs to end, and to begin again, that does not get ready."""
GIVE_UP_SECONDS: Final = "120"
"""A worker ends that is not ready after so long."""
SESSION_SECONDS: Final = "10"
"""Of the group: a worker that sleeps for longer has lost its partitions."""
DELIVERY_SECONDS: Final = "5"
"""After so long the gateway gives up what waits for the broker, and answers 503."""


@dataclass(frozen=True)
class System:
    cluster: Cluster
    workers: tuple[Worker, ...]
    assessor: Worker
    gateway: Gateway
    credentials: Credentials
    restarts: list[list[int]] = field(default_factory=list)
    """The exit statuses of each supervised process."""
    account: Account = field(default_factory=Account)
    """Of the gateway's senders."""

    @classmethod
    @contextmanager
    def started(cls, folder: Path, *, workers: int) -> Iterator[System]:
        """Yield a system that serves, with empty topics; data and logs are in the folder."""
        with ExitStack() as stack:
            cluster = stack.enter_context(Cluster.started(folder))
            apply_topics(cluster.bootstrap, declared_topics(replication=BROKERS))
            settings = {
                "SMART_REGION_REPLICATION": str(BROKERS),
                "SMART_REGION_SESSION_TIMEOUT": SESSION_SECONDS,
                "SMART_REGION_READY_TIMEOUT": GIVE_UP_SECONDS,
                # With what the client says, which is the only trace of a worker that waits.
                "SMART_REGION_LOG_LEVEL": "debug",
            }
            team = [
                Worker(cluster.bootstrap, folder, name=f"worker-{number}", settings=settings)
                for number in range(1, workers + 1)
            ]
            asked = {**settings, "SMART_REGION_WORKERS": ",".join(one.url for one in team)}
            assessor = Worker(
                cluster.bootstrap, folder, name="assessor", command="assessor", settings=asked
            )
            gateway, credentials = new_gateway(
                cluster.bootstrap, folder, REGION, gateway_delivery_timeout=DELIVERY_SECONDS
            )
            stack.callback(gateway.kill)
            system = cls(cluster, tuple(team), assessor, gateway, credentials)
            for process in (*team, assessor):
                system.restarts.append(stack.enter_context(supervised(process)))
            gateway.launch()
            system.wait_ready()
            yield system

    def start_gateway(self) -> None:
        if not self.gateway.alive:
            self.gateway.launch()

    def heal(self) -> None:
        for worker in (*self.workers, self.assessor):
            if worker.alive:
                worker.wake()
        self.cluster.heal(self.start_gateway)
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until workers, assessor and gateway serve; fails with the log of who does not."""
        for worker in (*self.workers, self.assessor):
            worker.wait_ready(READY_SECONDS)

        def gateway_serves() -> bool:
            self.start_gateway()
            return self.gateway.ready

        assert wait_until(gateway_serves, seconds=READY_SECONDS), self.gateway.log[-2000:]
