"""What a process inherits of its surroundings, set to one known state for all tests."""

from __future__ import annotations

import locale
import os
import signal
import time
from contextlib import suppress
from typing import Final

USUAL_UMASK: Final = 0o022
"""Others may read new files, as on most machines."""

IGNORED_BY_PYTHON: Final = {signal.SIGPIPE, signal.SIGXFSZ}
"""In every process of its own; the programs that it starts have the default again."""


def settle() -> None:
    """Hear signals, let others read new files, speak UTF-8 and no language, live in UTC.

    For this process and all that it starts. TMPDIR stays: whoever set it has the room there.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _DEFAULTS.get(number, signal.SIG_DFL))
    os.umask(USUAL_UMASK)
    for name in [name for name in os.environ if name.startswith(("LC_", "LANG", "PYTHONIOENC"))]:
        del os.environ[name]
    os.environ.update(LC_ALL="C.UTF-8", TZ="UTC")
    with suppress(locale.Error):  # Not every system has it; its own programs then speak ASCII.
        locale.setlocale(locale.LC_ALL, "C.UTF-8")
    time.tzset()


# What `nohup` has started goes on when its terminal closes, and the programs of the tests hear it.
_DEFAULTS: Final = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: lambda *_: None}
