"""Questions to a person at a terminal, on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from boundary.errors import SmartRegionError
from boundary.terminal import legible

Answer = TypeVar("Answer")


def somebody_answers() -> bool:
    """Return True where standard input is a terminal."""
    return sys.stdin.isatty()


def ask(question: str, take: Callable[[str], Answer], *, default: str | None = None) -> Answer:
    """Return what `take` makes of the answer; a SmartRegionError of it is shown, and asked again.

    Raises click.Abort at the end of the input.
    """

    def taken(text: str) -> Answer:
        try:
            return take(text)
        except SmartRegionError as refused:
            raise click.UsageError(legible(str(refused))) from refused

    answer: Answer = click.prompt(legible(question), default=default, value_proc=taken, err=True)
    return answer


def confirm(question: str) -> bool:
    """Return True for yes, which is also the answer of Enter alone."""
    return click.confirm(legible(question), default=True, err=True)
