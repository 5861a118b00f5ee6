"""The limits of one example: time, memory, and that nothing outside is touched."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any, Final

_STATUS: Final = Path("/proc/self/status")
_CLEAR: Final = Path("/proc/self/clear_refs")
_RESET_PEAK: Final = "5"
_OUTSIDE: Final = frozenset(
    {"socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "urllib.Request"}
)
"""What no reader of a file or of a message does, by the names of Python's audit events."""


class LimitError(Exception):
    """An example took too much time or memory, or its reader used the network or a program."""


class _OutOfTime(BaseException):
    """Goes through a reader that catches every Exception."""


@dataclass(frozen=True)
class Cost:
    """What an example took."""

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
            raise LimitError(event)


_watch: Final = cache(_Watch)


def measured(
    check: Callable[[Any], None],
    example: Any,  # noqa: ANN401
    *,
    most_mib: float,
    most_seconds: float = 1.0,
) -> Cost:
    """Check an example and return its cost; raises what the check raises, and for its limits.

    Seconds are of the processor: other processes may take the clock's time, and not this.
    The memory is the process's highest resident size during the check, beyond that at its
    beginning: what Python's tracemalloc counts leaves out libraries in C and Rust, and takes as
    long as the check. Only Linux tells it; elsewhere it is 0.
    """
    watch = _watch()
    _reset_peak()
    before = _status("VmRSS")
    begun = process_time()
    with _uncollected(), _bounded(most_seconds):
        watch.seen, watch.is_on = None, True
        try:
            check(example)
        finally:
            watch.is_on = False
        seconds = process_time() - begun
    mib = max(_status("VmHWM") - before, 0.0)
    if watch.seen is not None:  # The reader caught the error.
        raise LimitError(f"does {watch.seen}, which no reader does")
    if seconds > most_seconds:
        raise _too_slow(most_seconds)
    if mib > most_mib:
        raise LimitError(f"takes {mib:.0f} MiB of memory, more than {most_mib:.0f}")
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
def _bounded(seconds: float) -> Iterator[None]:
    """Raise LimitError where the block takes more time than an example may."""

    def interrupt(*_: object) -> None:
        raise _OutOfTime

    before = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    except _OutOfTime:
        raise _too_slow(seconds) from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _too_slow(seconds: float) -> LimitError:
    return LimitError(f"takes more than {seconds:g} s of the processor")


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
