"""The command `smart-region topics accept-loss`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from boundary.terminal import echo
from broker.options import APP_ID, BROKER, Parsed, quiet_client
from events.options import KEPT_REASON

if TYPE_CHECKING:
    from operations.losses.missing import Place


def _place(text: str) -> Place:
    """Read an event topic, a partition of one, or `all`."""
    from events.topics import FAMILIES
    from operations.losses.missing import ALL, Place
    from streams.decisions import parse_partition

    if text == ALL:
        return Place()
    return Place(text) if text in FAMILIES else Place(*parse_partition(text))


@click.group()
def topics() -> None:
    """Create, check or list the topics, and grant rights."""


@topics.command(name="accept-loss")
@click.argument("place", type=Parsed("PARTITION", _place), metavar="TOPIC[/PARTITION]|all")
@KEPT_REASON
@click.option("--yes", is_flag=True, help="Accept it; without, only print what is missing.")
@BROKER
@APP_ID
def accept_loss(
    *,
    place: Place,
    because: str,
    yes: bool,
    bootstrap: str | None,
    app_id: str | None,
) -> None:
    """Accept that events of a topic, a partition or `all` are lost.

    Workers withhold the figures of a partition, as smartregion.schools/3, whose records are
    missing, and all figures where a topic was deleted and created again. Once the loss is accepted,
    figures are computed from what is left. The decision is permanent. Nothing is deleted, and
    producers may still send the lost events again.
    """
    from broker.writing import KafkaWriter
    from operations.losses.missing import losses_at
    from streams.settings import load_settings

    quiet_client()
    settings = load_settings(broker=bootstrap, app_id=app_id)
    losses = losses_at(settings, place)
    for clause in losses.clauses():
        echo(clause)
    echo("Once this is accepted, figures are computed from what is left.")
    if not yes:
        echo("nothing was decided: add --yes to accept it", err=True)
        return
    decisions = losses.decisions(at=settings.make_clock().now(), because=because)
    with KafkaWriter(settings.broker, security=settings.security()) as writer:
        writer.send(decisions)
    echo("accepted")
