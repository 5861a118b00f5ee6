"""The commands that are run beside the system."""

from __future__ import annotations

import sys

import click

from boundary.terminal import echo
from operations.audit.cli import commands as audit_commands
from operations.backfill.cli import commands as backfill_commands
from operations.contracts.cli import contracts
from operations.dead_letters.cli import commands as dead_letter_commands
from operations.doctor.cli import commands as doctor_commands
from operations.emitting.cli import commands as client_commands
from operations.erasure.cli import commands as erasure_commands
from operations.export.cli import commands as export_commands
from operations.generation.cli import generate
from operations.importing.cli import import_group
from operations.rebuild.cli import commands as rebuild_commands
from operations.scorecards.cli import commands as scorecard_commands
from operations.stack.cli import commands as stack_commands

__all__ = ["commands"]


@click.command()
@click.argument("url")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an answer may take.",
)
def health(url: str, timeout: float) -> None:
    """Check the health of a worker, an assessor or the gateway, at its /healthz or /readyz.

    For container engines: the image has no other HTTP client. The exit status is 1 where
    there is no good answer.
    """
    from operations.health import UnwellError, check_health

    try:
        check_health(url, seconds=timeout)
    except UnwellError as error:
        echo(error, err=True)
        sys.exit(1)  # Engines keep 2 for themselves.


commands: list[click.Command] = [
    *client_commands,
    import_group,
    contracts,
    *dead_letter_commands,
    *audit_commands,
    *backfill_commands,
    *export_commands,
    *scorecard_commands,
    *erasure_commands,
    *rebuild_commands,
    *stack_commands,
    *doctor_commands,
    health,
    generate,
]
