"""The real programs of a run, worker and gateway, each under a supervisor."""

from __future__ import annotations

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import time
from typing import Any, Final

from catalogue.model import Catalogue
from events.producers.model import Producers
from events.producers.secrets import Secrets
from events.record_rules import RecordRules
from gateway import server
from gateway.settings import load_gateway_settings
from streams import worker
from streams.batch_transport import BatchTransport
from streams.engine import Engine
from streams.membership import Membership
from streams.queries.serving import HistoriesResponder
from streams.settings import Settings
from streams.topic_watch import KnownTopics
from tests.simulation.loop import Process, SimulationLoop, current_process
from tests.simulation.snapshot_folders import SnapshotFolders
from tests.simulation.stand_ins import Listening

RESTART_SECONDS: Final = 0.5
#: Shorter than the shipped one, like all times of the simulation, and longer than a rebalance may
#: wait for a member.
HOLD_SECONDS: Final = 14.0
_HOST: Final = "127.0.2.1"
_PORT, _PROBE_PORT = 6070, 6071
URL: Final = f"http://{_HOST}:{_PORT}"
DELIVERY_SECONDS, STOP_SECONDS = 3.0, 4


class Supervised(ABC):
    """A program and its supervisor; `process` is the current process, if any."""

    def __init__(self, name: str, *, loop: SimulationLoop, note: Callable[[str], None]) -> None:
        self.name = name
        self.process: Process | None = None
        self.clock_offset = 0.0
        self.is_wanted = True
        self.is_stopping = False
        self.starts = 0
        self.note = note
        self._loop = loop
        self._ended: asyncio.Future[int] | None = None

    @abstractmethod
    async def work(self) -> None:
        """Run the program until it ends."""

    def forget(self) -> None:  # noqa: B027 - a program may have nothing to forget
        """Forget the state of the process, which has ended or is about to end."""

    async def supervise(self) -> None:
        """Start the program, and restart it whenever it ends, as long as it should run."""
        while self.is_wanted:
            self.starts += 1
            self.is_stopping = False
            self._ended = self._loop.create_future()
            self.process = process = Process(self.name, clock_offset=self.clock_offset)
            process.owner = self
            process.on_kill.append(self.forget)
            self.note(f"{self.name} starts")
            self._loop.spawn(process, self._run)
            status = await self._ended
            self.note(f"{self.name} ended status={status}")
            self.process = None
            self.forget()
            await asyncio.sleep(RESTART_SECONDS)

    def kill(self) -> None:
        """End the process as SIGKILL does."""
        self._end(-signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end, as SIGTERM does."""
        process = self.process
        if process is not None and (handler := process.signals.get(signal.SIGTERM)) is not None:
            self.is_stopping = True
            self._loop.run_in(process, handler)

    def on_exit(self, status: int) -> None:
        """Note that the process has ended."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(status)

    async def _run(self) -> None:
        await self.work()
        self._end(0)

    def _end(self, status: int) -> None:
        if self.process is not None and not self.process.is_killed:
            self._loop.kill(self.process)
            self.on_exit(status)


class SimulatedWorker(Supervised):
    """A worker, with the parts of its current process."""

    def __init__(  # noqa: PLR0913 - what it is made of, by name
        self,
        name: str,
        settings: Settings,
        *,
        loop: SimulationLoop,
        catalogue: Catalogue,
        producers: Producers,
        rules: RecordRules,
        note: Callable[[str], None],
        committed: Callable[[], Mapping[tuple[str, int], int]],
    ) -> None:
        super().__init__(name, loop=loop, note=note)
        self.settings = settings
        self.engine: Engine | None = None
        self.membership: Membership | None = None
        self.responder: HistoriesResponder | None = None
        self.catalogue = catalogue
        self._producers = producers
        self._rules = rules
        self._committed = committed
        self.committed_before: Mapping[tuple[str, int], int] = {}
        """The group's offsets when the process began, by topic and partition."""
        self.snapshots: SnapshotFolders | None = None

    def forget(self) -> None:
        """Forget the parts of the process."""
        self.engine = self.membership = self.responder = None

    async def work(self) -> None:
        """Run the worker until it ends."""
        settings, self.committed_before = self.settings, self._committed()
        if self.snapshots is not None:
            self.snapshots.damage()
        self.engine = Engine(
            self.catalogue,
            settings.make_clock(),
            partitions=settings.partitions,
            producers=self._producers,
            skipped={},
            accepted=vars(worker)["read_decisions"](settings.broker).losses,
            rules=self._rules,
        )
        self.engine.hold_seconds = HOLD_SECONDS
        await worker._run(settings, self.engine, BatchTransport, KnownTopics(settings, {}, {}))


class SimulatedGateway(Supervised):
    """A gateway in front of the cluster."""

    def __init__(
        self,
        *,
        bootstrap: str,
        producers: Producers,
        secrets: Secrets,
        loop: SimulationLoop,
        note: Callable[[str], None],
    ) -> None:
        super().__init__("gateway", loop=loop, note=note)
        self._producers = producers
        self._secrets = secrets
        self._settings = load_gateway_settings(
            broker=bootstrap,
            gateway_delivery_timeout=DELIVERY_SECONDS,
            gateway_stop_timeout=STOP_SECONDS,
        )

    async def work(self) -> None:
        """Run the gateway until it ends."""
        listeners: Any = tuple(Listening(self._loop, _HOST, port) for port in (_PORT, _PROBE_PORT))
        await server._serve(self._settings, self._producers, self._secrets, None, None, listeners)


def watch_programs() -> None:
    """Keep the membership and the responder of each worker, and give gateways their own clocks."""
    _watch("Membership", "membership")
    _watch("HistoriesResponder", "responder")
    vars(server)["_now"] = lambda: datetime.fromtimestamp(time(), UTC)


def _watch(kind: str, name: str) -> None:
    real: Any = vars(worker)[kind]

    def made(*given: Any) -> Any:
        one = real(*given)
        setattr(current_process().owner, name, one)
        return one

    vars(worker)[kind] = made
