"""The commands `smart-region rules …`, `boards …` and `kubernetes monitoring`."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from boundary.addresses import is_host_and_port
from boundary.generated_files import GeneratedFiles
from boundary.terminal import echo
from events.options import file_option, folder_option, stacked

if TYPE_CHECKING:
    from dashboards.conventions import Links

_UNIT: Final = "[smhdwMQy]"
_FROM_NOW: Final = re.compile(rf"now(?:[+-][0-9]{{0,9}}{_UNIT}|/f?{_UNIT})*")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{3})?)?Z?)?"
)
_MILLISECONDS: Final = re.compile("[0-9]{11,13}")
"""From 1973 on: fewer digits are more likely a year or seconds."""


def axis_start(text: str) -> str:
    """Return a text that Grafana reads as a time; else it would show a board without data.

    That is a time from now (`now-30m`, `now/y`), a day, a moment or milliseconds since 1970.
    """
    is_time = bool(_FROM_NOW.fullmatch(text) or _MILLISECONDS.fullmatch(text))
    if not is_time and _MOMENT.fullmatch(text):
        with suppress(ValueError):
            is_time = bool(datetime.fromisoformat(text))
    if not is_time:
        wrong = f"{text!r} is no time to Grafana: write now-30m, now-5y/y or 2016-01-01"
        raise click.BadParameter(wrong)
    return text


def _target(text: str) -> str:
    """Return a target of Prometheus, which loads no configuration that has a URL instead."""
    if not is_host_and_port(text):
        raise click.BadParameter(f"{text!r} is no target: write HOST:PORT, without http://")
    return text


def _targets(option: str, help_text: str) -> Callable[[Any], Any]:
    """Return the option of a job's targets, which may be given several times."""
    return click.option(
        f"--{option}",
        f"{option}s",
        multiple=True,
        type=_target,
        metavar="HOST:PORT",
        help=help_text,
    )


CATALOGUE = click.option(
    "--catalogue",
    "programmes",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of catalogue files instead of the Région's own.",
)
RUNBOOKS = click.option(
    "--runbooks",
    metavar="URL",
    help="What comes before /ALERT.md in links to runbooks; default docs/runbooks.",
)
SINCE = click.option(
    "--since",
    type=axis_start,
    metavar="TIME",
    help="Where the axis of time begins, as Grafana writes it: now-30m; by default the day from"
    " which the catalogue counts.",
)
BOARDS = click.option(
    "--boards", metavar="URL", help="Where Grafana is, for links; default http://localhost:3000."
)
PUBLISHING = stacked(
    click.option(
        "--grafana",
        "address",
        required=True,
        metavar="URL",
        help="Where Grafana is: https://grafana.example.org, with its path if it has one.",
    ),
    file_option(
        "--token-file",
        help="A file with a service account's token; by default SMART_REGION_GRAFANA_TOKEN.",
    ),
    click.option(
        "--plain-http",
        is_flag=True,
        help="Send the token to http:// on a network that is yours alone.",
    ),
    click.option("--force", is_flag=True, help="Overwrite also what was changed by hand."),
    click.option("--prune", is_flag=True, help="Remove our boards that are no more."),
    CATALOGUE,
    SINCE,
    RUNBOOKS,
)


@click.group()
def rules() -> None:
    """Generate the rules of Prometheus and Alertmanager.

    They follow from the catalogue.
    """


@rules.command(name="render")
@folder_option("--out", default="deploy", help="Where prometheus/ and alertmanager/ are written.")
@CATALOGUE
@file_option(
    "--contacts",
    "contacts_file",
    help="Who receives alerts, and how; without it, mail to addresses that do not exist.",
)
@click.option(
    "--pace",
    "pace_name",
    type=click.Choice(["steady", "live"]),
    default="steady",
    show_default=True,
    help="live: every second, with short pending periods, for demos and tests.",
)
@RUNBOOKS
@BOARDS
@_targets("worker", "A worker's address.")
@_targets("assessor", "An assessor's address.")
@_targets("gateway", "The address of a producers' gateway's probes.")
@_targets("page", "A page's address.")
@_targets("alertmanager", "An Alertmanager's address.")
@click.option(
    "--metrics-token-file",
    metavar="FILE",
    help="Where Prometheus finds the token that /metrics requires.",
)
@click.option(
    "--metrics-ca",
    "metrics_ca_file",
    metavar="FILE",
    help="Where Prometheus finds the authority of our servers; then they are scraped over TLS.",
)
def render_rules(
    *,
    out: Path,
    programmes: Path | None,
    contacts_file: Path | None,
    pace_name: str,
    runbooks: str | None,
    boards: str | None,
    **site: Any,
) -> None:
    """Write the recording rules, the alerts and their configurations.

    They are checked with promtool and amtool where these are installed. Where the catalogue, the
    contacts or a rule is wrong the reason is written to the terminal, and no file.
    """
    from boundary.settings import read_settings, variable
    from catalogue.contacts import Contacts, load_contacts
    from catalogue.loader import load_catalogue
    from dashboards.rules.render import render as render_files
    from dashboards.rules.render import write
    from dashboards.rules.site import PACES, MonitorSite
    from events.producers.model import ProducersSettings, load_producers

    catalogue, contacts = load_catalogue(programmes), Contacts()
    if contacts_file is not None:
        declared = read_settings(ProducersSettings, own=variable("producers")).producers
        contacts = load_contacts(
            contacts_file,
            [programme.id for programme in catalogue.programmes],
            [producer.id for producer in load_producers(declared)],
        )
    given = {name: value for name, value in site.items() if value}
    links = _links(runbooks, boards)
    files = render_files(
        catalogue, MonitorSite(pace=PACES[pace_name], links=links, contacts=contacts, **given)
    )
    missing = write(files, out)
    echo(f"{out}: {len(files)} files")
    if missing:
        echo(f"not checked by {' and '.join(missing)}: not installed", err=True)


