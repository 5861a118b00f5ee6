"""The one command line, `smart-region`: a thin door to the packages' own commands."""

from __future__ import annotations

import sys
import threading
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from boundary.showing import legible, legible_lines, say, show_traceback
from streams.boards import Boards

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from rich.table import Table

    from catalogue.figure import Figure
    from catalogue.model import Catalogue
    from streams.programs.alerting import Scraped

__all__ = ["join", "main"]

# Each of these modules has `commands`, a list, and imports what is heavy only when one runs.
COMMAND_MODULES = ("events.cli", "catalogue.cli", "streams.cli", "dashboards.cli")

# Each of these modules has `generated`, which gives what follows from its package in a clone.
GENERATORS = ("events.generated", "streams.generated", "dashboards.generated")
GENERATED_INTO = ("deploy", "docs")

# The roots of the errors whose message already says what is wrong and what to do about it.
READABLE_ERRORS = (
    ("events.errors", "EventsError"),
    ("catalogue.errors", "CatalogueError"),
    ("streams.errors", "StreamsError"),
    ("dashboards.errors", "DashboardsError"),
)


class ReadableError(click.ClickException):
    """Shows one line on standard error instead of a traceback; exit status 2."""

    exit_code = 2


class Door(click.Group):
    """A group of commands whose readable errors end in one line."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the chosen command; an error that is not ours keeps its traceback."""
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            # Click repeats what it was given: a file's name, a word that is no command.
            error.message = legible_lines(error.message)
            raise
        except Exception as error:
            if isinstance(error, _readable_errors()):
                raise ReadableError(legible(" ".join(str(error).split()))) from error
            raise


def _show_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    """Write why a thread ended, as Python does; one that was asked to end says nothing."""
    if ended.exc_type is not SystemExit:
        show_traceback(ended.exc_type, ended.exc_value, ended.exc_traceback)


def _readable_errors() -> tuple[type[Exception], ...]:
    """Import the roots only when an error has to be judged: they are not free."""
    return tuple(getattr(import_module(module), name) for module, name in READABLE_ERRORS)


@click.group(cls=Door, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="smart-region")
@click.pass_context
def main(context: click.Context) -> None:
    """Follow what the Région promised in 2016, from events to figures."""
    sys.excepthook = show_traceback
    threading.excepthook = _show_end_of_thread
    # Where two packages meet that know nothing of each other: the demo shows what boards show.
    context.obj = Boards(_figures_table, _rule_files, _boards_on)


def _figures_table(
    catalogue: Catalogue, figures: Iterable[Figure], as_of: date, *, compact: bool
) -> Table:
    from dashboards.console import figures_table

    return figures_table(catalogue, figures, as_of, compact=compact)


def _rule_files(catalogue: Catalogue, scraped: Scraped, *, pace: str) -> Mapping[str, str]:
    from dashboards.rules.contacts import Contacts
    from dashboards.rules.pace import PACES
    from dashboards.rules.render import Site, render

    site = Site(
        pace=PACES[pace],
        contacts=Contacts.nobody(programme.id for programme in catalogue.programmes),
        workers=scraped.workers,
        assessors=scraped.assessors,
        gateways=scraped.gateways,
        alertmanagers=scraped.alertmanagers,
    )
    return render(catalogue, site)


def _boards_on(
    catalogue: Catalogue, address: str, *, token_file: Path | None, plain_http: bool
) -> str:
    from dashboards.errors import DashboardsError
    from dashboards.publishing.looking import look_at_boards
    from streams.doctor.errors import GrafanaUnwellError

    try:
        return look_at_boards(catalogue, address, token_file=token_file, plain_http=plain_http)
    except DashboardsError as error:
        raise GrafanaUnwellError(problem=str(error)) from error


@main.command()
@click.option("--check", is_flag=True, help="Write nothing: exit status 1 where a file differs.")
@click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default=True,
    metavar="DIR",
    help="The clone of the project.",
)
def generate(*, check: bool, project: Path) -> None:
    """Write all files that follow from the catalogue, contracts, metrics and settings.

    They are rules, routes, boards, Strimzi's resources and pages below deploy/ and docs/. Where one
    cannot be made the reason is told and nothing is written.
    """
    if not all((project / name).is_dir() for name in GENERATED_INTO):
        raise ReadableError(
            f"project: is no clone of the monitor, value {str(project)!r}: run this in one or name"
            " it with --project; `rules render`, `boards render` and the like write anywhere"
        )
    parts = [part for name in GENERATORS for part in import_module(name).generated(project)]
    count = sum(len(part.files) for part in parts)
    if not check:
        for part in parts:
            part.write()
        say(f"{count} files written")
        return
    differences = [line for part in parts for line in part.differences()]
    for line in differences:
        say(line, err=True)
    if differences:
        say("to write them anew: smart-region generate", err=True)
        raise click.exceptions.Exit(1)
    say(f"{count} files are up to date")


def join(group: click.Group, command: click.Command) -> None:
    """Add a command; groups of one name, from packages that know nothing of each other, are one."""
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
