"""The command line, run as a user runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from click.testing import CliRunner

from smart_region import main
from tests.support.children import environment_variables
from tests.support.forking import ForkingPopen

SECONDS = 300.0


class _Broker(Protocol):
    @property
    def bootstrap(self) -> str: ...


def run(
    broker: _Broker,
    *arguments: str,
    module: str = "smart_region",
    standard_input: str = "",
    **settings: str,
) -> "subprocess.CompletedProcess[str]":
    """Run `smart-region`, or a variant of it, on a broker; the clock is fixed on the end of 2020.

    Settings are named as in `streams.settings`.
    """
    return captured(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, **_variables(broker, settings)},
        input=standard_input,
        timeout=SECONDS,
    )


def run_inside(
    broker: _Broker, *arguments: str, standard_input: str = "", **settings: str
) -> "subprocess.CompletedProcess[str]":
    """Run as `run` does, but in this process: for tests of a command's output, not of its exit.

    This saves a second of processor time, since no process starts. Any exception of the command
    other than SystemExit is raised here.
    """
    environ = _variables(broker, settings)
    return run_inside_with(environ, *arguments, standard_input=standard_input)


def run_inside_with(
    environ: Mapping[str, str | None], *arguments: str, standard_input: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Do the same with these environment variables; None removes a variable."""
    result = CliRunner().invoke(main, arguments, input=standard_input, env=environ)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


def _variables(broker: _Broker, settings: Mapping[str, str]) -> dict[str, str]:
    return {
        "SMART_REGION_BROKER": broker.bootstrap,
        "SMART_REGION_CLOCK": "2020-12-31",
        **environment_variables(settings),
    }


def captured(
    command: Sequence[str | Path],
    *,
    timeout: float | None = 60.0,
    input: str | None = None,  # noqa: A002 - as in `subprocess.run`
    **how: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its status; `how` are arguments of `subprocess.Popen`."""
    how.setdefault("stdin", None if input is None else subprocess.PIPE)
    output = subprocess.PIPE
    with ForkingPopen(command, stdout=output, stderr=output, text=True, **how) as process:
        try:
            out, err = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)
