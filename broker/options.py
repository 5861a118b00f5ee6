"""The options shared by commands that access a broker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

import click

#: Without a value, each option leaves the setting to its variable: see `broker.settings`.
BROKER = click.option(
    "--bootstrap",
    metavar="HOST:PORT",
    help="Kafka; several separated by commas.  [default: SMART_REGION_BROKER, or 127.0.0.1:9092]",
)
PARTITIONS = click.option(
    "--partitions",
    type=click.IntRange(1),
    help="Partitions of every topic of events.  [default: SMART_REGION_PARTITIONS, or 8]",
)
REPLICATION = click.option(
    "--replication",
    type=click.IntRange(1),
    help="Brokers that keep each record; 3 in production."
    "  [default: SMART_REGION_REPLICATION, or 1]",
)
APP_ID = click.option(
    "--app-id",
    metavar="ID",
    help="The workers' application: their consumer group."
    "  [default: SMART_REGION_APP_ID, or smart-region-monitor]",
)

#: One for all calls: a logger adds the same handler once, but would keep a new one per call.
_SILENT: Final = logging.NullHandler()


def quiet_client() -> None:
    """Drop the Kafka client's log lines about attempts, unless logging is configured.

    The command reports the error itself, in one line.
    """
    logging.getLogger("kafka").addHandler(_SILENT)


class Parsed(click.ParamType):
    """A value parsed by a function; the message of its ValueError becomes the command's."""

    def __init__(self, name: str, parse: Callable[[str], Any]) -> None:
        self.name = name
        self._parse = parse

    def convert(
        self,
        value: Any,  # noqa: ANN401 - click's signature
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 - what the function returns
        """Return the parsed value, or fail."""
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def one_of(name: str, module: str) -> Parsed:
    """Return the type of an enumeration's members; its module is imported only for a value."""

    def member(text: str) -> Any:  # noqa: ANN401 - a member
        members = getattr(import_module(module), name)
        try:
            return members(text)
        except ValueError:
            message = f"{text!r} is none of {', '.join(members)}"
            raise ValueError(message) from None

    return Parsed(name.upper(), member)
