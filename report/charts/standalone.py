"""A chart as a file of its own, or as a picture in a PDF: with its colours inside."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Final

__all__ = ["standalone"]

_COMMENT: Final = re.compile(r"/\*.*?\*/\s*", re.DOTALL)
#: A block with blocks inside: a condition of a browser, a screen or a printer.
_CONDITIONAL: Final = re.compile(r"@[^{]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}\s*")
_RULE: Final = re.compile(r"([^{}]+)\{([^{}]*)\}")
#: The first rule of `charts.css` declares the colours of light paper.
_DECLARATION: Final = re.compile(r"(--chart-[\w-]+): ([^;]+);")
_USE: Final = re.compile(r"var\((--chart-[\w-]+)\)")
_VIEW_BOX: Final = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_TYPE: Final = "--chart-type"
#: What a page does and a picture does not: layout, and what follows a pointer or the keyboard.
_OF_PAGES: Final = re.compile(r":hover|:focus|^\.chart$|^figure|^div|^svg")
_FACES: Final = "DejaVu Sans,Arial,sans-serif"


def standalone(svg: str, *, type_size: float = 12) -> str:
    """Return a chart as a whole SVG document on light paper; type is in units of its viewBox.

    Its rules are few and plain, for renderers that know neither variables nor conditions.
    """
    view_box = _VIEW_BOX.search(svg)
    if view_box is None:
        raise ValueError(svg[:80])
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{view_box[1]}" height="{view_box[2]}"'
        f' font-family="{_FACES}"'
    )
    opening, closing, rest = svg.removeprefix("<svg").partition(">")
    return f"{head}{opening}{closing}<style>{_light_rules(type_size)}</style>{rest}"


@cache
def _light_rules(type_size: float) -> str:
    sheet = (files("report") / "static" / "charts.css").read_text(encoding="utf-8")
    sheet = _CONDITIONAL.sub("", _COMMENT.sub("", sheet))
    values = dict(_DECLARATION.findall(sheet)) | {_TYPE: f"{type_size}px"}
    return "".join(
        f"{','.join(selectors)}{{{_USE.sub(lambda use: values[use[1]], ' '.join(body.split()))}}}"
        for listed, body in _RULE.findall(sheet)
        if (
            selectors := [
                one.strip() for one in listed.split(",") if not _OF_PAGES.search(one.strip())
            ]
        )
    )
