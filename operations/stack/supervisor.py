"""Keeps services running: started in order, started again when they end, ended in order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final, NoReturn, Self

from operations.stack.errors import GivenUpError, NeverReadyError
from operations.stack.restart_backoff import RestartBackoff
from operations.stack.service import Service

__all__ = ["Supervisor"]

READY_SECONDS: Final = 120.0
TICK_SECONDS: Final = 0.1
LOG_LINES: Final = 20
"""How many of a log's last lines are told where a service is given up."""


class Supervisor:
    """Looks after services as long as a `with` block; then ends them, last first.

    Enter it from the main thread: a service lives as long as the thread that started it.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`tell` hears, line by line, what becomes of the services."""
        self._tell = tell
        self._clock = clock
        self._pause = pause
        self._groups: list[tuple[Service, ...]] = []
        self._backoff: dict[str, RestartBackoff] = {}
        self._due: dict[str, float] = {}
        """When those that have ended are started again."""
        self._awaited: dict[str, float] = {}
        """Since when those that do not serve yet are awaited."""

    def __enter__(self) -> Self:
        """Begin; nothing runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End all of them: who was started together ends together."""
        if self._groups:
            # Who started us may have closed the terminal.
            with suppress(OSError):
                self._tell("ending everything")
        for group in reversed(self._groups):
            for service in group:
                service.program.ask_to_end()
            for service in group:
                service.program.end()

    def start(self, *services: Service) -> None:
        """Start services together, and return once all of them serve.

        Raises NeverReadyError where one does not in two minutes, GivenUpError where one of all
        ends too often.
        """
        began = self._clock()
        self._groups.append(services)
        for service in services:
            self._backoff[service.name] = RestartBackoff()
            self._begin(service)
        names = {service.name for service in services}
        while late := names & self._awaited.keys():
            if self._clock() - began > READY_SECONDS:
                self._give_up_waiting(late)
            self._look()

    def watch(self) -> NoReturn:
        """Look after all of them until something raises. Raises GivenUpError."""
        while True:
            self._look()

    def _look(self) -> None:
        """See once after every service, then rest a little."""
        for service in self._services():
            self._look_after(service)
        self._pause(TICK_SECONDS)

    def _look_after(self, service: Service) -> None:
        name, now = service.name, self._clock()
        if name in self._due:
            if now >= self._due[name]:
                del self._due[name]
                self._begin(service)
        elif service.program.status is not None:
            self._lament(service, service.program.status)
        elif name in self._awaited and service.is_ready():
            began = self._awaited.pop(name)
            self._tell(f"{name}: ready after {self._clock() - began:.1f} s")

    def _begin(self, service: Service) -> None:
        service.program.start()
        now = self._clock()
        self._backoff[service.name].begin(now)
        self._awaited.setdefault(service.name, now)

    def _lament(self, service: Service, status: int) -> None:
        """Say that it ended, and when it is started again. Raises GivenUpError."""
        backoff, now = self._backoff[service.name], self._clock()
        pause = backoff.end(now)
        if pause is None:
            self._tell_log(service)
            raise GivenUpError(
                service.name,
                deaths=backoff.quick_deaths,
                status=status,
                log=service.program.log_file,
            )
        self._awaited.setdefault(service.name, now)
        self._due[service.name] = now + pause
        self._tell(f"{service.name}: ended {_how(status)}; started again in {pause:.1f} s")

    def _give_up_waiting(self, late: Collection[str]) -> NoReturn:
        service = next(one for one in self._services() if one.name in late)
        self._tell_log(service)
        raise NeverReadyError(service.name, seconds=READY_SECONDS, log=service.program.log_file)

    def _tell_log(self, service: Service) -> None:
        self._tell(f"the end of {service.program.log_file}:")
        for line in service.program.log_end(LOG_LINES):
            self._tell(f"  {line}")

    def _services(self) -> list[Service]:
        return [service for group in self._groups for service in group]


def _how(status: int) -> str:
    """Say how a program ended, as its status tells."""
    if status >= 0:
        return f"by itself with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"
