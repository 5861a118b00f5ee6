"""The options that commands beside the system have in common."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

__all__ = ["DAY", "KNOWN_ON", "OUT", "refuse_future"]

DAY = click.DateTime(["%Y-%m-%d"])
KNOWN_ON = click.option(
    "--known-on", type=DAY, metavar="DAY", help="Only with what was recorded up to this day."
)
OUT = click.option(
    "--out",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    default="-",
    metavar="FILE",
    help="Where to write.  [default: standard output]",
)


def refuse_future(day: date, today: date, *, option: str) -> None:
    """Raise BadParameter where a day is yet to come."""
    if day > today:
        raise click.BadParameter(
            f"{day} is yet to come (the clock says {today}): a day has figures when it is there",
            param_hint=option,
        )
