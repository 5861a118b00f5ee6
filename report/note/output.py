"""The note in each of its forms, and the message that carries them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from boundary.errors import SmartRegionError
from boundary.extras import install_remedy
from boundary.terminal import legible
from catalogue.contacts import Contacts
from catalogue.model import Programme
from catalogue.territories import REGION_NAME
from report.charts.svg import chart_style, stand_alone
from report.note.document import Note
from report.note.mail import note_message, recipients_of, send_message

#: What would begin markup, or a table's next cell.
_MARKS: Final = re.compile(r"([\\`*_{}\[\]#|~!])")


def note_html(note: Note, root: str = "", *, style_sheet: str = "", warning: str = "") -> str:
    """Return the note as a page of its own; `root` is the address of the delegate's page.

    Without a root its links are relative: they work beside that page alone. The style is in it, or
    at the address of `style_sheet`. A `warning` says that its figures are not complete.
    """
    style = "" if style_sheet else note_style()
    template = _environment(html=True).get_template("note.html")
    return template.render(
        note=note,
        root=root,
        style=Markup(style),  # noqa: S704 - our own files
        style_sheet=style_sheet,
        warning=warning,
    )


def note_style() -> str:
    """Return the style sheet of the HTML note."""
    style = files("report").joinpath("static", "note.css").read_text(encoding="utf-8")
    return f"{style}{chart_style()}\n"


def note_markdown(note: Note, root: str = "") -> str:
    """Return the note as CommonMark with GitHub's tables."""
    template = _environment(html=False).get_template("note.md")
    return template.render(note=note, root=root)


def where_evidence_is(root: str) -> str:
    """Return the sentence about the references."""
    where = "" if root else ", sous l’adresse de la page du délégué"
    return f"Chaque numéro mène à une page qui montre les mêmes chiffres pour toujours{where}."


def _qr_codes(note: Note, root: str) -> list[dict[str, str]]:
    """Return the QR codes of a printed note: of the first page's figures, and of its own page."""
    import segno  # noqa: PLC0415 - of the same extra as Typst

    asked = [(f"[{one.number}] {one.title}", one.path) for one in note.first_references]
    asked.append(("Cette note en ligne, avec toutes les preuves", note.path))
    return [
        {
            "title": title,
            "address": f"{root}{path}",
            "svg": segno.make(f"{root}{path}", micro=False).svg_inline(),
        }
        for title, path in asked
    ]


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
    environment.filters["svg"] = Markup  # ours, with what is foreign in it escaped
    return environment


def _markdown(text: str) -> str:
    """Return text as Markdown that shows exactly it, in one line."""
    marked = _MARKS.sub(r"\\\1", legible(text))
    return marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


STANDARDS: Final[tuple[Literal["ua-1", "a-2a"], ...]] = ("ua-1", "a-2a")

#: Marks that the fonts have no sign for, and those that they have.
_SIGNS: Final = str.maketrans({"✖": "✘"})
REPLACEMENT: Final = "\ufffd"
#: What the fonts have signs for: Latin, Greek and Cyrillic letters, the superscripts of French
#: ordinals, punctuation, and our marks.
_NOT_PRINTED: Final = re.compile(
    "[^\n -~\u00a0-\u017f\u0391-\u03a1\u03a3-\u03a9\u03b1-\u03c9\u0410-\u044f\u1e9e\u0218-\u021b"
    "\u02b3\u1d48\u1d49\u200b\u2010-\u2015\u2018-\u201e\u2020-\u2022\u2026\u202f\u2030\u2032\u2033\u2039\u203a\u20ac"
    "\u2190-\u2193\u2212\u2260\u2264\u2265\u25b2\u25cf\u2714\u2718\ufffd]"
)


class NoPdfError(SmartRegionError):
    """Typst is not installed."""

    def __init__(self) -> None:
        super().__init__(
            f"out: a PDF needs Typst, which is not installed: {install_remedy('pdf')};"
            " or write FILE.html or FILE.md"
        )


def note_pdf(note: Note, root: str = "") -> bytes:
    """Return the note as a PDF, the same bytes for the same note. Raises NoPdfError.

    A character that no font of Typst has is printed as `\ufffd`.
    """
    try:
        import typst  # noqa: PLC0415 - an extra, which other forms of the note do not need
    except ImportError as error:
        raise NoPdfError from error
    source = files("report.note").joinpath("note.typ").read_bytes()
    made: bytes = typst.compile(
        source,
        format="pdf",
        ignore_system_fonts=True,
        pdf_standards=list(STANDARDS),
        sys_inputs={
            "region": REGION_NAME,
            "note": json.dumps(_with_files(_printable(note.data()))),
            "codes": json.dumps(_printable(_qr_codes(note, root) if root else [])),
            "root": root,
            "evidence": where_evidence_is(root),
            "digest": note.digest,
        },
    )
    return made


def _with_files(data: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a note's data with each picture as an SVG file in the note's own font."""
    for section in data["sections"]:
        for block in section["blocks"]:
            for picture in block.get("pictures", ()):
                picture["svg"] = stand_alone(picture["svg"], font="Libertinus Serif")
    return data


def printable(text: str) -> str:
    """Return text in characters that the fonts have."""
    return _NOT_PRINTED.sub(REPLACEMENT, legible(text).translate(_SIGNS))


def _printable(data: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(data, str):
        return printable(data)
    if isinstance(data, list | tuple):
        return [_printable(one) for one in data]
    if isinstance(data, dict):
        return {name: _printable(one) for name, one in data.items()}
    return data


FORMS: Final[Mapping[str, Callable[[Note, str], bytes]]] = MappingProxyType(
    {
        ".pdf": note_pdf,
        ".html": lambda note, root: note_html(note, root).encode(),
        ".md": lambda note, root: note_markdown(note, root).encode(),
        ".json": lambda note, _: note.json().encode(),
    }
)
"""How a note is written, by the end of its file's name."""


def note_bytes(note: Note, suffix: str, root: str) -> bytes:
    """Return the note in the form of a file's name. Raises NoPdfError."""
    return FORMS[suffix](note, root)


def send_note(
    note: Note, contacts: Contacts, programme: Programme | None, name: str, root: str
) -> tuple[str, ...]:
    """Mail the note, with its PDF where Typst is installed; return who receives it.

    Raises SmartRegionError.
    """
    recipients = recipients_of(contacts, programme)
    try:
        attachment = f"{name}.pdf", note_pdf(note, root)
    except NoPdfError:
        attachment = None
    message = note_message(
        note,
        contacts,
        recipients,
        text=note_markdown(note, root),
        html=note_html(note, root),
        attachment=attachment,
        sent=datetime.now(UTC),
    )
    send_message(message, contacts.mail)
    return recipients
