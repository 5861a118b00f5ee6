"""The command `smart-region gateway`."""

from __future__ import annotations

import sys

import click


@click.command()
def gateway() -> None:
    """Run the gateway, which accepts events over HTTP.

    It is configured by SMART_REGION_GATEWAY_… variables and those of the broker.
    The exit status is 0 after a signal, 2 when it cannot start.
    """
    from gateway.server import run_gateway
    from gateway.settings import load_gateway_settings

    sys.exit(run_gateway(load_gateway_settings()))


commands: list[click.Command] = [gateway]
