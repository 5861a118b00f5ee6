"""The command `smart-region kubernetes monitoring`."""

from __future__ import annotations

from pathlib import Path

import click

from boundary.generated_files import GeneratedFiles
from boundary.terminal import echo
from dashboards.options import CATALOGUE, RUNBOOKS, out_to

__all__ = ["kubernetes"]


@click.group()
def kubernetes() -> None:
    """Write what a cluster's operators are to make and to watch."""


@kubernetes.command()
@out_to("deploy/kubernetes/monitoring", what="Where rules and scraping are written.")
@click.option(
    "--boards-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("deploy/grafana/boards"),
    show_default=True,
    metavar="DIR",
    help="Where `boards render` writes: the kustomization that makes ConfigMaps lies beside them.",
)
@CATALOGUE
@RUNBOOKS
@click.option(
    "--boards", metavar="URL", help="Where Grafana is, for links; default http://localhost:3000."
)
def monitoring(
    *,
    out: Path,
    boards_dir: Path,
    programmes: Path | None,
    runbooks: str | None,
    boards: str | None,
) -> None:
    """Write PrometheusRules, ServiceMonitors, and what makes ConfigMaps of the boards.

    Where the catalogue is wrong the reason is written to the terminal, and no file.
    """
    from catalogue.loader import load_catalogue
    from dashboards.conventions import Links
    from dashboards.kubernetes.render import (
        monitoring_files,
        render_beside_boards,
        render_monitoring,
    )
    from dashboards.rules.render import MonitorSite

    catalogue = load_catalogue(programmes)
    site = MonitorSite(links=Links(runbooks or Links().runbooks, boards or Links().boards))
    rendered = (
        monitoring_files(render_monitoring(catalogue, site), out),
        GeneratedFiles(boards_dir, render_beside_boards(catalogue, site)),
    )
    for part in rendered:
        part.write()
        echo(f"{part.folder}: {len(part.files)} files")
