"""The commands `smart-region emit`, `explain` and `pseudonymise`: what a producer runs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from boundary.terminal import count_last, echo
from broker.options import BROKER, Parsed, one_of, quiet_client
from events.options import day_option, file_option
from sources.emitting.options import GatewayChoice, gateway_or_spool_options, open_publisher

if TYPE_CHECKING:
    from events.milestone import ExplanationKind
    from sources.emitting.lines import Emission, RefusedLine


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@BROKER
@click.option(
    "--allow-refused",
    is_flag=True,
    help="Exit status 0 where lines were refused, and all others taken.",
)
@gateway_or_spool_options
def emit(
    file: BinaryIO,
    bootstrap: str | None,
    *,
    allow_refused: bool,
    gateway: GatewayChoice | None,
) -> None:
    """Publish the CloudEvents in FILE, one JSON object per line.

    Without FILE they come from standard input. The events go to Kafka, or with --gateway
    through the gateway. Each line is checked first. A refused line is reported on standard
    error and stops nothing; the exit status is then 1, or 2 where the broker or the gateway
    failed. With --spool, what the gateway does not take is kept in a file, and sent first by
    the next command with that file.
    """
    from sources.emitting.lines import LONGEST_LINE, Emission, bounded_lines
    from sources.emitting.lines import emit as emit_lines

    quiet_client()
    emission = Emission()
    with (
        count_last(partial(_count, emission)),
        open_publisher(bootstrap, gateway) as publisher,
    ):
        lines = bounded_lines(file, longest=LONGEST_LINE)
        emit_lines(lines, publisher, on_refused=_report, emission=emission)
    _report_waiting(emission)
    if emission.refused and not allow_refused:
        sys.exit(1)


def _count(emission: Emission) -> str:
    waiting = f", {emission.waiting} waiting" if emission.waiting else ""
    return f"{emission.accepted} accepted, {emission.refused} refused{waiting}"


_report = partial(echo, err=True)


def _report_waiting(emission: Emission) -> None:
    if emission.waiting:
        echo(f"the gateway takes no events now ({emission.waiting_for})", err=True)


def _utf8(text: str) -> str:
    """Return a text; raise ValueError for one that a shell gave in another encoding."""
    text.encode()
    return text


def _read_text(text: str) -> str:
    """Return a text, or the standard input for `-`, with the line ends of the contract."""
    if text == "-":
        text = click.get_binary_stream("stdin").read().decode("utf-8-sig").rstrip("\r\n")
    return _utf8(text).replace("\r\n", "\n")


@click.command()
@click.argument("text", type=Parsed("text", _read_text), required=False)
@click.option("--indicator", required=True, metavar="ID", help="The indicator, by its id.")
@click.option("--milestone", required=True, metavar="ID", help="Its milestone, by its id.")
@click.option(
    "--territory",
    metavar="CODE",
    help="Where: the Région as R11, or a département as D77.  [default: the Région]",
)
@click.option(
    "--kind",
    type=one_of("ExplanationKind", "events.milestone"),
    required=True,
    metavar="KIND",
    help="What the text is about: result, cause, risk or action.",
)
@click.option(
    "--role",
    type=Parsed("role", _utf8),
    required=True,
    metavar="ROLE",
    help="Your role, such as a function; no person's name.",
)
@day_option("--day", help="The day that the text is about.  [default: today, UTC]")
@click.option("--retract", is_flag=True, help="Take back the text of that day and kind.")
@click.option(
    "--source",
    type=Parsed("source", _utf8),
    metavar="SOURCE",
    help="What events of explanations are from.  [default: urn:iledefrance:explications]",
)
@BROKER
@gateway_or_spool_options
def explain(
    *,
    text: str | None,
    indicator: str,
    milestone: str,
    territory: str | None,
    kind: ExplanationKind,
    role: str,
    day: datetime | None,
    source: str | None,
    bootstrap: str | None,
    retract: bool,
    gateway: GatewayChoice | None,
) -> None:
    """Explain in TEXT the status of a milestone.

    For the owner of a programme. The delegate's page and note show it. TEXT is plain, in
    French, of at most 2000 characters; - reads it from standard input. A later text of the same
    milestone, territory, day and kind replaces the earlier one. The catalogue must hold the
    territory to the milestone (`smart-region catalogue list`). With --retract no TEXT is needed.
    """
    from boundary.diagnostic import shown
    from catalogue.loader import load_catalogue
    from events.cloudevent import encode_structured
    from events.observation import Territory
    from sources.emitting.explanation import RETRACTED_TEXT, SOURCE, explanation_event
    from sources.emitting.lines import Emission
    from sources.emitting.lines import emit as emit_lines
    from streams.settings import load_settings

    if text is None and not retract:
        raise click.UsageError("give TEXT, or - to read it from standard input")
    now = datetime.now(UTC)
    said = {
        "indicator": indicator,
        "milestone": milestone,
        "territory": territory or Territory.of(None).value,
        "explained_on": now.date() if day is None else day.date(),
        "kind": kind,
        "text": RETRACTED_TEXT if text is None else text,
        "author_role": role,
        "retracted": retract,
    }
    catalogue = load_catalogue(load_settings(broker=bootstrap).catalogue)
    event = explanation_event(said, catalogue, source=source or SOURCE, now=now)

    def refuse(refused: RefusedLine) -> None:
        if refused.number is not None:
            raise refused.error
        _report(refused)  # The event of an earlier command, from the spool.

    quiet_client()
    emission = Emission()
    with open_publisher(bootstrap, gateway) as publisher:
        emit_lines(
            [encode_structured(event).value], publisher, on_refused=refuse, emission=emission
        )
    outcome = "waiting" if emission.waiting else "sent"
    what = "retraction" if retract else shown(said["text"])
    echo(f"{outcome}: {event.fact.entity_id} of {said['explained_on']}, {role}: {what}")
    _report_waiting(emission)


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@file_option("--key", "key_file", required=True, help="The key's file, for its owner alone.")
@click.option("--new-key", metavar="ID", help="Make the key's file first, with an id such as k1.")
def pseudonymise(file: BinaryIO, key_file: Path, new_key: str | None) -> None:
    """Write a pseudonym for each line of FILE.

    A line identifies a person; without FILE they come from standard input. With --new-key only
    a key is made; nothing is read. See docs/person-data.md for what to keep, and how a key is
    replaced.
    """
    from events.pseudonym import LONGEST_LINE, load_key, pseudonymise_lines, write_new_key
    from sources.emitting.lines import bounded_lines

    if new_key is not None:
        write_new_key(key_file, new_key)
        return
    lines = bounded_lines(file, longest=LONGEST_LINE)
    for pseudonym in pseudonymise_lines(lines, load_key(key_file)):
        echo(pseudonym)
