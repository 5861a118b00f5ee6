"""Services of the stack: started in order, restarted with a backoff, ended in reverse order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, NoReturn, Self

from boundary.errors import SmartRegionError
from boundary.http_client import NoAnswerError, http_get
from operations.programs.program import Program

READY_SECONDS: Final = 120.0
TICK_SECONDS: Final = 0.1
LOG_LINES: Final = 20
"""How many of a log's last lines are shown where a service is not restarted any more."""
QUICK_SECONDS: Final = 30.0
"""A run that is shorter counts as failed at its start: the next one will most likely fail too."""
MAX_QUICK_EXITS: Final = 5
MIN_PAUSE: Final = 0.5
MAX_PAUSE: Final = 30.0
ANSWER_SECONDS: Final = 2.0
"""Timeout of a readiness check, which blocks the supervisor."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that is kept running, and the check of its readiness."""

    program: Program
    is_ready: Callable[[], bool]
    """Returns whether it serves since its last start, within ANSWER_SECONDS."""

    @property
    def name(self) -> str:
        """The program's name."""
        return self.program.name


def answers(address: str, path: str) -> Callable[[], bool]:
    """Return a check whether a server at HOST:PORT answers 200 for a path."""

    def check() -> bool:
        try:
            answer = http_get(f"http://{address}{path}", seconds=ANSWER_SECONDS, most_bytes=0)
        except NoAnswerError:
            return False
        return answer.status == HTTPStatus.OK

    return check


def has_logged(program: Program, text: str) -> Callable[[], bool]:
    """Return a check whether a program has logged a text since its last start."""
    return lambda: text in program.log


class RestartBackoff:
    """The restarts of one service, on a monotonic clock in seconds."""

    def __init__(self) -> None:
        self.quick_exits = 0
        """How many consecutive runs were quick."""
        self._began = 0.0

    def begin(self, now: float) -> None:
        """Note the start of a run."""
        self._began = now

    def end(self, now: float) -> float | None:
        """Note the end of a run; return the pause before the next in seconds, None: no restart.

        Each consecutive quick exit doubles the pause.
        """
        self.quick_exits = self.quick_exits + 1 if now - self._began < QUICK_SECONDS else 0
        if self.quick_exits >= MAX_QUICK_EXITS:
            return None
        return min(MAX_PAUSE, MIN_PAUSE * 2.0 ** max(0, self.quick_exits - 1))


class Supervisor:
    """Runs services as long as a `with` block; then stops them, last first.

    Enter it from the main thread: a service lives as long as the thread that started it.
    """

    def __init__(
        self,
        report: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`report` receives each line about the services."""
        self._report = report
        self._clock = clock
        self._pause = pause
        self._groups: list[tuple[Service, ...]] = []
        self._backoff: dict[str, RestartBackoff] = {}
        self._due: dict[str, float] = {}
        """When each service that has ended is started again."""
        self._awaited: dict[str, float] = {}
        """Since when each service that is not ready yet is awaited."""

    def __enter__(self) -> Self:
        """Begin; nothing runs yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all services; those that were started together stop together."""
        if self._groups:
            # The terminal may have been closed.
            with suppress(OSError):
                self._report("stopping all services")
        for group in reversed(self._groups):
            for service in group:
                service.program.terminate()
            for service in group:
                service.program.end()

    def start(self, *services: Service) -> None:
        """Start services together, and return once all of them are ready.

        Raises SmartRegionError where one is not in two minutes, or one of all services ends too
        often.
        """
        began = self._clock()
        self._groups.append(services)
        for service in services:
            self._backoff[service.name] = RestartBackoff()
            self._begin(service)
        names = {service.name for service in services}
        while late := names & self._awaited.keys():
            if self._clock() - began > READY_SECONDS:
                program = next(one.program for one in self._services() if one.name in late)
                self._report_log(program)
                raise SmartRegionError(
                    f"{program.name}: is not ready after {READY_SECONDS:.0f} s: correct what"
                    f" {program.log_file} shows and start the stack again"
                )
            self._check_all()

    def watch(self) -> NoReturn:
        """Keep all services running. Raises SmartRegionError."""
        while True:
            self._check_all()

    def _check_all(self) -> None:
        """Check every service once, then pause."""
        for service in self._services():
            self._check(service)
        self._pause(TICK_SECONDS)

    def _check(self, service: Service) -> None:
        name, now = service.name, self._clock()
        if name in self._due:
            if now >= self._due[name]:
                del self._due[name]
                self._begin(service)
        elif service.program.status is not None:
            self._handle_exit(service, service.program.status)
        elif name in self._awaited and service.is_ready():
            began = self._awaited.pop(name)
            self._report(f"{name}: ready after {self._clock() - began:.1f} s")

    def _begin(self, service: Service) -> None:
        service.program.start()
        now = self._clock()
        self._backoff[service.name].begin(now)
        self._awaited.setdefault(service.name, now)

    def _handle_exit(self, service: Service, status: int) -> None:
        """Schedule the restart of a service that ended. Raises SmartRegionError."""
        backoff, now = self._backoff[service.name], self._clock()
        pause = backoff.end(now)
        if pause is None:
            self._report_log(service.program)
            raise SmartRegionError(
                f"{service.name}: ended {backoff.quick_exits} times in a row soon after its start,"
                f" last with status {status}: correct what {service.program.log_file} shows and"
                " start the stack again"
            )
        self._awaited.setdefault(service.name, now)
        self._due[service.name] = now + pause
        self._report(f"{service.name}: ended {_how(status)}; started again in {pause:.1f} s")

    def _report_log(self, program: Program) -> None:
        self._report(f"the end of {program.log_file}:")
        for line in program.log_end(LOG_LINES):
            self._report(f"  {line}")

    def _services(self) -> list[Service]:
        return [service for group in self._groups for service in group]


def _how(status: int) -> str:
    """Describe an exit status."""
    if status >= 0:
        return f"by itself with status {status}"
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"by signal {-status}"
