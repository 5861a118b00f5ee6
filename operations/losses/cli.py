"""The command `smart-region topics accept-loss`."""

from __future__ import annotations

import click

from boundary.terminal import echo
from broker.options import APP_ID, BROKER, Parsed, quiet_client
from operations.options import KEPT_REASON


def _partition(text: str) -> tuple[str, int]:
    """Read a partition of an event topic."""
    from streams.skipped_records import parse_partition

    return parse_partition(text)


@click.group()
def topics() -> None:
    """Create, check or list the topics that the monitor needs."""


@topics.command(name="accept-loss")
@click.argument("place", type=Parsed("PARTITION", _partition), metavar="TOPIC/PARTITION")
@KEPT_REASON
@click.option("--yes", is_flag=True, help="Accept it; without, only print what is missing.")
@BROKER
@APP_ID
def accept_loss(
    *,
    place: tuple[str, int],
    because: str,
    yes: bool,
    bootstrap: str | None,
    app_id: str | None,
) -> None:
    """Accept that events of a partition are lost.

    Workers withhold the figures of a partition, as smartregion.schools/3, whose records are
    missing. Once their loss is accepted, figures are computed from what is left. The decision is
    kept for ever. Nothing is deleted, and producers may still send the lost events again.
    """
    from broker.writing import KafkaWriter
    from operations.losses.missing import losses_accepted_of, read_log, verify_missing
    from streams.accepted_losses import loss_record
    from streams.settings import load_settings

    quiet_client()
    settings = load_settings(broker=bootstrap, app_id=app_id)
    log = read_log(settings, *place)
    verify_missing(log, losses_accepted_of(settings, *place))
    echo(
        f"{log.topic}[{log.partition}] begins at offset {log.start} and ends at offset {log.end}:"
        f" {'; '.join(log.missing())}."
        " Once this is accepted, figures are computed from what is left."
    )
    if not yes:
        echo("nothing was decided: add --yes to accept it", err=True)
        return
    decision = log.accepted(at=settings.make_clock().now(), because=because)
    with KafkaWriter(settings.broker, security=settings.security()) as writer:
        writer.send([loss_record(decision)])
    echo("accepted")
