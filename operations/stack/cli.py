"""The command `smart-region stack`."""

from __future__ import annotations

from pathlib import Path

import click

from boundary.terminal import echo
from events.options import folder_option


@click.command()
@folder_option(
    "--folder",
    default="build/stack",
    metavar="FOLDER",
    help="Where data, logs and secrets are kept from run to run; remove it to begin anew.",
)
@folder_option(
    "--kafka",
    "distribution",
    metavar="FOLDER",
    help="A clone's deploy/kafka with its jars; by default that of the clone this is run from.",
)
@click.option(
    "--pace",
    type=click.Choice(["steady", "live"]),
    default="steady",
    show_default=True,
    help="live: Prometheus scrapes every second, and alerts do not wait.",
)
def stack(*, folder: Path, distribution: Path | None, pace: str) -> None:
    """Run the whole system on this machine, until Ctrl-C.

    Its parts are plain processes: Kafka, two workers, the assessor, the gateway and the delegate's
    page, each behind HAProxy, Prometheus and Alertmanager. Each starts once those before it are
    ready, has a log of its own, and is restarted when it ends; five quick ends of one end them all.
    They take the ports of their last start, or their usual ones if these are free. The command
    prints the addresses, and first events to send. The exit status is 0 after Ctrl-C or SIGTERM, 2
    if the system cannot start or go on.
    """
    from contextlib import suppress

    from boundary.interruption import Interrupted, interruptible
    from catalogue.loader import load_catalogue
    from operations.programs.kafka import KAFKA_FOLDER
    from operations.stack.system import run_stack
    from streams.settings import load_settings

    settings = load_settings()
    catalogue = load_catalogue(settings.catalogue)
    with suppress(Interrupted), interruptible():
        run_stack(folder, distribution or KAFKA_FOLDER, pace, settings, catalogue, echo)
