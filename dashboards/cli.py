"""The commands `smart-region rules …` and `boards …`: what is generated from the catalogue."""

from __future__ import annotations

from pathlib import Path

import click

from boundary.terminal import echo
from dashboards.boards.cli import boards
from dashboards.kubernetes.cli import kubernetes
from dashboards.options import CATALOGUE, RUNBOOKS, out_to
from dashboards.publishing.cli import commands as publishing_commands

__all__ = ["commands"]

ADDRESS = "HOST:PORT"


@click.group()
def rules() -> None:
    """Make Prometheus' rules and Alertmanager's routes of the catalogue."""


@rules.command()
@out_to("deploy", what="Where prometheus/ and alertmanager/ are written.")
@CATALOGUE
@click.option(
    "--contacts",
    "contacts_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
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
@click.option(
    "--boards", metavar="URL", help="Where Grafana is, for links; default http://localhost:3000."
)
@click.option("--worker", "workers", multiple=True, metavar=ADDRESS, help="A worker's address.")
@click.option(
    "--assessor", "assessors", multiple=True, metavar=ADDRESS, help="An assessor's address."
)
@click.option(
    "--gateway",
    "gateways",
    multiple=True,
    metavar=ADDRESS,
    help="The address of a producers' gateway's probes.",
)
@click.option(
    "--alertmanager",
    "alertmanagers",
    multiple=True,
    metavar=ADDRESS,
    help="An Alertmanager's address.",
)
@click.option(
    "--metrics-token-file",
    metavar="FILE",
    help="Where Prometheus finds the token that /metrics requires.",
)
@click.option(
    "--metrics-ca",
    metavar="FILE",
    help="Where Prometheus finds the authority of our servers; then they are scraped over TLS.",
)
def render(
    *,
    out: Path,
    programmes: Path | None,
    contacts_file: Path | None,
    pace_name: str,
    runbooks: str | None,
    boards: str | None,
    workers: tuple[str, ...],
    assessors: tuple[str, ...],
    gateways: tuple[str, ...],
    alertmanagers: tuple[str, ...],
    metrics_token_file: str | None,
    metrics_ca: str | None,
) -> None:
    """Write the recording rules, the alerts, and the configurations that go with them.

    They are checked with promtool and amtool where these are installed. Where the catalogue, the
    contacts or a rule is wrong the reason is written to the terminal, and no file.
    """
    from catalogue.loader import load_catalogue
    from dashboards.conventions import Links
    from dashboards.rules.contacts import Contacts, load_contacts
    from dashboards.rules.pace import PACES
    from dashboards.rules.render import MonitorSite, write
    from dashboards.rules.render import render as render_files
    from dashboards.rules.scraping import Access

    catalogue = load_catalogue(programmes)
    known = [programme.id for programme in catalogue.programmes]
    contacts = Contacts() if contacts_file is None else load_contacts(contacts_file, known)
    usual = MonitorSite()
    site = MonitorSite(
        pace=PACES[pace_name],
        links=Links(runbooks or Links().runbooks, boards or Links().boards),
        contacts=contacts,
        workers=workers or usual.workers,
        assessors=assessors or usual.assessors,
        gateways=gateways or usual.gateways,
        alertmanagers=alertmanagers or usual.alertmanagers,
        access=Access(metrics_token_file, metrics_ca),
    )
    files = render_files(catalogue, site)
    missing = write(files, out)
    echo(f"{out}: {len(files)} files")
    if missing:
        echo(f"not checked by {' and '.join(missing)}: not installed", err=True)


for _command in publishing_commands:
    boards.add_command(_command)

commands: list[click.Command] = [rules, boards, kubernetes]
