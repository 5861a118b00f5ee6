"""The commands `smart-region boards plan` and `smart-region boards apply`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from boundary.terminal import echo
from dashboards.options import CATALOGUE, PLAIN_HTTP, RUNBOOKS, SINCE

__all__ = ["commands"]

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option(
        "--grafana",
        "address",
        required=True,
        metavar="URL",
        help="Where Grafana is: https://grafana.example.org, with its path if it has one.",
    ),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="A file with a service account's token; by default SMART_REGION_GRAFANA_TOKEN.",
    ),
    PLAIN_HTTP,
    click.option("--force", is_flag=True, help="Overwrite also what was changed by hand."),
    click.option("--prune", is_flag=True, help="Remove our boards that are no more."),
    CATALOGUE,
    SINCE,
    RUNBOOKS,
)


def _with_options(command: Command) -> Command:
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.command()
@_with_options
def plan(**options: Any) -> None:
    """Show by board and by panel what `apply` would change on a Grafana; write nothing."""
    _publish(write=False, **options)


@click.command()
@_with_options
def apply(**options: Any) -> None:
    """Publish the catalogue's boards on a Grafana; a second run changes nothing.

    A board that was changed by hand stops it before anything is written.
    """
    _publish(write=True, **options)


def _publish(
    *,
    write: bool,
    address: str,
    token_file: Path | None,
    plain_http: bool,
    force: bool,
    prune: bool,
    programmes: Path | None,
    since: str | None,
    runbooks: str | None,
) -> None:
    from functools import partial

    from catalogue.loader import load_catalogue
    from dashboards.conventions import Links
    from dashboards.publishing.access import Address, read_token
    from dashboards.publishing.adapter import Grafana
    from dashboards.publishing.apply import carry_out, survey
    from dashboards.publishing.check import wanted_boards
    from dashboards.publishing.report import report

    links = Links(runbooks) if runbooks else None
    boards = wanted_boards(load_catalogue(programmes), links, since)
    grafana_address = Address.parse(address)
    notify = partial(echo, err=True)
    token = read_token(token_file)
    with Grafana(grafana_address, token, plain_http=plain_http, notify=notify) as grafana:
        version = grafana.version()
        planned = survey(grafana, boards, force=force, prune=prune)
        echo(f"{grafana_address}: Grafana {version}".rstrip())
        for line in report(planned):
            echo(line)
        if write:
            carry_out(grafana, planned)
            echo("nothing to do" if planned.empty else "done")


commands: list[click.Command] = [plan, apply]
