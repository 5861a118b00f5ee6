"""Services of the stack: started in order, restarted with a backoff, ended in reverse order."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final, NoReturn, Self

from boundary.errors import SmartRegionError
from operations.programs.program import Program

__all__ = [
    "LONGEST_PAUSE",
    "MOST_QUICK_DEATHS",
    "QUICK_SECONDS",
    "SHORTEST_PAUSE",
    "GivenUpError",
    "NeverReadyError",
    "RestartBackoff",
    "Service",
    "Supervisor",
    "answers",
    "has_said",
]

READY_SECONDS: Final = 120.0
TICK_SECONDS: Final = 0.1
LOG_LINES: Final = 20
"""How many of a log's last lines are told where a service is given up."""


QUICK_SECONDS: Final = 30.0
"""A life that is shorter did no work worth the name: what ended it will end the next one too."""


MOST_QUICK_DEATHS: Final = 5


SHORTEST_PAUSE: Final = 0.5


LONGEST_PAUSE: Final = 30.0


ANSWER_SECONDS: Final = 2.0
"""How long one question may take: the supervisor looks after nothing else meanwhile."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that is kept running."""

    program: Program
    is_ready: Callable[[], bool]
    """Whether it serves, asked in this life of it; an answer takes two seconds at most."""

    @property
    def name(self) -> str:
        """What it is called where it is told of."""
        return self.program.name


def answers(address: str, path: str) -> Callable[[], bool]:
    """Ask whether something at HOST:PORT answers 200 for a path."""

    def ask() -> bool:
        with closing(HTTPConnection(address, timeout=ANSWER_SECONDS)) as connection:
            try:
                connection.request("GET", path)
                return connection.getresponse().status == HTTPStatus.OK
            except (OSError, HTTPException):
                return False

    return ask


def has_said(program: Program, text: str) -> Callable[[], bool]:
    """Ask whether a program has said something since it was last started."""
    return lambda: text in program.log


class RestartBackoff:
    """The lives of one service, on a clock of seconds that only goes forward."""

    def __init__(self) -> None:
        self.quick_deaths = 0
        """How many there were in a row."""
        self._began = 0.0

    def begin(self, now: float) -> None:
        """A life begins."""
        self._began = now

    def end(self, now: float) -> float | None:
        """The life ends: return how long to wait before the next; None: give it up.

        After a long life the next one begins soon; each quick death in a row doubles the pause.
        """
        self.quick_deaths = self.quick_deaths + 1 if now - self._began < QUICK_SECONDS else 0
        if self.quick_deaths >= MOST_QUICK_DEATHS:
            return None
        return min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** max(0, self.quick_deaths - 1))


class NeverReadyError(SmartRegionError):
    """A service runs, and does not come to serve."""

    def __init__(self, name: str, *, seconds: float, log: Path) -> None:
        self.name = name
        self.log = log
        super().__init__(
            f"{name}: is not ready after {seconds:.0f} s: repair what {log} says and start the"
            " stack again"
        )


class GivenUpError(SmartRegionError):
    """A service ends again and again, soon after each start."""

    def __init__(self, name: str, *, deaths: int, status: int, log: Path) -> None:
        self.name = name
        self.deaths = deaths
        self.status = status
        self.log = log
        super().__init__(
            f"{name}: ended {deaths} times in a row soon after its start, last with status"
            f" {status}: repair what {log} says and start the stack again"
        )


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
