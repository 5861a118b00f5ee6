"""The note as HTML and as Markdown, by the templates `note.html` and `note.md`."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from boundary.terminal import legible

if TYPE_CHECKING:
    from report.note.document import Note

#: What would begin markup, or a table's next cell.
_MARKS: Final = re.compile(r"([\\`*_{}\[\]#|~!])")


def note_html(note: Note, root: str = "") -> str:
    """Return the note as a page of its own; `root` is the address of the delegate's page.

    Without a root its links are relative: they work beside that page alone.
    """
    style = files("report").joinpath("static", "note.css").read_text(encoding="utf-8")
    template = _environment(html=True).get_template("note.html")
    return template.render(note=note, root=root, style=Markup(style))  # noqa: S704 - our own file


def note_markdown(note: Note, root: str = "") -> str:
    """Return the note as CommonMark with GitHub's tables."""
    template = _environment(html=False).get_template("note.md")
    return template.render(note=note, root=root)


def where_evidence_is(root: str) -> str:
    """Return the sentence before the references."""
    where = "" if root else ", sous l’adresse de la page du délégué"
    return f"Chaque adresse montre les mêmes chiffres pour toujours{where}."


def _environment(*, html: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("report"),
        autoescape=html,  # noqa: S701 - Markdown is escaped by its own filter
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["where_evidence_is"] = where_evidence_is
    environment.filters["md"] = _markdown
    return environment


def _markdown(text: str) -> str:
    """Return text as Markdown that shows exactly it, in one line."""
    marked = _MARKS.sub(r"\\\1", legible(text))
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
