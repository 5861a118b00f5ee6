"""Child programs that never outlive the process that started them."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from boundary.private_files import PRIVATE_UMASK, make_private_file

__all__ = ["end_child", "start_child"]

PR_SET_PDEATHSIG = 1


def start_child(
    command: Sequence[str],
    *,
    output: Path,
    env: Mapping[str, str] | None = None,
    umask: int = PRIVATE_UMASK,
) -> "subprocess.Popen[bytes]":
    """Start a program whose standard output and error are appended to a file.

    It gets a session of its own, so that a Ctrl-C in the terminal reaches this process alone,
    which then ends its children in the right order. On Linux the kernel kills it when the thread
    that called this function ends, whatever the reason: call it from a thread that lives as long
    as the program is needed. What it writes, its data and its log, is for its owner alone, unless
    `umask` says otherwise.
    """
    make_private_file(output)
    with output.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603 - the callers name their own programs
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=env,
            umask=umask,
            start_new_session=True,
            preexec_fn=_dies_with_parent(),  # noqa: PLW1509 - one plain system call
        )


def end_child(process: "subprocess.Popen[bytes]", *, grace: float) -> int:
    """End a child: SIGTERM, and SIGKILL once `grace` seconds have passed; 0 kills at once.

    Returns its exit status; a child that has ended already is only reaped.
    """
    if grace > 0:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(grace)
    process.kill()
    return process.wait()


def _dies_with_parent() -> Callable[[], None] | None:
    """Return what the child runs before its program: ask the kernel to end it with its parent."""
    if sys.platform != "linux":
        return None
    # Looked up before the fork: between fork and exec the child may only make plain calls.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent ended before the call above
            os._exit(1)

    return tie
