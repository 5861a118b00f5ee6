"""Options that several commands of this package have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["CATALOGUE", "PLAIN_HTTP", "RUNBOOKS", "SINCE", "out_to"]

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Command], Command]

CATALOGUE = click.option(
    "--catalogue",
    "programmes",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of catalogue files instead of the Région's own.",
)
PLAIN_HTTP = click.option(
    "--plain-http",
    is_flag=True,
    help="Send the token to http:// on a network that is yours alone.",
)
RUNBOOKS = click.option(
    "--runbooks",
    metavar="URL",
    help="What comes before /ALERT.md in links to runbooks; default docs/runbooks.",
)
SINCE = click.option(
    "--since",
    metavar="TIME",
    help="Where the axis of time begins, as Grafana writes it: now-30m; by default the day from"
    " which the catalogue counts.",
)


def out_to(default: str, *, what: str) -> Option[Any]:
    """Return the option `--out DIR`; `what` is its help: what is written there."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(default),
        show_default=True,
        metavar="DIR",
        help=what,
    )
