"""The command line `smart-region`, with the commands of all packages."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import chain
from typing import Any, Final

import click

from boundary.broken_pipe import exit_on_broken_pipe
from boundary.errors import SmartRegionError
from boundary.garbage import tune_garbage_collection
from boundary.terminal import echo, legible, legible_lines, show_traceback

# Each of these modules has a list `commands`, and imports heavy modules only when one runs.
COMMAND_MODULES = (
    "events.producers.cli",
    "catalogue.cli",
    "broker.cli",
    "streams.cli",
    "gateway.cli",
    "dashboards.cli",
    "report.cli",
    "operations.cli",
    "simulation.cli",
)

#: The sections of `--help`.
SECTIONS: Final[Mapping[str, Sequence[str]]] = {
    "Try it": ("demo", "simulate", "stack"),
    "Run the monitor": ("worker", "assessor", "gateway", "page", "health"),
    "Send events": ("emit", "explain", "harvest", "import", "pseudonymise", "relay"),
    "Read figures": ("audit", "backfill", "export", "mcp", "note"),
    "Operate": ("dead-letters", "doctor", "erase", "producers", "topics"),
    "Configure": (
        "boards",
        "catalogue",
        "contracts",
        "generate",
        "kubernetes",
        "rules",
        "territory",
    ),
}

FIRST_PROCESS: Final = 1
"""The process id of a container's program. The kernel drops its signals without a handler: a pod
would be killed at the end of its grace period."""

#: Errors of a disk, a folder or a file; some of the others are programmer errors.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_NO_FILE = frozenset({errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})


class ReadableError(click.ClickException):
    """Shows one line on standard error instead of a traceback; exit status 2."""

    exit_code = 2


class Commands(click.Group):
    """A group of commands that report readable errors in one line.

    They end quietly if the reader of their output has exited.
    """

    def main(self, *args: Any, **extra: Any) -> Any:  # noqa: ANN401 - as click's
        """Run the command line."""
        with exit_on_broken_pipe():
            return super().main(*args, **extra)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the command line, and run options that end the command, such as --help."""
        with _disk_in_one_line(), exit_on_broken_pipe():
            return super().make_context(*args, **extra)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the commands by section."""
        width = max(map(len, self.commands))
        for section, names in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(
                    [
                        (f"{name:{width}}", self.commands[name].get_short_help_str(limit=80))
                        for name in names
                    ]
                )

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command; an error that is not ours keeps its traceback."""
        try:
            with _disk_in_one_line(), exit_on_broken_pipe():
                return super().invoke(ctx)
        except click.ClickException as error:
            # Click repeats its input: a file's name, an unknown command.
            error.message = legible_lines(error.message)
            if isinstance(error, click.FileError):
                error.exit_code = ReadableError.exit_code  # 1 is a result of some commands.
            raise
        except SmartRegionError as error:
            raise ReadableError(legible(" ".join(str(error).split()))) from error
        except KeyboardInterrupt:
            # Click's own status 1 is a result of some commands.
            echo("Aborted!", err=True)
            sys.exit(128 + signal.SIGINT)


@contextmanager
def _disk_in_one_line() -> Iterator[None]:
    """Turn errors of a disk, a folder or a file into readable errors."""
    try:
        yield
    except OSError as error:
        named = error.filename is not None
        if error.errno not in (_NO_ROOM | _NO_FILE if named else _NO_ROOM):
            raise
        where = f"file: cannot be used, value {error.filename!r}" if named else "disk: fails"
        message = f"{where} ({error.strerror}): see that it may be written to and has room"
        raise ReadableError(legible(message)) from error


def _end(number: int, _frame: object) -> None:
    """End as other processes do on an unhandled signal; servers set their own handler."""
    sys.exit(128 + number)


def _show_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    """Print why a thread ended, as Python does; nothing for SystemExit."""
    if ended.exc_type is not SystemExit:
        show_traceback(ended.exc_type, ended.exc_value, ended.exc_traceback)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="smart-region")
def main() -> None:
    """Monitor the promises of the Smart Région, from events to figures."""
    tune_garbage_collection()
    if os.getpid() == FIRST_PROCESS:
        signal.signal(signal.SIGTERM, _end)
    sys.excepthook = show_traceback
    threading.excepthook = _show_end_of_thread


def join(group: click.Group, command: click.Command) -> None:
    """Add a command, and merge groups of the same name from independent packages."""
    known = group.commands.get(command.name or "")
    if isinstance(known, click.Group) and isinstance(command, click.Group):
        for part in command.commands.values():
            join(known, part)
    else:
        group.add_command(command)


for _command in chain.from_iterable(import_module(name).commands for name in COMMAND_MODULES):
    join(main, _command)


if __name__ == "__main__":
    main()
