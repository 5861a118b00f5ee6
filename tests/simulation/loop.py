"""An event loop with virtual time, in which the processes of a simulation take turns.

A callback belongs to the process in whose context it was scheduled. A paused process keeps its
callbacks until it resumes; a killed process loses them, whichever await it had reached.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, Final

#: The share of callbacks between threads that must wait for a turn.
_LONG_TURNS: Final = 0.3
#: How long a callback takes: as on a processor, time passes even if nothing waits.
STEP_SECONDS: Final = 0.000_005


class StuckError(Exception):
    """Nothing is left to happen, and the simulation has not ended."""


class Process:
    """A process of the simulation: whatever runs in its context ends with it."""

    def __init__(self, name: str, *, clock_offset: float = 0.0) -> None:
        self.name = name
        #: How far this machine's clock is ahead, in seconds; its pace is the same.
        self.clock_offset = clock_offset
        self.ready: deque[_Handle] = deque()
        self.is_queued = False
        self.is_paused = False
        self.is_killed = False
        #: The number of callbacks that have run, and the one before which `at_break` is called, so
        #: that a fault happens at an exact point.
        self.steps = 0
        self.break_at = -1
        self.at_break: Callable[[], None] | None = None
        #: When the last scheduled callback of another thread will run.
        self.threads_at = 0.0
        #: Its supervisor, if it has one.
        self.owner: Any = None
        #: Its handlers by signal.
        self.signals: dict[int, Callable[[], object]] = {}
        #: Called when the process ends; cuts its connections, for example.
        self.on_kill: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<Process {self.name}>"


#: Owns what runs outside all processes: the network, the schedule of faults, the oracle.
_WORLD: Final = Process("world")
_CURRENT: Final[ContextVar[Process]] = ContextVar("process", default=_WORLD)


def current_process() -> Process:
    """Return the process in whose context the caller runs."""
    return _CURRENT.get()


class _Handle(asyncio.TimerHandle):
    """A scheduled callback, without the checks and the traceback of asyncio's own handle."""

    __slots__ = ()

    def __init__(
        self, callback: Callable[..., Any], args: Any, context: Context | None, when: float = 0.0
    ) -> None:
        self._callback = callback
        self._args = args
        self._context = copy_context() if context is None else context
        self._cancelled = False
        self._when = when

    def cancel(self) -> None:
        """Cancel it; a cancelled timer is dropped when it is due."""
        self._cancelled = True
        self._callback = self._args = None  # type: ignore[assignment]


_numbers = count(1)


def _number_in_run(self: Any) -> int:
    """Return the number of a future or a task."""
    try:
        number: int = self._number
    except AttributeError:
        number = self._number = next(_numbers)
    return number


class _NumberedFuture(asyncio.Future):  # type: ignore[type-arg]
    """A future whose hash is its number in this run."""

    __slots__ = ("_number",)

    __hash__ = _number_in_run


class _NumberedTask(asyncio.Task):  # type: ignore[type-arg]
    """A task whose hash is its number in this run."""

    __slots__ = ("_number",)

    __hash__ = _number_in_run


