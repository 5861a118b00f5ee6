"""SVG as text: the template of all charts, numbers and foreign text in it."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from catalogue.formatting import NO_BREAK
from catalogue.territories import TERRITORY_TITLES

#: A tenth of a unit is finer than a printer's dot.
_DECIMALS: Final = 1
_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
#: What XML 1.0 has no way to write, and what has no glyph but turns or breaks the text around it.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufdd0-\ufdef\ufeff\ufff9-\uffff]|[\U0001fffe-\U0001ffff]"
)
_LINE_END: Final = re.compile(r"\n\s*")


def plain(text: str) -> str:
    """Return a text with a blank for each control character, and for what XML cannot hold."""
    return _UNPRINTABLE.sub(" ", text)


def number(value: float) -> str:
    """Return a coordinate with at most one decimal, as short as SVG reads it."""
    text = f"{value:.{_DECIMALS}f}".removesuffix(".0")
    return "0" if text == "-0" else text


def draw(kind: str, prefix: str, title: str, description: str, **parts: Any) -> str:
    """Return a chart, whose title and description are read aloud in its place.

    The page's ids that begin with `prefix` and a hyphen are its own.
    """
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(prefix)
    parts |= {"kind": kind, "prefix": prefix, "title": title, "description": description}
    return _LINE_END.sub("", _template().render(parts))


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_written,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "NO_BREAK": NO_BREAK,
        "TERRITORY_TITLES": TERRITORY_TITLES,
        "em": lambda length: f"{round(length, 2)}em",
        "has_links": False,
    }
    text = Path(__file__).with_name("charts.svg.jinja").read_text(encoding="utf-8")
    return environment.from_string(text)


def _written(value: object) -> object:
    """Return a value as the content of an element or an attribute."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return Markup(escape(plain(value)))  # noqa: S704 - it is escaped
    return number(value) if isinstance(value, int | float) else value
