"""The commands that are run beside the system."""

from __future__ import annotations

import sys

import click

from audit.backfill.cli import backfill
from audit.cli import audit
from audit.export.cli import export
from boundary.terminal import echo
from events.options import SECONDS
from operations.dead_letters.cli import dead_letters
from operations.doctor.cli import doctor
from operations.erasure.cli import erase
from operations.generation.cli import contracts, generate
from operations.losses.cli import topics
from operations.scorecards.cli import producers
from operations.stack.cli import stack
from sources.declaring.cli import new_producer
from sources.emitting.cli import emit, explain, pseudonymise
from sources.harvest.cli import harvest
from sources.importing.cli import import_group
from sources.relay.cli import relay


@click.command()
@click.argument("url")
@click.option(
    "--timeout",
    type=SECONDS,
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an answer may take.",
)
def health(url: str, timeout: float) -> None:
    """Check the health of a running process.

    It is asked at its /healthz or /readyz. For container engines: the image has no other HTTP
    client. The exit status is 1 where there is no good answer.
    """
    from operations.health import UnhealthyError, check_health

    try:
        check_health(url, seconds=timeout)
    except UnhealthyError as error:
        echo(error, err=True)
        sys.exit(1)  # Engines keep 2 for themselves.


producers.add_command(new_producer)

commands: list[click.Command] = [
    emit,
    explain,
    pseudonymise,
    import_group,
    harvest,
    contracts,
    dead_letters,
    audit,
    backfill,
    export,
    producers,
    topics,
    erase,
    relay,
    stack,
    doctor,
    health,
    generate,
]
