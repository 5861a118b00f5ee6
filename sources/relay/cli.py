"""The commands `smart-region relay`: from the outbox of a producer's database to Kafka."""

from __future__ import annotations

import sys
from functools import partial

import click

from boundary.extras import needs_extra
from boundary.seconds import LONGEST_SECONDS
from boundary.terminal import count_last, echo_lines
from broker.options import BROKER, quiet_client
from events.options import NumberRange
from sources.emitting.options import GatewayChoice, gateway_options, open_publisher


@click.group()
def relay() -> None:
    """Send events from an outbox in a producer's database.

    See docs/databases.md.
    """


@relay.command("sql")
def write_sql() -> None:
    """Write the SQL file that makes or updates the outbox, for psql."""
    from sources.relay.sql import outbox_sql

    echo_lines(outbox_sql())


@relay.command()
@click.option(
    "--database",
    default="",
    metavar="URL",
    help="postgresql://USER@HOST/NAME; what it leaves out is from libpq's variables (PGHOST, "
    "PGPASSFILE, PGSSLMODE…). No password here: everybody on the machine could read it.",
)
@click.option("--once", is_flag=True, help="Send what waits now, and end.")
@click.option(
    "--poll",
    "poll_seconds",
    type=NumberRange(0.1, LONGEST_SECONDS),
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look, in case the database does not notify.",
)
@BROKER
@gateway_options
def postgres(
    *,
    database: str,
    once: bool,
    poll_seconds: float,
    bootstrap: str | None,
    gateway: GatewayChoice | None,
) -> None:
    """Send the events of a PostgreSQL outbox, until a signal.

    Each is sent once it is committed. The events go to Kafka, or with --gateway through the
    gateway. An event leaves the outbox once it has arrived; after an interruption it is sent
    again, and counts once. Refused events are put aside in the table smart_region.refused, with
    the reason. Several relays may run: they share the work. The last line says how many were
    sent and refused. With --once the exit status is 1 if some were refused; it is 2 after an
    error, which is the line before, and 128 and more after a signal.
    """
    from boundary.interruption import Interrupted, interruptible
    from boundary.logs import configure_logging

    with needs_extra("postgres", needed_by="relay postgres"):
        from sources.relay.outbox import Outbox
        from sources.relay.relay import Relayed, relay_until_stopped, relay_waiting

    quiet_client()
    total = Relayed()
    open_outbox = partial(Outbox, database)
    publish = partial(open_publisher, bootstrap, gateway)
    try:
        with count_last(lambda: f"{total.sent} sent, {total.refused} refused"), interruptible():
            if once:
                with open_outbox() as outbox, publish() as publisher:
                    relay_waiting(outbox, publisher, total)
            else:
                configure_logging("info", "text")
                relay_until_stopped(open_outbox, publish, total, poll_seconds=poll_seconds)
    except Interrupted as signalled:
        if once:  # What waited may not all be sent.
            sys.exit(128 + signalled.number)
    if once and total.refused:
        sys.exit(1)
