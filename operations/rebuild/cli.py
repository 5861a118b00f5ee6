"""The command `smart-region rebuild`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from boundary.terminal import echo
from broker.options import BROKER, OneOf

if TYPE_CHECKING:
    from events.fact import Family


@click.command()
@click.option(
    "--family",
    "families",
    type=OneOf("Family", "events.registry"),
    multiple=True,
    help="Rebuild this family alone; may be given several times.",
)
@click.option(
    "--partition",
    "partitions",
    type=click.IntRange(min=0),
    multiple=True,
    help="Rebuild this partition alone; may be given several times.",
)
@click.option(
    "--accept-missing",
    is_flag=True,
    help="Rebuild although the raw topics no longer hold all that was read of them.",
)
@click.option("--yes", is_flag=True, help="Do it; without, only print what would be done.")
@BROKER
def rebuild(
    *,
    families: tuple[Family, ...],
    partitions: tuple[int, ...],
    accept_missing: bool,
    yes: bool,
    bootstrap: str | None,
) -> None:
    """Rebuild states from the raw topics.

    It is for a changelog that was lost or is not to be trusted. Sets the workers' committed
    offsets back to the beginning, and deletes the records of their changelogs: the workers then
    read every event again. Every worker has to be stopped meanwhile. Interrupted, it may be run
    again. See docs/retention.md.
    """
    from events.fact import Family
    from operations.programs.interruption import undone_by_signals
    from operations.rebuild import procedure
    from streams.settings import load_settings

    settings = load_settings(broker=bootstrap)
    plan = procedure.plan_rebuild(settings, families, partitions)
    for family in Family:
        mine = [one for one in plan if one.family is family]
        if mine:
            echo(
                f"{family}: {len(mine)} partitions, {sum(one.events for one in mine)} events to "
                f"read again, {sum(one.committed > 0 for one in mine)} offsets to reset, "
                f"{sum(bool(one.states_end) for one in mine)} changelog partitions to empty"
            )
    for one in plan:
        if one.missing:
            echo(f"missing: {one.missing}")
    if not yes:
        echo("nothing was done: add --yes to rebuild", err=True)
        return
    with undone_by_signals("run it again, before any worker starts"):
        procedure.rebuild(settings, plan, accept_missing=accept_missing)
    echo("done: offsets reset, changelogs empty")
    echo(
        "now start the workers: they read the events again (records that are refused become dead"
        " letters again), and are ready at once; figures are right when their lag is 0. Then"
        " `smart-region audit --against URL`",
        err=True,
    )
