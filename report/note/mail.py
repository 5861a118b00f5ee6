"""The note by mail: one message, to those whom the file of contacts names."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Final

from boundary.errors import SmartRegionError
from boundary.private_files import refuse_open_file
from catalogue.contacts import Contacts, MailServer, is_nobody
from catalogue.model import Programme
from report.note.document import Note

TIMEOUT_SECONDS: Final = 30.0
SMTPS: Final = 465
"""The port on which TLS begins with the connection; on others it begins with STARTTLS."""
PDF: Final = ("application", "pdf")


class MailError(SmartRegionError):
    """The note was not sent."""

    def __init__(self, server: str, problem: str, *, remedy: str) -> None:
        super().__init__(f"mail: {server}: {problem}: {remedy}")


def recipients_of(contacts: Contacts, programme: Programme | None) -> tuple[str, ...]:
    """Return who receives a note: the delegate, and of one programme also its owner.

    Raises MailError where the file of contacts names nobody.
    """
    mail = list(contacts.delegate.mail)
    if programme is not None:
        mail += contacts.owner(programme.id).mail
    found = tuple(dict.fromkeys(one for one in mail if not is_nobody(one)))
    if not found:
        remedy = "name an address under delegate.mail in the file of contacts"
        raise MailError(contacts.mail.server, "nobody receives the note", remedy=remedy)
    return found


def note_message(
    note: Note,
    contacts: Contacts,
    recipients: Sequence[str],
    *,
    text: str,
    html: str,
    attachment: tuple[str, bytes] | None,
    sent: datetime,
) -> EmailMessage:
    """Return the note as a message: text and HTML of it, and a PDF where there is one."""
    message = EmailMessage()
    message["Subject"] = note.title
    message["From"] = _address(contacts.mail.sender)
    message["To"] = tuple(map(_address, recipients))
    message["Date"] = format_datetime(sent)
    message["Message-ID"] = make_msgid(domain=contacts.mail.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "fr"
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    if attachment is not None:
        name, content = attachment
        maintype, subtype = PDF
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    return message


def send_message(
    message: EmailMessage, server: MailServer, context: ssl.SSLContext | None = None
) -> None:
    """Send a message, over TLS unless the contacts say otherwise. Raises MailError.

    `context` None: with the machine's authorities, or those of SSL_CERT_FILE. A password is never
    sent without TLS.
    """
    password = _password(server)
    try:
        with _connected(server, context or ssl.create_default_context()) as connection:
            if server.username is not None and password is not None:
                connection.login(server.username, password)
            refused = connection.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        remedy = "check username and password_file in the file of contacts"
        raise MailError(server.server, "refuses the password", remedy=remedy) from error
    except smtplib.SMTPNotSupportedError as error:
        remedy = "use a server with TLS and a login"
        raise MailError(server.server, f"cannot do it ({error})", remedy=remedy) from error
    except ssl.SSLCertVerificationError as error:
        remedy = "name its authority in SSL_CERT_FILE"
        problem = f"its certificate is not trusted ({error.verify_message})"
        raise MailError(server.server, problem, remedy=remedy) from error
    except (UnicodeError, OverflowError) as error:
        # What cannot be encoded may be the password: it is not shown.
        problem = "has a name, a port or a login that cannot be sent"
        remedy = "check mail in the file of contacts: user and password are ASCII here"
        raise MailError(server.server, problem, remedy=remedy) from error
    except (OSError, smtplib.SMTPException) as error:
        problem = " ".join(str(error).split())
        remedy = "check mail.server in the file of contacts, and send the note again"
        raise MailError(server.server, problem, remedy=remedy) from error
    if refused:
        problem = f"refuses {', '.join(sorted(refused))}"
        remedy = "check these addresses; the others have the note"
        raise MailError(server.server, problem, remedy=remedy)


@contextmanager
def _connected(server: MailServer, context: ssl.SSLContext) -> Iterator[smtplib.SMTP]:
    host, _, port = server.server.rpartition(":")
    if int(port) == SMTPS:
        with smtplib.SMTP_SSL(
            host, int(port), timeout=TIMEOUT_SECONDS, context=context
        ) as connection:
            yield connection
        return
    with smtplib.SMTP(host, int(port), timeout=TIMEOUT_SECONDS) as connection:
        connection.ehlo()
        if server.require_tls or server.username is not None or connection.has_extn("starttls"):
            connection.starttls(context=context)
            connection.ehlo()
        yield connection


def _password(server: MailServer) -> str | None:
    if server.password_file is None:
        return None
    refuse_open_file(server.password_file)
    try:
        return server.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        remedy = "name a readable file in the file of contacts"
        raise MailError(server.server, f"password_file: {error}", remedy=remedy) from error


def _address(text: str) -> Address:
    return Address(addr_spec=text)
