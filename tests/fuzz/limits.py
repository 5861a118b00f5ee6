"""The limits of one example: time, memory, and that nothing outside is touched."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any, Final

SECONDS: Final = 1.0
"""Of the processor: other processes of the machine may take the clock's time, and not this."""

_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
_RESET_PEAK: Final = "5"
_OUTSIDE: Final = frozenset(
    {"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "urllib.Request"}
)
"""What no reader of a file or of a message does, by the names of Python's audit events."""


class TooSlowError(Exception):
    """An example took more than a second."""

    def __init__(self) -> None:
        super().__init__(f"takes more than {SECONDS:g} s of the processor")


class TooMuchMemoryError(Exception):
    """An example took more memory than its target may."""

    def __init__(self, mib: float, *, most: float) -> None:
        super().__init__(f"takes {mib:.0f} MiB of memory, more than {most:.0f}")


class TouchedError(Exception):
    """A reader used the network or another program."""

    def __init__(self, event: str) -> None:
        super().__init__(f"does {event}, which no reader does")


class _OutOfTime(BaseException):
    """Goes through a reader that catches every Exception."""


@dataclass(frozen=True)
class Cost:
    """What an example took; of several readings the longest."""

    seconds: float
    mib: float


class _Watch:
    """Audit hooks cannot be removed: one is added, and listens while an example is checked."""

    def __init__(self) -> None:
        self.is_on = False
        self.seen: str | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, _: tuple[Any, ...]) -> None:
        if self.is_on and event in _OUTSIDE:
            self.seen = event
            raise TouchedError(event)


_watches: Final[list[_Watch]] = []
_begun: Final[list[float]] = []
"""When each reading of the example began."""


def another_reading() -> None:
    """Give what follows a second of its own, for a check that reads an example several times."""
    _begun.append(process_time())
    signal.setitimer(signal.ITIMER_PROF, SECONDS)


def measured(check: Callable[[Any], None], example: Any, *, most_mib: float) -> Cost:  # noqa: ANN401
    """Check an example and return its cost; raises what the check raises, and for its limits.

    The memory is the process's highest resident size during the check, beyond that at its
    beginning: what Python's tracemalloc counts leaves out libraries in C and Rust, and takes as
    long as the check. Only Linux tells it; elsewhere it is 0.
    """
    if not _watches:
        _watches.append(_Watch())
    (watch,) = _watches
    _reset_peak()
    before = _status("VmRSS")
    _begun[:] = [process_time()]
    with _uncollected(), _bounded():
        watch.seen, watch.is_on = None, True
        try:
            check(example)
        finally:
            watch.is_on = False
        ends = [*_begun[1:], process_time()]
        seconds = max(end - begun for begun, end in zip(_begun, ends, strict=True))
    mib = max(_status("VmHWM") - before, 0.0)
    if watch.seen is not None:  # The reader caught the error.
        raise TouchedError(watch.seen)
    if seconds > SECONDS:
        raise TooSlowError
    if mib > most_mib:
        raise TooMuchMemoryError(mib, most=most_mib)
    return Cost(seconds, mib)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Collect no garbage in the block: a collection goes through all that Hypothesis keeps."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _bounded() -> Iterator[None]:
    """Raise TooSlowError where the block takes more time than an example may."""

    def interrupt(*_: object) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    except _OutOfTime:
        raise TooSlowError from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _reset_peak() -> None:
    if _CLEAR.exists():
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")


def _status(name: str) -> float:
    """Return a size of this process in MiB; 0 where the system does not tell it."""
    if not _STATUS.exists():
        return 0.0
    lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    line = next((line for line in lines if line.startswith(f"{name}:")), f"{name}: 0 kB")
    return int(line.split()[1]) / 1024