@click.group()
def boards() -> None:
    """Generate and publish the Grafana boards."""


@boards.command(name="render")
@folder_option(
    "--out",
    default="deploy/grafana/boards",
    help="Where the boards are written; those of programmes that are gone are removed.",
)
@CATALOGUE
@SINCE
@RUNBOOKS
def render_boards(
    *, out: Path, programmes: Path | None, since: str | None, runbooks: str | None
) -> None:
    """Write one JSON file for each board.

    The same catalogue always gives the same bytes. Where the catalogue is wrong the reason is
    written to the terminal, and no file.
    """
    from catalogue.loader import load_catalogue
    from dashboards.boards.render import board_files
    from dashboards.boards.render import render as render_files

    files = render_files(load_catalogue(programmes), _links(runbooks), since)
    board_files(files, out).write()
    echo(f"{out}: {len(files)} boards")


@boards.command()
@PUBLISHING
def plan(**options: Any) -> None:
    """Show which boards `apply` would change, and in which panels.

    Nothing is written.
    """
    _publish(write=False, **options)


@boards.command()
@PUBLISHING
def apply(**options: Any) -> None:
    """Publish the catalogue's boards on a Grafana.

    A second run changes nothing. A board that was changed by hand stops it before anything is
    written.
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
    from catalogue.loader import load_catalogue
    from dashboards.grafana import Grafana, read_token
    from dashboards.publishing import carry_out, survey, wanted_boards

    wanted = wanted_boards(load_catalogue(programmes), _links(runbooks), since)
    with Grafana(address, read_token(token_file), plain_http=plain_http) as grafana:
        version = grafana.version()
        planned = survey(grafana, wanted, force=force, prune=prune)
        echo(f"{grafana.address}: Grafana {version}".rstrip())
        for line in planned.lines():
            echo(line)
        if write:
            carry_out(grafana, planned)
            echo("nothing to do" if planned.is_empty else "done")


@click.group()
def kubernetes() -> None:
    """Write resources for Strimzi and Prometheus' operator."""


@kubernetes.command()
@folder_option(
    "--out", default="deploy/kubernetes/monitoring", help="Where rules and scraping are written."
)
@folder_option(
    "--boards-dir",
    default="deploy/grafana/boards",
    help="Where `boards render` writes: the kustomization that makes ConfigMaps lies beside them.",
)
@CATALOGUE
@RUNBOOKS
@BOARDS
def monitoring(
    *,
    out: Path,
    boards_dir: Path,
    programmes: Path | None,
    runbooks: str | None,
    boards: str | None,
) -> None:
    """Write PrometheusRules and ServiceMonitors.

    What makes ConfigMaps of the boards is written too. Where the catalogue is wrong the reason
    is written to the terminal, and no file.
    """
    from catalogue.loader import load_catalogue
    from dashboards.kubernetes import monitoring_files, render_beside_boards, render_monitoring
    from dashboards.rules.site import MonitorSite

    catalogue = load_catalogue(programmes)
    site = MonitorSite(links=_links(runbooks, boards))
    rendered = (
        monitoring_files(render_monitoring(catalogue, site), out),
        GeneratedFiles(boards_dir, render_beside_boards(catalogue, site)),
    )
    for part in rendered:
        part.write()
        echo(f"{part.folder}: {len(part.files)} files")


def _links(runbooks: str | None, boards: str | None = None) -> Links:
    """Return the links as the options have them, by default as `Links`."""
    from dashboards.conventions import Links

    usual = Links()
    return Links(runbooks or usual.runbooks, boards or usual.boards)


commands: list[click.Command] = [rules, boards, kubernetes]
