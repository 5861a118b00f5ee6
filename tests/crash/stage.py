"""Runs commands of the product in processes of their own, one after the other, under strace.

`python -m tests.crash.stage` reads a request a line from standard input, and answers each with the
exit status. It has loaded what the commands need, so a run is a fork, and takes no second to start.
A command's threads are numbered in the order of their starts, the main one is 0: strace counts
system calls by thread.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import itertools
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final, Self

from tests.support.waiting import wait_until

#: A run that takes longer hangs.
RUN_SECONDS: Final = 90
ATTACH_SECONDS: Final = 20.0
LOADED: Final = (
    "smart_region",
    "catalogue.loader",
    "kafka",
    "sources.client",
    "operations.dead_letters.full_record",
    "operations.dead_letters.ledger",
    "operations.dead_letters.replay",
    "operations.erasure.procedure",
    "sources.importing.catalogue_changes",
    "sources.importing.pilote",
    "sources.importing.run",
    "streams.settings",
)


@dataclass(frozen=True)
class Command:
    """`python -m MODULE ARGUMENTS`, with variables, standard input, and constants that are set.

    A constant is named `module.NAME`: how many records go together, so that few are enough.
    """

    module: str
    arguments: tuple[str, ...]
    variables: dict[str, str] = field(default_factory=dict)
    standard_input: str = ""
    constants: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Tracing:
    """Which thread strace traces, None for all, with which options, and where its record is."""

    options: tuple[str, ...]
    record: str
    thread: int | None = None


class Stage:
    """The process that runs commands, seen from outside; a context manager."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.stage"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, command: Command, output: Path, tracing: Tracing | None = None) -> int:
        """Run a command to its end, and return its exit status; below 0 is the signal.

        What it prints is in the file `output`.
        """
        request = {
            "command": asdict(command),
            "output": str(output),
            "tracing": None if tracing is None else asdict(tracing),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer requests; returns in each child, which has a command to run, and at the end."""
    for line in requests:
        request = json.loads(line)
        tracing = None if request["tracing"] is None else Tracing(**request["tracing"])
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            _run(Command(**request["command"]), Path(request["output"]), tracing, writing)
            return
        os.close(writing)
        answers.write(f"{_watch(child, tracing, reading)}\n")
        answers.flush()


def _watch(child: int, tracing: Tracing | None, reading: int) -> int:
    """Trace the thread that the child names, if it does, and wait for its end."""
    tracer = None
    with os.fdopen(reading) as names:
        if tracing is not None and (thread := names.readline()):
            tracer = subprocess.Popen(
                ["strace", "-qq", "-o", tracing.record, *tracing.options, "-p", thread.strip()]
            )
    _, status = os.waitpid(child, 0)
    if tracer is not None:
        tracer.wait()
    return os.waitstatus_to_exitcode(status)


def _run(command: Command, output: Path, tracing: Tracing | None, writing: int) -> None:
    """Run a command in this process; the caller then ends it as Python ends a program."""
    printed = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    # A file that is gone: it has room for any input, and none is waited for.
    read = os.memfd_create("input")
    os.write(read, command.standard_input.encode())
    os.lseek(read, 0, os.SEEK_SET)
    os.dup2(read, 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for the program
    os.environ.update(command.variables)
    for name, value in command.constants.items():
        module, _, constant = name.rpartition(".")
        setattr(importlib.import_module(module), constant, value)
    faulthandler.dump_traceback_later(RUN_SECONDS - 5)
    signal.alarm(RUN_SECONDS)
    starts = _Starts(tracing, writing)
    sys.argv = [command.module, *command.arguments]
    starts.begin()
    try:
        runpy.run_module(command.module, run_name="__main__", alter_sys=True)
    finally:
        starts.write_down()


class _Starts:
    """The threads of this process, in the order of their starts; one of them is traced."""

    def __init__(self, tracing: Tracing | None, writing: int) -> None:
        self._tracing = tracing
        self._writing = writing
        self._numbers = itertools.count(1)
        self._threads = [threading.get_native_id()]

    def begin(self) -> None:
        """Have this thread traced, or the ones that start from now on looked at."""
        threading.setprofile(self._started)
        if self._tracing is not None and not self._tracing.thread:
            self._attach()

    def write_down(self) -> None:
        """Write the threads' ids beside the record, where all were traced."""
        if self._tracing is not None and self._tracing.thread is None:
            Path(f"{self._tracing.record}.threads").write_text(json.dumps(self._threads))

    def _started(self, _: FrameType, __: str, ___: Any) -> None:  # noqa: ANN401 - as Python has it
        sys.setprofile(None)
        number = next(self._numbers)
        self._threads.append(threading.get_native_id())
        if self._tracing is not None and self._tracing.thread == number:
            self._attach()

    def _attach(self) -> None:
        os.write(self._writing, f"{threading.get_native_id()}\n".encode())
        os.close(self._writing)
        assert wait_until(_is_traced, seconds=ATTACH_SECONDS, every=0.001), "strace cannot attach"


def _is_traced() -> bool:
    status = Path("/proc/thread-self/status").read_text(encoding="utf-8")
    return "\nTracerPid:\t0\n" not in status


if __name__ == "__main__":
    for name in LOADED:
        importlib.import_module(name)
    # What is loaded is shared with the children: a collection would touch, and so copy, all of it.
    gc.collect()
    gc.freeze()
    serve(sys.stdin, sys.stdout)
