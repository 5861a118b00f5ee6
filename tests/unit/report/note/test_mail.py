"""The note by mail, to a real server on this machine."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from boundary.errors import SmartRegionError
from catalogue.contacts import Contact, Contacts, MailServer
from operations.programs.addresses import free_port
from report.note.document import Note
from report.note.output import note_html, send_note
from tests.support.certificates import Authority, Certificate
from tests.support.knowledge import shipped
from tests.support.notes import request_of, simulated_note

USER = ("moniteur", "s3cret")
REFUSED = "refuse@example.org"


@dataclass
class Mailbox:
    """The messages that arrived, and the server's address."""

    port: int
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    over_tls: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name and signature
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        del server, session, options
        if address == REFUSED:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        del server
        assert isinstance(envelope.content, bytes)
        self.messages.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        self.over_tls.append(session.ssl is not None)
        return "250 OK"


def _authenticate(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
) -> AuthResult:
    del server, session, envelope, mechanism
    told = data.login.decode(), data.password.decode()
    return AuthResult(success=told == USER, handled=told == USER)


@contextmanager
def mail_server(certificate: Certificate | None, *, login: bool = True) -> Iterator[Mailbox]:
    """Run a mail server; without a certificate it has no TLS, and then no login."""
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
    with_login = login and context is not None
    mailbox = Mailbox(free_port())
    server = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=mailbox.port,
        tls_context=context,
        require_starttls=context is not None,
        auth_required=with_login,
        authenticator=_authenticate if with_login else None,
    )
    server.start()
    try:
        yield mailbox
    finally:
        server.stop()


DELEGATE = "delegue@region.example.org"
OWNER = "lycees@region.example.org"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("mail"))


@pytest.fixture(scope="module")
def note() -> Note:
    return simulated_note(request_of("2019-03"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


def contacts_of(mailbox: Mailbox, folder: Path, *, password: str = USER[1]) -> Contacts:
    secret = folder / "password"
    secret.write_text(f"{password}\n", encoding="utf-8")
    secret.chmod(0o600)
    return Contacts(
        mail=MailServer(
            server=f"127.0.0.1:{mailbox.port}",
            sender="moniteur@region.example.org",
            username=USER[0],
            password_file=secret,
        ),
        delegate=Contact(mail=(DELEGATE,)),
        owners={"lycees": Contact(mail=(OWNER,))},
    )


@pytest.mark.slow
def test_the_note_arrives_over_tls(trusted: Authority, tmp_path: Path, note: Note) -> None:
    with mail_server(trusted.issue("127.0.0.1")) as mailbox:
        sent = send_note(note, contacts_of(mailbox, tmp_path), None, "note-2019-03", "")

    (message,) = mailbox.messages
    assert (sent, mailbox.recipients, mailbox.over_tls) == ((DELEGATE,), [[DELEGATE]], [True])
    assert message["Subject"] == note.title
    assert message["From"] == "moniteur@region.example.org"
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert page is not None
    assert note.digest in text.get_content()
    assert page.get_content().splitlines() == note_html(note).splitlines()
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "note-2019-03.pdf"
    assert attached.get_content().startswith(b"%PDF-")


def test_the_note_of_a_programme_also_goes_to_its_owner(
    trusted: Authority, tmp_path: Path, note: Note
) -> None:
    with mail_server(trusted.issue("127.0.0.1")) as mailbox:
        contacts = contacts_of(mailbox, tmp_path)
        send_note(note, contacts, shipped().programmes[0], "note", "")

    assert mailbox.recipients == [[DELEGATE, OWNER]]


@pytest.mark.parametrize(
    ("has_tls", "problem"),
    [(False, "needs TLS and a login"), (True, r"certificate is not trusted .*SSL_CERT_FILE")],
)
def test_a_server_that_is_not_trusted_gets_nothing(
    authority: Authority, tmp_path: Path, note: Note, problem: str, *, has_tls: bool
) -> None:
    with (
        mail_server(authority.issue("127.0.0.1") if has_tls else None) as mailbox,
        pytest.raises(SmartRegionError, match=problem),
    ):
        send_note(note, contacts_of(mailbox, tmp_path), None, "note", "")

    assert not mailbox.messages


@pytest.mark.parametrize(
    ("password", "problem"),
    [("0ther", "refuses the password: check username"), ("sécret", "password are ASCII")],
)
def test_a_wrong_password_is_told_and_not_shown(
    trusted: Authority, tmp_path: Path, note: Note, password: str, problem: str
) -> None:
    with mail_server(trusted.issue("127.0.0.1")) as mailbox:
        contacts = contacts_of(mailbox, tmp_path, password=password)
        with pytest.raises(SmartRegionError, match=problem) as refusal:
            send_note(note, contacts, None, "note", "")

    assert password[1:] not in str(refusal.value)
    assert not mailbox.messages


def test_a_password_that_everybody_may_read_is_not_used(tmp_path: Path, note: Note) -> None:
    contacts = contacts_of(Mailbox(port=9), tmp_path)
    (tmp_path / "password").chmod(0o644)
    with pytest.raises(SmartRegionError, match="chmod 600"):
        send_note(note, contacts, None, "note", "")


def test_an_address_that_is_refused_is_named(
    trusted: Authority, tmp_path: Path, note: Note
) -> None:
    with mail_server(trusted.issue("127.0.0.1")) as mailbox:
        contacts = contacts_of(mailbox, tmp_path)
        both = contacts.model_copy(update={"delegate": Contact(mail=(REFUSED, DELEGATE))})
        with pytest.raises(
            SmartRegionError, match=f"refuses {REFUSED}: .*the others have the note"
        ):
            send_note(note, both, None, "note", "")

    assert mailbox.recipients == [[DELEGATE]]


@pytest.mark.parametrize(
    ("server", "problem"),
    [
        ("127.0.0.1:9", r"127\.0\.0\.1:9: .*refused: check mail\.server"),
        (f"{'a' * 70}.example.org:25", "cannot be sent: check mail in the file of contacts"),
    ],
)
def test_a_server_that_is_not_there_is_told(
    tmp_path: Path, note: Note, server: str, problem: str
) -> None:
    contacts = contacts_of(Mailbox(port=9), tmp_path)
    mail = contacts.mail.model_copy(update={"server": server})
    with pytest.raises(SmartRegionError, match=problem):
        send_note(note, contacts.model_copy(update={"mail": mail}), None, "note", "")
