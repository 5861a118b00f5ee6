"""The note in each of its forms, and the message that carries them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from report.note.mail import note_message, recipients_of, send_message
from report.note.pdf import NoPdfError, note_pdf
from report.note.rendering import note_html, note_markdown

if TYPE_CHECKING:
    from catalogue.contacts import Contacts
    from catalogue.model import Programme
    from report.note.document import Note

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

    Raises MailError, or SmartRegionError.
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
