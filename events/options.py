"""The options shared by the commands that run beside the system."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import click

from boundary.seconds import LONGEST_SECONDS


class NumberRange(click.FloatRange):
    """A range of numbers that also refuses `nan`, which is below or above no bound."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number. Raises BadParameter."""
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


SECONDS: Final = NumberRange(0, LONGEST_SECONDS, min_open=True)
WAIT: Final = NumberRange(0, LONGEST_SECONDS)
"""Seconds; 0 for no wait."""
SHARE: Final = NumberRange(0, 1)


class _Day(click.DateTime):
    """A day that facts may be about, or up to which they may be known."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the day's beginning. Raises BadParameter."""
        from events.identifiers import FIRST_DAY  # noqa: PLC0415 - heavy

        day: datetime = super().convert(value, param, ctx)
        if not FIRST_DAY <= day.date() <= LAST_DAY:
            wrong = f"{value} is out of range: name a day from {FIRST_DAY} to {LAST_DAY}"
            self.fail(wrong, param, ctx)
        return day


FILE: Final = click.Path(dir_okay=False, path_type=Path)
FOLDER: Final = click.Path(file_okay=False, path_type=Path)
LAST_DAY: Final = date(9998, 12, 31)
"""The last day with another day after it in any zone."""
DAY = _Day()


def _said(_context: click.Context, _option: click.Parameter, text: str) -> str:
    """Return the reason, which is stored. Raises BadParameter if it is blank."""
    from events.identifiers import is_blank  # noqa: PLC0415 - heavy

    if is_blank(text):
        raise click.BadParameter("is blank: write why, for those who ask later")
    return text


KEPT_REASON = click.option(
    "--because", required=True, callback=_said, metavar="TEXT", help="Why; kept with the decision."
)


def seconds_option(
    *names: str, default: float, kind: click.ParamType = SECONDS, **more: Any
) -> Callable[[Any], Any]:
    """Return an option of so many seconds."""
    return click.option(
        *names, type=kind, default=default, show_default=True, metavar="SECONDS", **more
    )


def day_option(*names: str, **more: Any) -> Callable[[Any], Any]:
    """Return an option that names a day."""
    return click.option(*names, type=DAY, metavar="DAY", **more)


def file_option(*names: str, **more: Any) -> Callable[[Any], Any]:
    """Return an option that names a file, which need not be there."""
    return click.option(*names, type=FILE, metavar="FILE", **more)


def output_option(**more: Any) -> Callable[[Any], Any]:
    """Return the option `--out`, of a file or `-` for the standard output."""
    path = click.Path(dir_okay=False, allow_dash=True, path_type=Path)
    return click.option("--out", type=path, metavar="FILE", **more)


def folder_option(*names: str, metavar: str = "DIR", **more: Any) -> Callable[[Any], Any]:
    """Return an option that names a folder, which need not be there."""
    return click.option(*names, type=FOLDER, metavar=metavar, show_default=True, **more)


KNOWN_ON = day_option("--known-on", help="Use only what was recorded up to this day.")
OUT = output_option(default="-", help="Where to write.  [default: standard output]")


def stacked(
    *decorators: Callable[[Any], Any],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return options and arguments as one decorator, in the order in which the help has them."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def refuse_future(day: date, today: date, *, option: str) -> None:
    """Raise BadParameter if a day is in the future."""
    if day > today:
        raise click.BadParameter(
            f"{day} is in the future (the clock says {today}): name a day up to today",
            param_hint=option,
        )
