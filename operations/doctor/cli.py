"""The command `smart-region doctor`."""

from __future__ import annotations

import sys
from typing import Any

import click

from boundary.terminal import echo
from broker.options import BROKER, quiet_client
from events.options import file_option


@click.command()
@BROKER
@click.option("--prometheus", metavar="URL", help="Check the Prometheus there, and its clock.")
@click.option("--grafana", metavar="URL", help="Check the Grafana there, its boards and clock.")
@file_option(
    "--token-file",
    help="Grafana's: a service account's token; by default SMART_REGION_GRAFANA_TOKEN.",
)
@click.option(
    "--plain-http",
    is_flag=True,
    help="Send Grafana's token to http:// on a network that is yours alone.",
)
def doctor(*, bootstrap: str | None, **servers: Any) -> None:
    """Check the settings, and every server that they name.

    Prints what has to be corrected. Checks the settings, the gateway's, the catalogue, producers
    and secrets, the broker and its topics, the workers that SMART_REGION_WORKERS names and their
    clocks, the clock here, Prometheus and Grafana; nothing is changed. A check that depends on a
    failed one names it. The exit status is 1 if something is wrong.
    """
    from operations.doctor.checks import CheckStatus, Doctor, run_checks

    quiet_client()
    wrong = 0
    for finding in run_checks(Doctor(bootstrap, **servers).checks):
        echo(f"{finding.verdict:5}  {finding.check:10}  {finding.message}")
        wrong += finding.verdict is CheckStatus.WRONG
    if wrong:
        echo(err=True)
        echo(f"{wrong} to put right", err=True)
        sys.exit(1)
