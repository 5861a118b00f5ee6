"""Foreign text for terminals: escaped, so that it cannot control them.

File names, cells of files, messages of brokers and servers, and declared names may contain escape
sequences that rename a window, clear a screen or enter input. Every command prints through this
module, or through `boundary.screen` for tables and bars.
"""

from __future__ import annotations

import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final

import click

from boundary.errors import SmartRegionError

LONGEST_QUOTE: Final = 200
"""How many characters of a foreign message are repeated."""

_SPACE: Final = "Zs"
"""The Unicode category of spaces in French typography; `str.isprintable` is False for them."""
_PLANE: Final = 0x10000


def legible(text: str) -> str:
    r"""Return text with unprintable characters escaped: controls, line ends, directions.

    The escapes are JSON's (`\u001b`), so that a printed JSON document keeps its meaning.
    """
    if text.isprintable():
        return text
    return "".join(one if _is_printed(one) else _escaped(one) for one in text)


def legible_lines(text: str) -> str:
    """Return text like `legible`, but keep its line ends, which must be our own."""
    return "\n".join(map(legible, text.split("\n")))


def one_line(text: str, *, longest: int = LONGEST_QUOTE) -> str:
    """Return foreign text as one legible line of at most `longest` characters."""
    line = legible(" ".join(text.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun: `1 event`, `2 events`; give a `plural` other than noun + s."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def echo(line: object = "", *, err: bool = False) -> None:
    """Print one line to standard output, or to standard error."""
    click.echo(legible(str(line)), err=err)


def echo_lines(text: str, *, err: bool = False) -> None:
    """Print text of several lines; its foreign parts must already be single lines."""
    click.echo(legible_lines(text), err=err)


@contextmanager
def count_last(count: Callable[[], str]) -> Iterator[None]:
    """Print the outcome of a block as the last line, after its error if it ends in one.

    An error of ours is printed as by every command, and exits with status 2.
    """
    try:
        yield
    except SmartRegionError as error:
        echo(f"Error: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    finally:
        echo(count())


def show_traceback(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Print an unexpected error, whose message may have foreign text; for `sys.excepthook`."""
    echo_lines("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"), err=True)


def _is_printed(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == _SPACE


def _escaped(character: str) -> str:
    number = ord(character)
    if number < _PLANE:
        return f"\\u{number:04x}"
    units = character.encode("utf-16-be")
    return f"\\u{units[:2].hex()}\\u{units[2:].hex()}"
