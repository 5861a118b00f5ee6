"""Recipients of alerts and of the monthly note, and their channels; secrets stay in files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from email.errors import MessageError
from email.headerregistry import Address as HeaderAddress
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from boundary.addresses import is_loopback
from boundary.errors import SmartRegionError

#: A domain that never exists (RFC 2606): the default addresses reach nobody.
NOBODY = "smart-region.invalid"

_LAST_PORT: Final = 65_535

#: YAML's constructors of tags raise any error: of `!!bool x` a KeyError.
_UNREADABLE = (
    *(OSError, ValueError, yaml.YAMLError),
    *(AttributeError, LookupError, RecursionError, TypeError),
)


def _addressable(address: str) -> str:
    """Refuse what no message can be addressed to."""
    try:
        HeaderAddress(addr_spec=address)
    except (MessageError, ValueError, IndexError) as error:
        message = f"is no address of mail ({error})"
        raise ValueError(message) from error
    return address


def _reachable(server: str) -> str:
    """Refuse a port that no server can have."""
    port = server.rpartition(":")[2]
    if not 0 < int(port) <= _LAST_PORT:
        message = f"names no port (1 to {_LAST_PORT}): {port}"
        raise ValueError(message)
    return server


def _is_secret_safe(url: str) -> bool:
    """Return whether what is sent to an address is hidden from the network."""
    parts = urlsplit(url)
    return parts.scheme == "https" or is_loopback(parts.hostname or "")


Address = Annotated[str, Field(pattern=r"^[^\s@,]+@[^\s@,]+$"), AfterValidator(_addressable)]
Server = Annotated[str, Field(pattern=r"^[^\s:]+:[0-9]+$"), AfterValidator(_reachable)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s]+$")]


class ContactsError(SmartRegionError):
    """A file of contacts that cannot be used, with all its mistakes: field and problem of each."""

    def __init__(self, file: Path, found: Iterable[tuple[str, str]], *, remedy: str) -> None:
        mistakes = "; ".join(f"{field}: {problem}" for field, problem in found)
        super().__init__(f"{file}: {mistakes}: {remedy}")


class _ContactModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Contact(_ContactModel):
    """The channels of a contact: mail, a chat's incoming webhook, a webhook of their own."""

    mail: tuple[Address, ...] = ()
    chat_url_file: Path | None = None
    """A file with the address of an incoming webhook as Mattermost, Rocket.Chat and Slack have."""
    webhook: Url | None = None
    """Where Alertmanager posts its JSON."""
    webhook_token_file: Path | None = None
    """A file with the bearer token of that webhook."""

    @field_validator("webhook_token_file", mode="after")
    @classmethod
    def _goes_over_tls(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        webhook = info.data.get("webhook")
        if file is not None and webhook is not None and not _is_secret_safe(webhook):
            message = "would be sent unencrypted; write the webhook as https://"
            raise ValueError(message)
        return file


class MailServer(_ContactModel):
    """The server that takes mail, and whom it comes from."""

    server: Server = f"smtp.{NOBODY}:587"
    sender: Address = f"moniteur@{NOBODY}"
    username: str | None = None
    password_file: Path | None = None
    require_tls: bool = True


class Contacts(_ContactModel):
    """Everybody that an alert or a note may reach."""

    mail: MailServer = MailServer()
    delegate: Contact = Contact(mail=(f"delegue@{NOBODY}",))
    operator: Contact = Contact(mail=(f"exploitation@{NOBODY}",))
    owners: Mapping[str, Contact] = {}
    """By programme; one that is not named has an address that does not exist."""
    producers: Mapping[str, Contact] = {}
    """By declared producer: who is reminded, in place of the programme's owner."""
    watchdog: Contact = Contact()
    """What raises the alarm when the watchdog falls silent."""

    @classmethod
    def nobody(cls, programmes: Iterable[str]) -> Self:
        """Return contacts without channels: alerts are routed, but visible in Alertmanager only."""
        owners = dict.fromkeys(programmes, Contact())
        return cls(delegate=Contact(), operator=Contact(), owners=owners)

    def owner(self, programme: str) -> Contact:
        """Return the contact of a programme's owner."""
        return self.owners.get(programme, Contact(mail=(f"{programme}@{NOBODY}",)))


def load_contacts(file: Path, programmes: Collection[str], producers: Collection[str]) -> Contacts:
    """Read contacts from YAML; see docs/alerting.md. Raises ContactsError where they are wrong.

    `programmes` and `producers` are the ids that may be named.
    """
    try:
        declared = yaml.safe_load(file.read_text(encoding="utf-8"))
    except _UNREADABLE as error:
        problem = " ".join(str(error).split())
        raise ContactsError(
            file, [("file", problem)], remedy="name a readable file of YAML"
        ) from error
    found = [
        (f"{field}.{name}", f"is no {what} (one of {', '.join(known)})")
        for field, what, known in (
            ("owners", "programme of the catalogue", programmes),
            ("producers", "declared producer", producers),
        )
        for name in _named_in(declared, field)
        if name not in known
    ]
    try:
        contacts = Contacts.model_validate({} if declared is None else declared)
    except ValidationError as refusal:
        details = refusal.errors(include_url=False, include_input=False)
        found = [(".".join(map(str, one["loc"])) or "file", one["msg"]) for one in details] + found
    if found:
        raise ContactsError(file, found, remedy="see docs/alerting.md")
    return contacts


def _named_in(declared: object, field: str) -> Iterable[object]:
    named = declared.get(field) if isinstance(declared, Mapping) else None
    return named if isinstance(named, Mapping) else ()


def is_nobody(address: str) -> bool:
    """Return True for a default address, which reaches nobody."""
    return address.endswith(f"@{NOBODY}")
