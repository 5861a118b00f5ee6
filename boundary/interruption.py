"""SIGINT, SIGTERM and SIGHUP as an exception, raised once: a second signal is ignored."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from boundary.terminal import echo

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal ends the program; `number` is its. Not an `Exception`, as KeyboardInterrupt."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block the first signal raises Interrupted; later ones are ignored.

    So is a terminal that closes where `nohup` has started the program.
    """
    heard = [
        each
        for each in SIGNALS
        if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN
    ]
    before = {each: signal.signal(each, _interrupt) for each in heard}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def rolled_back_on_signal(remedy: str) -> Iterator[None]:
    """Turn signals into an exception inside the block, so that temporary settings are restored.

    Prints the remedy then, and exits with the status that shells give a signal.
    """
    try:
        with interruptible():
            yield
    except Interrupted as signalled:
        echo(f"interrupted by {signal.Signals(signalled.number).name}: {remedy}", err=True)
        sys.exit(128 + signalled.number)


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(number)
