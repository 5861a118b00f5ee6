"""Output whose reader has exited, as in `smart-region audit | head`."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final, NoReturn

READER_GONE: Final = 128 + signal.SIGPIPE
"""The exit status, the same as for a program killed by SIGPIPE."""


@contextmanager
def exit_on_broken_pipe() -> Iterator[None]:
    """End the process quietly if the reader of standard output or error closes it in the block.

    Buffered output is written at the end of the block: later, the interpreter would fail to write
    it. A closed connection to a server still raises BrokenPipeError.
    """
    try:
        try:
            yield
        finally:
            for stream in _streams():
                stream.flush()
    except BrokenPipeError:
        if not any(map(_reader_is_gone, _streams())):
            raise
        exit_broken_pipe()


def exit_broken_pipe() -> NoReturn:
    """Exit with READER_GONE, and drop output that is still buffered for the closed streams."""
    for stream in filter(_reader_is_gone, _streams()):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    sys.exit(READER_GONE)


def _streams() -> list[IO[str]]:
    """Return standard output and error; either may be closed from the start."""
    return [one for one in (sys.stdout, sys.stderr) if one is not None and not one.closed]


def _reader_is_gone(stream: IO[str]) -> bool:
    try:
        number = stream.fileno()
    except OSError:  # A stream in memory, as in tests.
        return False
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
