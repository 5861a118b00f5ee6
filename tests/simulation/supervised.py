"""A program in a process of the simulation that its supervisor starts again each time it ends."""

from __future__ import annotations

import asyncio
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable

from tests.simulation.loop import Process, SimulationLoop

RESTART_SECONDS = 0.5


class Supervised(ABC):
    """A program and its supervisor: `process` is the one that runs now, if any."""

    def __init__(self, name: str, *, loop: SimulationLoop, note: Callable[[str], None]) -> None:
        self.name = name
        self.process: Process | None = None
        self.clock_offset = 0.0
        self.is_wanted = True
        #: Cleared while an operator keeps it stopped.
        self.may_run = asyncio.Event()
        self.may_run.set()
        self.starts = 0
        self.note = note
        self._loop = loop
        self._ended: asyncio.Future[int] | None = None

    @abstractmethod
    async def work(self) -> None:
        """Run the program until it ends."""

    def forget(self) -> None:  # noqa: B027 - a program may have nothing
        """Forget what the process had, which has ended or will at once."""

    async def supervise(self) -> None:
        """Start the program, and again each time that it ends, while it is wanted."""
        while self.is_wanted:
            if not self.may_run.is_set():
                await self.may_run.wait()
                continue
            self.starts += 1
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
            self._loop.run_in(process, handler)

    def on_exit(self, status: int) -> None:
        """Tell the supervisor that the process has ended."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(status)

    async def _run(self) -> None:
        await self.work()
        self._end(0)

    def _end(self, status: int) -> None:
        if self.process is not None and not self.process.is_killed:
            self._loop.kill(self.process)
            self.on_exit(status)
