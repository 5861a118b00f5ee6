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


def recipients_of(contacts: Contacts, programme: Programme | None) -> tuple[str, ...]:
    """Return who receives a note: the delegate, and of one programme also its owner.

    Raises SmartRegionError where the file of contacts names nobody.
    """
    mail = list(contacts.delegate.mail)
    if programme is not None:
        mail += contacts.owner(programme.id).mail
    found = tuple(dict.fromkeys(one for one in mail if not is_nobody(one)))
    if not found:
        raise _failure(
            contacts.mail,
            "nobody receives the note: name an address under delegate.mail in the file of contacts",
        )
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
    message["From"] = Address(addr_spec=contacts.mail.sender)
    message["To"] = tuple(Address(addr_spec=one) for one in recipients)
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
    """Send a message, over TLS unless the contacts say otherwise. Raises SmartRegionError.

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
        problem = "refuses the password: check username and password_file in the file of contacts"
        raise _failure(server, problem) from error
    except ssl.SSLCertVerificationError as error:
        problem = (
            f"its certificate is not trusted ({error.verify_message}): name its authority in"
            " SSL_CERT_FILE"
        )
        raise _failure(server, problem) from error
    except UnicodeError as error:
        # What cannot be encoded may be the password: it is not shown.
        problem = (
            "has a name or a login that cannot be sent: check mail in the file of contacts: user"
            " and password are ASCII here"
        )
        raise _failure(server, problem) from error
    except (OSError, smtplib.SMTPException) as error:
        problem = (
            f"{error}: check mail.server in the file of contacts, which needs TLS and a login where"
            " it has a username, and send the note again"
        )
        raise _failure(server, problem) from error
    if refused:
        named = ", ".join(sorted(refused))
        raise _failure(server, f"refuses {named}: check these addresses; the others have the note")


def _failure(server: MailServer, problem: str) -> SmartRegionError:
    return SmartRegionError(f"mail: {server.server}: {' '.join(problem.split())}")


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
        problem = f"password_file: {error}: name a readable file in the file of contacts"
        raise _failure(server, problem) from error
