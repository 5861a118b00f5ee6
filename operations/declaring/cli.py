"""The command `smart-region producers new`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from boundary.questions import ask, confirm, somebody_answers
from boundary.terminal import echo

if TYPE_CHECKING:
    from operations.declaring.answers import Answers

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
@click.option(
    "--secret-file",
    type=FILE,
    metavar="FILE",
    help="Where to write its secret, for the producer.  [default: ID-secret.txt]",
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
    secret_file: Path | None,
    yes: bool,
    **given: str | tuple[str, ...] | None,
) -> None:
    """Declare a producer, with its secret and a first event to try.

    Asks for what no option answers, and tells what will change and who loses what before it is
    done. The declaration and the file of secrets keep their lines and comments; nothing that exists
    is replaced. The secret is in a file that you alone can read, and is not shown.
    """
    from events.producers.tokens import Scheme, issue
    from gateway.settings import load_gateway_settings
    from operations.declaring.answers import Answers
    from operations.declaring.files import NewFiles, ProducerFiles
    from operations.declaring.first_event import first_event, is_its_own
    from operations.declaring.next_steps import next_steps
    from operations.declaring.summary import shipped_ones, summary
    from streams.settings import load_settings

    files, settings = ProducerFiles(declaration, secrets), load_gateway_settings()
    quota = {"events_per_second": events_per_second, "burst": burst}
    declared = files.declared()
    _show(shipped_ones(files))
    answers = Answers(declared, quota)
    said = {name: ",".join(one) if isinstance(one, tuple) else one for name, one in given.items()}
    asks = somebody_answers() and not yes
    _answer(answers, said, asks=asks)
    producer = answers.producer
    new = NewFiles(
        secret_file or Path(f"{producer.id}-secret.txt"),
        event or Path(f"{producer.id}-first-event.json"),
    )
    new.check()
    others = load_settings()
    first = first_event(producer, answers.producers, others.make_clock().now())
    _show(summary(producer, declared, files, new))
    if asks and not confirm("Write them?"):
        raise click.Abort
    if not (asks or yes):
        raise click.UsageError("standard input is no terminal: add --yes to write the files")
    issued = issue(producer.id, Scheme(scheme))
    files.add(answers.declaration, issued, first, new)
    is_own = is_its_own(first, answers.producers)
    _show(next_steps(files, new, issued, settings, others, event=first, is_own=is_own))


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        echo(line, err=True)


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
            ask(answers.text(question), partial(answers.take, question), default=default)