class SimulationLoop(asyncio.BaseEventLoop):
    """A loop whose time jumps to the next timer once nothing is ready.

    Among the processes that are ready, `chance` selects the next one to run; within a process,
    callbacks keep their order, as in its own loop. Raises StuckError if neither a callback nor a
    timer is left.
    """

    def __init__(self, chance: Random) -> None:
        super().__init__()
        self._now = 0.0
        self._chance = chance
        self._runnable: list[Process] = []
        self._timers: list[tuple[float, int, _Handle]] = []
        self._sequence = 0
        #: Set when the network is created.
        self.network: Any = None
        #: How long another thread of a process may delay its callbacks, in seconds.
        self.longest_turn = 0.0
        # For tasks that are no longer awaited: the judgement finds what they break.
        self.set_exception_handler(lambda *_: None)
        # Sets of futures have one order in all runs.
        self.create_future = partial(_NumberedFuture, loop=self)  # type: ignore[method-assign]
        # Called for each future and task: `bool` is the fastest callable that returns False.
        self.get_debug = bool  # type: ignore[method-assign]
        # The set of all tasks is never read, and maintaining it costs as much as creating a task.
        tasks = "_all_tasks" if sys.version_info < (3, 12) else "_scheduled_tasks"
        vars(asyncio.tasks)[tasks].add = deque[Any](maxlen=0).append

    # -- time

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._now

    # -- scheduling

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Schedule a callback in the process of its context."""
        handle = _Handle(callback, args, context)
        process: Process = handle._context.get(_CURRENT, _WORLD)
        if not process.is_killed:
            process.ready.append(handle)
            if not process.is_queued:
                self._queue(process)
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Schedule a callback of another thread, in order, once that thread gets its turn."""
        if not self.longest_turn or self._chance.random() >= _LONG_TURNS:
            delay = 0.0
        else:
            delay = self._chance.uniform(0.0, self.longest_turn)
        process = current_process()
        process.threads_at = max(process.threads_at, self._now + delay)
        if process.threads_at == self._now:
            return self.call_soon(callback, *args, context=context)
        return self.call_at(process.threads_at, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule a callback at a virtual time."""
        timer = _Handle(callback, args, context, when)
        self._sequence += 1
        heappush(self._timers, (when, self._sequence, timer))
        return timer

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Schedule a callback after a virtual delay."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def _queue(self, process: Process) -> None:
        if not process.is_queued and not process.is_paused and process.ready:
            process.is_queued = True
            self._runnable.append(process)

    def _run_once(self) -> None:
        timers, runnable = self._timers, self._runnable
        while not self._stopping:  # type: ignore[attr-defined]
            if not runnable:
                self._advance()
            while timers and timers[0][0] <= self._now:
                timer = heappop(timers)[2]
                if timer._cancelled:
                    continue
                process: Process = timer._context.get(_CURRENT, _WORLD)
                if not process.is_killed:
                    process.ready.append(timer)
                    self._queue(process)
            if runnable:
                self._take_turn(
                    runnable.pop(self._chance._randbelow(len(runnable)))  # type: ignore[attr-defined]
                    if len(runnable) > 1
                    else runnable.pop()
                )

    def _take_turn(self, process: Process) -> None:
        """Run the callbacks that are ready in a process."""
        # Callbacks that become ready in this turn run in the next one.
        ready, process.ready = process.ready, deque()
        while ready:
            handle = ready.popleft()
            if handle._cancelled:
                continue
            if process.steps == process.break_at and process.at_break is not None:
                process.break_at = -1
                process.at_break()
            if process.is_killed or process.is_paused:
                ready.appendleft(handle)
                break
            process.steps += 1
            self._now += STEP_SECONDS
            try:
                handle._context.run(handle._callback, *handle._args)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException:
                # As under asyncio, the program continues: the judgement finds what this breaks.
                if process.owner is None:
                    raise
        process.is_queued = False
        if process.is_killed:
            process.ready.clear()
            return
        if ready:
            ready.extend(process.ready)
            process.ready = ready
        self._queue(process)

    def _advance(self) -> None:
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        if not timers:
            message = f"nothing is left to happen at {self._now:.3f} s"
            raise StuckError(message)
        self._now = max(self._now, timers[0][0])

    # -- processes

    def spawn(self, process: Process, work: Callable[[], Any]) -> asyncio.Task[Any]:
        """Start a coroutine function as the first task of a process."""
        context = copy_context()
        context.run(_CURRENT.set, process)
        return context.run(self.create_task, work())

    def run_in(self, process: Process, callback: Callable[[], object]) -> None:
        """Schedule a callback in a process."""
        context = copy_context()
        context.run(_CURRENT.set, process)
        self.call_soon(callback, context=context)

    @staticmethod
    def in_process(process: Process, context: Context) -> None:
        """Assign everything that runs in a context to a process."""
        context.run(_CURRENT.set, process)

    def pause(self, process: Process) -> None:
        """Stop a process as SIGSTOP does, while time continues."""
        process.is_paused = True

    def resume(self, process: Process) -> None:
        """Resume a paused process, with everything that became due meanwhile."""
        if not process.is_paused or process.is_killed:
            return
        process.is_paused = False
        self._queue(process)

    def kill(self, process: Process) -> None:
        """End a process as SIGKILL does: none of its code runs again, not even a `finally`."""
        process.is_killed = True
        process.ready.clear()
        callbacks, process.on_kill = process.on_kill, []
        for callback in callbacks:
            callback()

    # -- the rest of a loop's interface

    def create_task(
        self,
        coro: Any,
        *,
        name: object = None,
        context: Context | None = None,
        **_: Any,
    ) -> asyncio.Task[Any]:
        """Return a task whose hash is its number in this run; it never starts eagerly."""
        return _NumberedTask(coro, loop=self, name=name, context=context)  # type: ignore[arg-type]

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], Any],
        host: str = "",
        port: int = 0,
        *,
        sock: tuple[str, int] | None = None,
        **_: Any,
    ) -> tuple[asyncio.Transport, Any]:
        """Connect over the simulated network; `sock` is the address that aiohttp has chosen."""
        connected: tuple[asyncio.Transport, Any] = await self.network.connect(
            protocol_factory, *(sock or (host, port))
        )
        return connected

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Call it immediately: there is only one thread."""
        del executor
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - returned to the caller
            future.set_exception(error)
        return future

    def _process_events(self, event_list: object) -> None:
        """Do nothing: there are no files."""

    def _write_to_self(self) -> None:
        """Do nothing: there is one thread."""
