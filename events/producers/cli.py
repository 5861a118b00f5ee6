"""The commands `smart-region producers check|list|issue`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from boundary.terminal import counted, echo, echo_lines
from events.options import file_option

if TYPE_CHECKING:
    from events.producers.ownership import Share

PRODUCERS = file_option(
    "--producers",
    "file",
    envvar="SMART_REGION_PRODUCERS",
    show_envvar=True,
    help="Who is declared, instead of the shipped file.",
)


@click.group()
def producers() -> None:
    """Declare, check and report on producers.

    `report` has the outcome of their events.
    """


@producers.command()
@PRODUCERS
@file_option(
    "--secrets",
    "secrets_file",
    envvar="SMART_REGION_GATEWAY_SECRETS",
    show_envvar=True,
    help="Also check the file of secrets.",
)
def check(file: Path | None, secrets_file: Path | None) -> None:
    """Check the declaration and print every error.

    The exit status is 1 if there is any.
    """
    from events.declaration import InvalidDeclarationError
    from events.producers.model import load_producers
    from events.producers.secrets import load_secrets

    try:
        declared = load_producers(file)
        secrets = load_secrets(secrets_file, declared)
    except InvalidDeclarationError as invalid:
        for diagnostic in invalid.diagnostics:
            echo(diagnostic)
        echo(f"{len(invalid.diagnostics)} to correct", err=True)
        sys.exit(1)
    summary = counted(len(declared.producers), "producer")
    if secrets_file is not None:
        summary += f", {len(secrets.root)} with secrets"
    echo(f"{summary}: correct")
    if unowned := declared.unowned:
        echo(f"no owner, so that the latest word counts: {', '.join(unowned)}", err=True)


@producers.command(name="list")
@PRODUCERS
def list_producers(file: Path | None) -> None:
    """List the producers, and what each may send.

    How much, how often and its contact are listed too.
    """
    from events.producers.model import load_producers

    for producer in load_producers(file):
        quota = producer.quota
        echo(f"{producer.id}: {producer.title}")
        echo(f"  sources: {', '.join(producer.sources)}")
        echo(f"  types: {', '.join(producer.types)}")
        if producer.owns:
            echo(f"  owns: {'; '.join(map(_share_text, producer.owns))}")
        echo(f"  quota: {quota.events_per_second} events/s, {quota.burst} at once")
        echo(f"  expected: {producer.expected_every}")
        echo(f"  contact: {producer.contact}")


def _share_text(share: Share) -> str:
    """Return a share as text: its facts, and its entities where they are not all."""
    named = ", ".join([*share.entities, *(one.value for one in share.territories)])
    return ", ".join(share.types) + (f" ({named})" if named else "")


@producers.command()
@click.argument("producer")
@click.option(
    "--scheme",
    type=click.Choice(["bearer", "signature"]),
    required=True,
    help="A token in each request, or a secret that signs each and is never sent.",
)
@PRODUCERS
def issue(producer: str, scheme: str, file: Path | None) -> None:
    """Create a secret for PRODUCER and print it once.

    Its lines for the secrets file are printed too. Add the lines to those of the producer's old
    secret, give the producer the new one, and remove the old lines when it is in use: both are
    valid meanwhile.
    """
    from boundary.diagnostic import choose
    from events.producers.model import load_producers
    from events.producers.secrets import Scheme
    from events.producers.secrets import issue as issue_secret

    declared = load_producers(file)
    if declared.get(producer) is None:
        known = [one.id for one in declared]
        raise click.BadParameter(
            f"{producer!r} is not declared: {choose(producer, known)}", param_hint="PRODUCER"
        )
    issued = issue_secret(producer, Scheme(scheme))
    echo("for the producer, shown this once:", err=True)
    echo(issued.secret.get_secret_value())
    echo("for the secrets file of the gateway:", err=True)
    echo_lines(issued.lines)


commands: list[click.Command] = [producers]
