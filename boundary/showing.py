"""Text that others wrote, shown to people: whatever is in it, it does nothing to a terminal.

File names, a file's cells, a broker's or a server's words and declared names may hold escape
sequences that rename a window, clear a screen or write an answer for its reader. Every command
shows what it has to say through this module, or through `boundary.screen` where it draws.
"""

from __future__ import annotations

import traceback
import unicodedata
from types import TracebackType
from typing import Final

import click

__all__ = ["legible", "legible_lines", "one_line", "say", "say_text", "show_traceback"]

LONGEST_QUOTE: Final = 200
"""How much of what a server says is repeated, in characters."""

_SPACE: Final = "Zs"
"""Category of the spaces, which French typography needs and `str.isprintable` refuses."""
_PLANE: Final = 0x10000


def legible(text: str) -> str:
    r"""Return text in which what cannot be printed is escaped: controls, line ends, directions.

    The form is JSON's (`\u001b`), so that a JSON document that is shown keeps its meaning.
    """
    if text.isprintable():
        return text
    return "".join(one if _is_printed(one) else _escaped(one) for one in text)


def legible_lines(text: str) -> str:
    """Return the same of text whose line ends are our own: they stay."""
    return "\n".join(map(legible, text.split("\n")))


def one_line(text: str, *, longest: int = LONGEST_QUOTE) -> str:
    """Return what others said as one legible line of at most `longest` characters."""
    line = legible(" ".join(text.split()))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def say(line: object = "", *, err: bool = False) -> None:
    """Write one line to standard output, or to standard error."""
    click.echo(legible(str(line)), err=err)


def say_text(text: str, *, err: bool = False) -> None:
    """Write text of several lines: foreign parts that could hold line ends have to be quoted."""
    click.echo(legible_lines(text), err=err)


def show_traceback(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> None:
    """Write an error that is not ours, whose message may repeat anything; for `sys.excepthook`."""
    say_text("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"), err=True)


def _is_printed(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == _SPACE


def _escaped(character: str) -> str:
    number = ord(character)
    if number < _PLANE:
        return f"\\u{number:04x}"
    units = character.encode("utf-16-be")
    return f"\\u{units[:2].hex()}\\u{units[2:].hex()}"
