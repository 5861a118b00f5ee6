"""Options that commands which reach a broker have in common."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any, Final

import click

__all__ = ["APP_ID", "BROKER", "PARTITIONS", "REPLICATION", "OneOf", "quiet_client"]

DEFAULT_BROKER: Final = "127.0.0.1:9092"

BROKER = click.option(
    "--bootstrap",
    envvar="SMART_REGION_BROKER",
    default=DEFAULT_BROKER,
    show_default=True,
    show_envvar=True,
    metavar="HOST:PORT",
    help="Kafka broker; several separated by commas.",
)
PARTITIONS = click.option(
    "--partitions",
    envvar="SMART_REGION_PARTITIONS",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Partitions of every topic of events.",
)
REPLICATION = click.option(
    "--replication",
    envvar="SMART_REGION_REPLICATION",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Brokers that keep each record; 3 in production.",
)
APP_ID = click.option(
    "--app-id",
    envvar="SMART_REGION_APP_ID",
    default="smart-region-monitor",
    show_default=True,
    help="The worker's application, whose changelogs are declared too.",
)


def quiet_client() -> None:
    """Leave the Kafka client's account of each attempt to those who configure logging.

    Errors reach the reader as one line of ours.
    """
    logging.getLogger("kafka").addHandler(logging.NullHandler())


class OneOf(click.ParamType):
    """A word of a closed list, whose module is imported when one is read."""

    def __init__(self, name: str, module: str) -> None:
        self.name = name.upper()
        self._enum = (module, name)

    def convert(
        self,
        value: Any,  # noqa: ANN401 - as click has it
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - a member of the list
        """Read a word; refuse what is none of the list's."""
        module, name = self._enum
        words = getattr(import_module(module), name)
        try:
            return words(value)
        except ValueError:
            self.fail(f"{value!r} is none of {', '.join(words)}", param, ctx)
