"""A worker in the simulation: the real one, in a process that its supervisor starts again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from streams import worker
from streams.batch_transport import BatchTransport
from streams.engine import Engine
from tests.simulation.loop import Process, SimulationLoop, current_process

if TYPE_CHECKING:
    from catalogue.model import Catalogue
    from events.producers.model import Producers
    from events.record_rules import RecordRules
    from streams.membership import Membership
    from streams.queries.telling import Teller
    from streams.settings import Settings

__all__ = ["SimulatedWorker", "watch_workers"]

RESTART_SECONDS = 0.5
#: Shorter than the shipped one, as all times of the simulation are.
HOLD_SECONDS = 1.0


class SimulatedWorker:
    """A worker and its supervisor: `process` is the one that runs now, if any."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        *,
        loop: SimulationLoop,
        catalogue: Catalogue,
        producers: Producers,
        rules: RecordRules,
        note: Callable[[str], None],
    ) -> None:
        self.name = name
        self.settings = settings
        self.process: Process | None = None
        self.engine: Engine | None = None
        self.membership: Membership | None = None
        self.teller: Teller | None = None
        self.clock_offset = 0.0
        self.is_wanted = True
        self.starts = 0
        self.note = note
        self._loop = loop
        self.catalogue = catalogue
        self._producers = producers
        self._rules = rules
        self._ended: asyncio.Future[int] | None = None

    async def supervise(self) -> None:
        """Start the worker, and again each time that it ends, while it is wanted."""
        while self.is_wanted:
            self.starts += 1
            self._ended = self._loop.create_future()
            self.process = process = Process(self.name, clock_offset=self.clock_offset)
            process.owner = self
            process.on_kill.append(self._on_kill)
            self.note(f"{self.name} starts")
            self._loop.spawn(process, self._work)
            status = await self._ended
            self.note(f"{self.name} ended status={status}")
            self.process = self.engine = self.membership = self.teller = None
            await asyncio.sleep(RESTART_SECONDS)

    def kill(self) -> None:
        """End the process as SIGKILL does."""
        if self.process is not None and not self.process.is_killed:
            self._loop.kill(self.process)
            self.on_exit(-signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end, as SIGTERM does."""
        process = self.process
        if process is not None and (handler := process.signals.get(signal.SIGTERM)) is not None:
            self._loop.run_in(process, handler)

    def on_exit(self, status: int) -> None:
        """Tell the supervisor that the process has ended."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(status)

    def _on_kill(self) -> None:
        self.membership = None

    async def _work(self) -> None:
        settings = self.settings
        self.engine = Engine(
            self.catalogue,
            settings.make_clock(),
            app_id=settings.app_id,
            partitions=settings.partitions,
            producers=self._producers,
            skipped={},
            rules=self._rules,
        )
        self.engine.hold_seconds = HOLD_SECONDS
        await worker._run(settings, self.engine, BatchTransport)


def watch_workers() -> None:
    """Let each simulated worker know its membership and its teller, once it has them."""
    _watch("Membership", "membership")
    _watch("Teller", "teller")


def _watch(kind: str, name: str) -> None:
    real: Any = vars(worker)[kind]

    def made(*given: Any) -> Any:
        one = real(*given)
        setattr(current_process().owner, name, one)
        return one

    vars(worker)[kind] = made
