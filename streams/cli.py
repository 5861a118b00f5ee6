"""The commands of this package, those of its parts among them: `smart-region worker` and so on."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from streams.assessor.cli import commands as assessor_commands
from streams.audit.cli import commands as audit_commands
from streams.backfill.cli import commands as backfill_commands
from streams.demo.cli import demo
from streams.export.cli import commands as export_commands
from streams.producers.cli import commands as producers_commands

if TYPE_CHECKING:
    from events.dead_letters import DeadLetter

__all__ = ["commands"]


@click.command()
def worker() -> None:
    """Run a worker: events in, figures on /metrics, until SIGTERM.

    Everything is set by SMART_REGION_… variables. The exit status is 0 after a signal, 1 when
    something failed on the way (restart it: it goes on where it was), 2 when it cannot start.
    """
    from streams.settings import load_settings
    from streams.worker import run_worker

    sys.exit(run_worker(load_settings()))


@click.group(name="dead-letters")
def dead_letters() -> None:
    """Look at the records that were refused."""


@dead_letters.command(name="list")
@click.option("--bootstrap", metavar="HOST:PORT", help="The broker; default SMART_REGION_BROKER.")
@click.option("--reason", help="Only those refused for this reason.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_dead_letters(*, bootstrap: str | None, reason: str | None, as_json: bool) -> None:
    """List the dead letters, oldest first: where each came from, and why it was refused."""
    from events.dead_letters import read_dead_letter
    from events.topics import DEAD_LETTERS
    from streams.audit.reading import read_topics
    from streams.settings import load_settings

    settings = load_settings(broker=bootstrap)
    count = 0
    for record in read_topics(settings.broker, topics=[DEAD_LETTERS], security=settings.security()):
        try:
            letter = read_dead_letter(record)
        except ValueError as error:
            click.echo(error, err=True)
            continue
        if reason in (None, letter.reason):
            count += 1
            click.echo(_json_line(letter) if as_json else _line(letter))
    click.echo(f"{count} dead letters", err=True)


def _line(letter: DeadLetter) -> str:
    return f"{letter.time:%Y-%m-%d %H:%M:%S} {letter.origin} {letter.reason} {letter.detail}"


def _json_line(letter: DeadLetter) -> str:
    """Tell a dead letter's place and reason; its content stays on the topic."""
    told = {
        "time": letter.time.isoformat(),
        "topic": letter.origin.topic,
        "partition": letter.origin.partition,
        "offset": letter.origin.offset,
        "reason": letter.reason,
        "field": letter.field,
        "detail": letter.detail,
    }
    return json.dumps(told, ensure_ascii=False)


commands: list[click.Command] = [
    worker,
    *assessor_commands,
    dead_letters,
    *audit_commands,
    *backfill_commands,
    *export_commands,
    *producers_commands,
    demo,
]
