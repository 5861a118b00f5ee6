"""The commands `smart-region emit` and `pseudonymise`: what a producer runs."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from boundary.terminal import echo
from broker.options import BROKER, quiet_client
from operations.emitting.options import gateway_options

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from operations.emitting.lines import RefusedLine
    from operations.emitting.options import GatewayChoice

__all__ = ["emit", "pseudonymise"]


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@BROKER
@click.option(
    "--mode",
    type=click.Choice(["structured", "binary"]),
    default="structured",
    show_default=True,
    help="How the events are laid out in Kafka records.",
)
@click.option(
    "--allow-refused",
    is_flag=True,
    help="Exit status 0 where lines were refused, and all others taken.",
)
@gateway_options
def emit(
    file: BinaryIO,
    bootstrap: str | None,
    mode: str,
    *,
    allow_refused: bool,
    gateway: GatewayChoice | None,
) -> None:
    """Publish the CloudEvents of FILE (or standard input), one JSON object per line.

    They go to Kafka, or with --gateway through the gateway. Each line is checked first. A
    refused line is reported on standard error and stops nothing; the exit status is then 1, or 2
    where the broker or the gateway failed. With --spool, what the gateway does not take is kept in
    a file, and sent first by the next command with that file.
    """
    from broker.settings import load_broker_settings
    from operations.client import ContentMode, KafkaPublisher, Publisher, PublisherOptions
    from operations.emitting.lines import Emission
    from operations.emitting.lines import emit as emit_lines

    def opened() -> Publisher:
        if gateway is not None:
            return gateway.publisher()
        settings = load_broker_settings(bootstrap)
        options = PublisherOptions(mode=ContentMode(mode))
        return KafkaPublisher(settings.broker, options=options, security=settings.security())

    quiet_client()
    emission = Emission()
    try:
        with opened() as publisher, _progress(file) as lines:
            emit_lines(lines, publisher, on_refused=_report, emission=emission)
    finally:
        waiting = f", {emission.waiting} waiting" if emission.waiting else ""
        echo(f"{emission.accepted} accepted, {emission.refused} refused{waiting}")
    if emission.waiting:
        echo(f"the gateway takes no events now ({emission.waiting_for})", err=True)
    if emission.refused and not allow_refused:
        sys.exit(1)


def _report(refused: RefusedLine) -> None:
    echo(refused, err=True)


@contextmanager
def _progress(file: BinaryIO) -> Iterator[Iterable[bytes]]:
    """Yield the lines of a file, with a progress bar on a terminal's standard error."""
    if not sys.stderr.isatty():
        yield file
        return
    from rich.progress import wrap_file

    from boundary.screen import LegibleConsole

    with wrap_file(
        file,
        total=_size(file) or 0,
        description="emitting",
        console=LegibleConsole(stderr=True),
        transient=True,
    ) as watched:
        yield watched


def _size(file: BinaryIO) -> int | None:
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:  # A pipe, or no real file: its length is not known.
        return None


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option(
    "--key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The key's file, for its owner alone.",
)
@click.option("--new-key", metavar="ID", help="Make the key's file first, with an id such as k1.")
def pseudonymise(file: BinaryIO, key_file: Path, new_key: str | None) -> None:
    """Write the pseudonym of each line of FILE (or standard input), which identifies a person.

    With --new-key only a key is made; nothing is read. See docs/person-data.md for what to keep,
    and how a key is replaced.
    """
    from events.pseudonym import load_key, pseudonymise_lines, write_new_key

    if new_key is not None:
        write_new_key(key_file, new_key)
        return
    for pseudonym in pseudonymise_lines(file, load_key(key_file)):
        echo(pseudonym)
