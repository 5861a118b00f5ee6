"""SVG as text: the template of all charts, numbers and foreign text in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from catalogue.formatting import NO_BREAK
from catalogue.territories import TERRITORY_TITLES

#: A tenth of a unit is finer than a printer's dot.
_DECIMALS: Final = 1
_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
#: What XML 1.0 has no way to write, and what has no glyph: it turns or breaks the text around it,
#: or hides text from readers that an assistant reads (Unicode: default ignorable).
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u070f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\ufffb\ufffe\uffff\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U0001fffe\U0001ffff\U000e0000-\U000e0fff]"
)
_LINE_END: Final = re.compile(r"\n\s*")
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
#: A rule for some media or widths, with the rules inside it.
_AT_RULE: Final = re.compile(r"@[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_VARIABLE: Final = re.compile(r"--chart-([\w-]+): ([^;]+);")
_USE: Final = re.compile(r"var\(--chart-([\w-]+)\)")


def plain(text: str) -> str:
    """Return a text with a blank for each character that cannot be seen or that XML cannot hold."""
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


def stand_alone(chart: str, *, font: str = "sans-serif") -> str:
    """Return a chart as an SVG file: with its name space, and its style on light ground."""
    styled = f"<style>.chart text{{font-family:{font}}}{chart_style()}</style>"
    name_space = 'xmlns="http://www.w3.org/2000/svg" '
    return chart.replace("<svg ", f"<svg {name_space}", 1).replace("<title ", f"{styled}<title ", 1)


@cache
def chart_style() -> str:
    """Return the style sheet of charts on light ground, without variables and other media.

    Few readers of SVG files know variables.
    """
    path = files("report").joinpath("static", "charts.css")
    plain_rules = _AT_RULE.sub("", _COMMENT.sub("", path.read_text(encoding="utf-8")))
    values: Mapping[str, str] = {
        **dict(_VARIABLE.findall(plain_rules)),
        "type": "20px",
    }
    rules = _USE.sub(lambda use: values[use[1]], _VARIABLE.sub("", plain_rules))
    return _LINE_END.sub("", rules)


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
