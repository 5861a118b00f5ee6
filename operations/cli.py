"""The commands that are run beside the system."""

from __future__ import annotations

import sys
from http import HTTPStatus

import click

from audit.backfill.cli import backfill
from audit.cli import audit
from audit.export.cli import export
from boundary.terminal import echo
from events.options import seconds_option
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
@seconds_option("--timeout", default=5.0, help="How long an answer may take.")
def health(url: str, timeout: float) -> None:
    """Check the health of a running process at its /healthz or /readyz.

    For container engines: the image has no other HTTP client. The exit status is 1 if there is no
    good answer.
    """
    from boundary.addresses import shown_address

    if (problem := _problem_at(url, seconds=timeout)) is not None:
        echo(f"{shown_address(url)}: {problem}", err=True)
        sys.exit(1)  # Engines keep 2 for themselves.


def _problem_at(url: str, *, seconds: float) -> str | None:
    """Return what a process waits for, if its answer says so, or why there is no good answer."""
    from boundary.addresses import UnusableAddressError
    from boundary.http_client import NoAnswerError, http_get

    try:
        answer = http_get(url, seconds=seconds, most_bytes=4096)
    except UnusableAddressError as error:
        return f"{error.problem}: {error.remedy}"
    except NoAnswerError as error:
        return f"no answer ({error.cause})"
    if answer.status == HTTPStatus.OK:
        return None
    try:
        return f"waits for {answer.json()['waiting_for']}"
    except (KeyError, TypeError):
        return f"answers with status {answer.status}"


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
