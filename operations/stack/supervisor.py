"""The stack's programs: started in order, restarted with a backoff, stopped in reverse order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NoReturn, Self

from boundary.errors import SmartRegionError
from operations.programs.program import Program

READY_SECONDS: Final = 120.0
TICK_SECONDS: Final = 0.1
LOG_LINES: Final = 20
"""How many of a log's last lines are shown when a program is not restarted any more."""
QUICK_SECONDS: Final = 30.0
"""A run that is shorter counts as failed at its start: the next one will most likely fail too."""
MAX_QUICK_EXITS: Final = 5
MIN_PAUSE: Final = 0.5
MAX_PAUSE: Final = 30.0


@dataclass(slots=True)
class _Service:
    """A program that is kept running; times are those of the supervisor's clock."""

    program: Program
    began: float = 0.0
    """The last start."""
    quick_exits: int = 0
    """How many consecutive runs were quick."""
    awaited_since: float | None = None
    """None once it is ready."""
    due: float | None = None
    """When it is started again, once it has ended."""


@dataclass(slots=True)
class Supervisor:
    """Runs programs as long as a `with` block; then stops them, last first.

    Enter it from the main thread: a program lives as long as the thread that started it.
    """

    report: Callable[[str], None]
    """Receives each line about the programs."""
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    _groups: list[list[_Service]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Begin; nothing runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all programs; those that were started together stop together."""
        if self._groups:
            # The terminal may have been closed.
            with suppress(OSError):
                self.report("stopping all services")
        for group in reversed(self._groups):
            for service in group:
                service.program.terminate()
            for service in group:
                service.program.stop()

    def start(self, *programs: Program) -> None:
        """Start programs together, and return once all of them are ready.

        Raises SmartRegionError if one is not ready within two minutes, or if any program ends too
        often.
        """
        began = self.clock()
        group = [_Service(program) for program in programs]
        self._groups.append(group)
        for service in group:
            self._launch(service)
        while late := [one.program for one in group if one.awaited_since is not None]:
            if self.clock() - began > READY_SECONDS:
                raise self._error(late[0], f"is not ready after {READY_SECONDS:.0f} s")
            self._check_all()

    def watch(self) -> NoReturn:
        """Keep all programs running. Raises SmartRegionError."""
        while True:
            self._check_all()

    def _check_all(self) -> None:
        for service in chain.from_iterable(self._groups):
            self._check(service)
        self.pause(TICK_SECONDS)

    def _check(self, service: _Service) -> None:
        if service.due is not None:
            if self.clock() >= service.due:
                self._launch(service)
        elif (status := service.program.status) is not None:
            self._schedule_restart(service, status)
        elif service.awaited_since is not None and service.program.is_ready:
            took = self.clock() - service.awaited_since
            service.awaited_since = None
            self.report(f"{service.program.name}: ready after {took:.1f} s")

    def _launch(self, service: _Service) -> None:
        service.program.launch()
        service.due = None
        service.began = self.clock()
        if service.awaited_since is None:
            service.awaited_since = service.began

    def _schedule_restart(self, service: _Service, status: int) -> None:
        """Schedule the restart of a program that ended; each quick exit in a row doubles the pause.

        Raises SmartRegionError.
        """
        now = self.clock()
        is_quick = now - service.began < QUICK_SECONDS
        service.quick_exits = service.quick_exits + 1 if is_quick else 0
        if service.quick_exits >= MAX_QUICK_EXITS:
            raise self._error(
                service.program,
                f"ended {service.quick_exits} times in a row soon after its start, last with"
                f" status {status}",
            )
        pause = min(MAX_PAUSE, MIN_PAUSE * 2.0 ** max(0, service.quick_exits - 1))
        if service.awaited_since is None:
            service.awaited_since = now
        service.due = now + pause
        self.report(f"{service.program.name}: ended {_how(status)}; started again in {pause:.1f} s")

    def _error(self, program: Program, problem: str) -> SmartRegionError:
        self.report(f"the end of {program.log_file}:")
        for line in program.log_end(LOG_LINES):
            self.report(f"  {line}")
        return SmartRegionError(
            f"{program.name}: {problem}: correct what {program.log_file} shows and start the stack"
            " again"
        )


def _how(status: int) -> str:
    """Describe an exit status."""
    if status >= 0:
        return f"by itself with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"
