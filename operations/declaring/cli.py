"""The command `smart-region producers new`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from boundary.questions import ask, confirm, somebody_answers
from boundary.terminal import echo

if TYPE_CHECKING:
    from events.producers.tokens import IssuedSecret
    from operations.declaring.answers import Answers
    from operations.declaring.files import ProducerFiles

__all__ = ["new_producer"]

FILE = click.Path(dir_okay=False, path_type=Path)
RATE = click.IntRange(1, 1_000_000)


@click.command(name="new")
@click.option("--id", metavar="ID", help="Its id, such as lycees.")
@click.option("--title", metavar="TEXT", help="What people call it.  [default: the id]")
@click.option(
    "--contact", metavar="TEXT", help="Who is asked about its events: an address, a team."
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="URI",
    help="The `source` of its events.  [default: urn:iledefrance:ID]",
)
@click.option(
    "--types", multiple=True, metavar="FACTS", help="What it may send: school.*,grant.paid"
)
@click.option(
    "--owns",
    multiple=True,
    metavar="PARTS",
    help="Of these, what its word alone counts for: all, none, D77,D93 or ARCEP-*  [default: all]",
)
@click.option(
    "--every",
    "expected_every",
    metavar="FREQUENCY",
    help="How often it promises to send.  [default: monthly]",
)
@click.option("--events-per-second", type=RATE, default=100, show_default=True, help="Its quota.")
@click.option(
    "--burst", type=RATE, default=1_000, show_default=True, help="Its quota after a rest."
)
@click.option(
    "--scheme",
    type=click.Choice(["bearer", "signature"]),
    default="bearer",
    show_default=True,
    help="A token in each request, or a secret that signs each and is never sent.",
)
@click.option(
    "--producers",
    "declaration",
    type=FILE,
    envvar="SMART_REGION_PRODUCERS",
    show_envvar=True,
    default="producers.yaml",
    show_default=True,
    metavar="FILE",
    help="The declaration to add it to; made where there is none.",
)
@click.option(
    "--secrets",
    type=FILE,
    envvar="SMART_REGION_GATEWAY_SECRETS",
    show_envvar=True,
    default="secrets.yaml",
    show_default=True,
    metavar="FILE",
    help="The file of secrets to add its secret to; made where there is none.",
)
@click.option(
    "--event",
    type=FILE,
    metavar="FILE",
    help="Where to write its first event.  [default: ID-first-event.json]",
)
@click.option("--yes", is_flag=True, help="Ask nothing: options and defaults are the answers.")
def new_producer(
    *,
    events_per_second: int,
    burst: int,
    scheme: str,
    declaration: Path,
    secrets: Path,
    event: Path | None,
    yes: bool,
    **given: str | tuple[str, ...] | None,
) -> None:
    """Declare a producer, issue its secret, and write a first event to try.

    Asks for what no option answers. The declaration and the file of secrets keep their lines and
    comments; nothing that exists is replaced. The secret is printed once, alone on standard output;
    the commands that come next are on standard error.
    """
    from events.producers.tokens import Scheme, issue
    from operations.declaring.answers import Answers
    from operations.declaring.files import FileThereError, ProducerFiles
    from operations.declaring.first_event import first_event, is_its_own
    from streams.settings import load_settings

    files = ProducerFiles(declaration, secrets)
    quota = {"events_per_second": events_per_second, "burst": burst}
    answers = Answers(files.declared(), quota)
    said = {name: ",".join(one) if isinstance(one, tuple) else one for name, one in given.items()}
    asks = somebody_answers() and not yes
    _answer(answers, said, asks=asks)
    producer = answers.producer
    event_file = event or Path(f"{producer.id}-first-event.json")
    if event_file.exists():
        raise FileThereError(event_file)
    first = first_event(producer, load_settings().make_clock().now())
    if asks and not confirm(f"Add {producer.id} to {declaration} and {secrets}?"):
        raise click.Abort
    if not (asks or yes):
        raise click.UsageError("standard input is no terminal: add --yes to write the files")
    is_new = not declaration.exists()
    issued = issue(producer.id, Scheme(scheme))
    files.add(answers.declaration, issued, first, event_file)
    if is_new:
        from events.producers.loader import REGION

        echo(
            f"{declaration} is new and has this producer alone; copy {REGION} first to keep"
            " the shipped ones",
            err=True,
        )
    if not is_its_own(first, answers.producers):
        echo(f"{event_file}: change the entity in `data` to one that it owns", err=True)
    echo("for the producer, shown this once:", err=True)
    echo(issued.secret.get_secret_value())
    _show_next(files, issued, event_file)


def _answer(answers: Answers, said: dict[str, Any], *, asks: bool) -> None:
    """Answer every question: by its option, by the person at the terminal, or by its default."""
    from operations.declaring.answers import QUESTIONS

    missing = [
        one.option for one in QUESTIONS if one.default is None and not (asks or said[one.field])
    ]
    if missing:
        raise click.UsageError(f"nobody is asked here: add {', '.join(missing)}")
    for question in QUESTIONS:
        text, default = said[question.field], answers.default(question)
        if text or not asks:
            answers.take(question, text or default or "")
        else:
            ask(question.text, partial(answers.take, question), default=default)


def _show_next(files: ProducerFiles, issued: IssuedSecret, event: Path) -> None:
    """Print the commands that come next, as docs/producers.md has them."""
    declaration, secrets, first = (
        quote(str(one)) for one in (files.declaration, files.secrets, event)
    )
    echo("next: give every program the declaration and restart it, the gateway with", err=True)
    echo(f"  export SMART_REGION_PRODUCERS={declaration}", err=True)
    echo(f"  export SMART_REGION_GATEWAY_SECRETS={secrets}", err=True)
    echo("  smart-region producers check && smart-region gateway", err=True)
    echo(
        f"then send {event}, an example that counts unless it is corrected or retracted:", err=True
    )
    if issued.is_signing:
        echo("""  (umask 077 && printf '%s\\n' "$SECRET" >secret.txt)""", err=True)
        sender = f"--secret secret.txt --producer {issued.producer} {first}"
        echo(f'  smart-region emit --gateway "$GATEWAY" {sender}', err=True)
        return
    header = """printf 'Authorization: Bearer %s\\n' "$TOKEN" >authorization"""
    echo(f"  (umask 077 && rm -f authorization && {header})", err=True)
    headers = '--header @authorization --header "Content-Type: application/cloudevents+json"'
    echo(f'  curl --silent "$GATEWAY/events" {headers} --data @{first}', err=True)
