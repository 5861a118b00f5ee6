"""SVG as text: elements, numbers and foreign text, for HTML under a strict policy.

Nothing made here has a `style` attribute, a script or an address outside the page: colours and
sizes of type are those of `report/static/charts.css`, by class.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final

#: A tenth of a unit is finer than a printer's dot.
_DECIMALS: Final = 1
_PREFIX: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
#: What XML 1.0 has no way to write, and what has no glyph but turns or breaks the text around it.
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufdd0-\ufdef\ufeff\ufff9-\uffff]|[\U0001fffe-\U0001ffff]"
)


def plain(text: str) -> str:
    """Return a text with a blank for each control character, and for what XML cannot hold."""
    return _UNPRINTABLE.sub(" ", text)


def words(text: str) -> str:
    """Return foreign text as the content of an element."""
    return escape(plain(text))


def number(value: float) -> str:
    """Return a coordinate with at most one decimal, as short as SVG reads it."""
    text = f"{value:.{_DECIMALS}f}".removesuffix(".0")
    return "0" if text == "-0" else text


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """Return an element whose children are SVG already: foreign text comes through `words`.

    Attributes of None are left out; `class_` and `stroke_width` are `class` and `stroke-width`.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(children)
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def link(
    href: str, name: str, *children: str, is_copy: bool = False, is_written: bool = False
) -> str:
    """Return children as a link, whose name is read aloud and shown under a pointer.

    A copy of a link can be clicked, but has no name and is not reached by the keyboard. A name
    that is written in the link is not shown once more.
    """
    return element(
        "a",
        "" if is_copy or is_written else element("title", words(name)),
        *children,
        href=href,
        aria_label=None if is_copy else name,
        aria_hidden="true" if is_copy else None,
        tabindex="-1" if is_copy else None,
    )


def _attribute(value: str | float) -> str:
    return words(value) if isinstance(value, str) else number(value)


class Drawing:
    """An `<svg>` with its title and description, which are read aloud in its place."""

    def __init__(self, prefix: str, title: str, description: str) -> None:
        """Create it; the page's ids that begin with `prefix` and a hyphen are its own."""
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(prefix)
        self.prefix = prefix
        self._title = title
        self._description = description

    def id_of(self, name: str) -> str:
        """Return the id of a part, for the whole page."""
        return f"{self.prefix}-{name}"

    def write(
        self, *parts: str, width: float, height: float, kind: str, has_links: bool = False
    ) -> str:
        """Return the whole.

        A picture with links is a group: what is inside a `role="img"` cannot be reached.
        """
        title, description = self.id_of("title"), self.id_of("desc")
        return element(
            "svg",
            element("title", words(self._title), id=title),
            element("desc", words(self._description), id=description),
            *parts,
            class_=f"chart chart-{kind}",
            viewBox=f"0 0 {number(width)} {number(height)}",
            role="group" if has_links else "img",
            aria_labelledby=f"{title} {description}",
        )
