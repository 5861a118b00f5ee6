"""Starts commands of the project by forking a process that has imported them already.

Importing takes a command a second of processor time, and the tests start hundreds. Nothing else
of a start is left out: `tests/unit/test_smart_region.py` and `test_structure.py` check imports.
"""

from __future__ import annotations

import ctypes
import gc
import inspect
import io
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from operations.programs import program

ROOT: Final = Path(__file__).parents[2]
PR_SET_CHILD_SUBREAPER: Final = 36
PYTHON: Final = (sys.executable, "-m")
IMPORTED: Final = (
    *("smart_region", "streams.worker", "streams.assessor.process", "gateway.server"),
    *("report.process", "report.note.content", "report.note.output", "simulation.demo"),
)
CHANGES_WHAT_IS_IMPORTED: Final = "tests.support.newer_release"
READ_AT_START: Final = ("PYTHON", "LC_", "LANG", "TZ", "LD_", "SMART_REGION_TERRITORY")
"""Beginnings of the variables that Python, or an import, reads once."""
MOST_BYTES: Final = 200_000
"""Of a message: the command and its environment."""


class ForkingPopen(subprocess.Popen[Any]):
    """`subprocess.Popen`, which in a test forks `python -m` instead of starting it."""

    def _execute_child(self, *given: object) -> None:
        start = super()._execute_child  # type: ignore[misc]
        how = inspect.signature(start).bind(*given).arguments
        env = os.environ if how["env"] is None else how["env"]
        if not _forks(how, env):
            start(*given)
            return
        opened = (how["p2cread"], how["c2pwrite"], how["errwrite"])
        self.pid = _server().fork(
            [usual if own == -1 else own for usual, own in enumerate(opened)],
            {
                "arguments": [str(word) for word in how["args"][2:]],
                "env": dict(env),
                "folder": str(how["cwd"] or Path.cwd()),
                "umask": how["umask"],
                "own_session": how["start_new_session"],
                "tied": how["preexec_fn"] is not None,
            },
        )
        self._child_created = True
        ends = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(how[name] for name in ends))  # type: ignore[attr-defined]


def _forks(how: Mapping[str, Any], env: Mapping[str, str]) -> bool:
    """Return whether a fork does the same; benchmarks are no tests, they measure real starts."""
    own_preparation = getattr(how["preexec_fn"], "__module__", program.__name__) != program.__name__
    return (
        sys.platform == "linux"
        and "PYTEST_CURRENT_TEST" in os.environ
        and tuple(how["args"][:2]) == PYTHON
        and how["args"][2] != CHANGES_WHAT_IS_IMPORTED
        and not (own_preparation or how["pass_fds"])
        and _read_at_start(env) == _read_at_start(os.environ)
    )


def _read_at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


class _Server:
    """The process that forks; this process becomes the parent of what it forks."""

    def __init__(self) -> None:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [*PYTHON, __name__, str(theirs.fileno()), str(os.getpid())],
                cwd=ROOT,
                pass_fds=(theirs.fileno(),),
            )

    def fork(self, streams: Sequence[int], wanted: Mapping[str, object]) -> int:
        """Return the id of a child of ours that has these standard streams."""
        with self._lock:
            socket.send_fds(self._socket, [json.dumps(wanted).encode()], streams)
            return int(self._socket.recv(MOST_BYTES))


@cache
def _server() -> _Server:
    return _Server()


def serve(requests: socket.socket, parent: int) -> None:
    """Fork for each request, until its sender ends; return in what was forked, as asked."""
    for name in IMPORTED:
        import_module(name)
    gc.collect()
    gc.freeze()
    assert len([*Path("/proc/self/task").iterdir()]) == 1, "threads do not survive a fork"
    while True:
        message, streams, *_ = socket.recv_fds(requests, MOST_BYTES, 3)
        if not message:
            os._exit(0)
        pid_reader, pid_writer = os.pipe()
        between = os.fork()
        if not between:
            between = os.getpid()
            if forked := os.fork():
                os.write(pid_writer, str(forked).encode())
                os._exit(0)
            while os.getppid() == between:  # When it has ended, the tests' process is the parent.
                time.sleep(0.0005)
            for descriptor in (pid_reader, pid_writer, requests.detach()):
                os.close(descriptor)
            _become(parent, streams, **json.loads(message))
            return
        os.waitpid(between, 0)
        for descriptor in (pid_writer, *streams):
            os.close(descriptor)
        requests.send(os.read(pid_reader, 20))
        os.close(pid_reader)


def _become(  # noqa: PLR0913 - each is one part of a process
    parent: int,
    streams: Sequence[int],
    *,
    arguments: Sequence[str],
    env: Mapping[str, str],
    folder: str,
    umask: int,
    own_session: bool,
    tied: bool,
) -> None:
    for usual, (own, name) in enumerate(zip(streams, ("stdin", "stdout", "stderr"), strict=True)):
        os.dup2(own, usual)
        os.close(own)
        setattr(sys, name, _opened(usual, getattr(sys, name)))
    os.chdir(folder)
    if umask >= 0:
        os.umask(umask)
    if own_session:
        os.setsid()
    if tied and (tie := program.dies_with(parent)):
        tie()
    os.environ.clear()
    os.environ.update(env)
    sys.path[0] = folder
    sys.argv[1:] = arguments[1:]
    sys.orig_argv[1:] = ["-m", *arguments]


def _opened(descriptor: int, old: io.TextIOWrapper) -> io.TextIOWrapper:
    """Open a standard stream as Python has opened it; what it was before may have been a file."""
    mode = "wb" if old.writable() else "rb"
    buffering = 0 if old.write_through else -1
    binary: Any = open(descriptor, mode, buffering, closefd=False)  # noqa: SIM115 - as long as we
    return io.TextIOWrapper(
        binary,
        encoding=old.encoding,
        errors=old.errors,
        line_buffering=old.line_buffering,
        write_through=old.write_through,
    )


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]))
    gc.unfreeze()
    # What was forked goes on here.
    runpy.run_module(sys.orig_argv[2], run_name="__main__", alter_sys=True)
