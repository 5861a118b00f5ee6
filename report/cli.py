"""The command `smart-region page`: the delegate's page as a server."""

from __future__ import annotations

import sys

import click

__all__ = ["commands"]


@click.command()
def page() -> None:
    """Serve the promises as web pages, in French, until SIGTERM.

    It follows the changelogs and the topics of events; everything is set by SMART_REGION_…
    variables. The exit status is 0 after a signal, 1 when something failed on the way (restart
    it), 2 when it cannot start.
    """
    from report.process import run_page
    from report.settings import load_page_settings

    sys.exit(run_page(load_page_settings()))


commands: list[click.Command] = [page]
"""The commands of this package."""
