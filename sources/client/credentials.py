"""A producer's credentials at the gateway: a bearer token, or a signature of each request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4

from pydantic import SecretStr

from boundary.errors import SmartRegionError
from boundary.private_files import refuse_open_file
from events.producers.secrets import token_owner
from events.signing import (
    ID_HEADER,
    PRODUCER_HEADER,
    SECRET_PREFIX,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    SigningSecret,
    sign,
)


class Credentials(Protocol):
    """Authenticates each request."""

    @property
    def secret_in_request(self) -> bool:
        """Whether a reader of one request could send others."""

    def headers(self, body: bytes, at: datetime) -> dict[str, str]:
        """Return the headers that authenticate a body sent at an aware time."""


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token, `srt_…`, sent with each request: the connection must be encrypted."""

    token: SecretStr
    secret_in_request: bool = True

    def headers(self, body: bytes, at: datetime) -> dict[str, str]:  # noqa: ARG002 - the same for all
        """Return the header `authorization`."""
        return {"authorization": f"Bearer {self.token.get_secret_value()}"}


@dataclass(frozen=True, slots=True)
class SignedRequests:
    """A secret, `whsec_…`, that signs each request and is not sent."""

    producer: str
    secret: SigningSecret
    secret_in_request: bool = False

    def headers(self, body: bytes, at: datetime) -> dict[str, str]:
        """Return the headers of Standard Webhooks, and the producer's id."""
        message_id = f"msg_{uuid4().hex}"
        return {
            PRODUCER_HEADER: self.producer,
            ID_HEADER: message_id,
            TIMESTAMP_HEADER: str(int(at.timestamp())),
            SIGNATURE_HEADER: sign(self.secret, message_id, at, body),
        }


_REMEDY: Final = "write the secret into it as `smart-region producers issue` showed it, on one line"


def load_credentials(file: Path, *, producer: str | None = None) -> Credentials:
    """Read a token or a signing secret from a file; a signing secret needs the producer's id.

    Raises SmartRegionError, which does not contain it.
    """

    def refused(problem: str, remedy: str) -> SmartRegionError:
        return SmartRegionError(f"{file}: {problem}: {remedy}")

    refuse_open_file(file)
    try:
        text = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise refused(f"cannot be read ({cause})", "name the file of a secret") from None
    if (owner := token_owner(text)) is not None:
        if producer not in (None, owner):
            remedy = f"name {owner}, or no producer: a token names its own"
            raise refused("is another producer's token", remedy)
        return BearerToken(SecretStr(text))
    if not text.startswith(SECRET_PREFIX):
        raise refused("is neither a token nor a signing secret", _REMEDY)
    if producer is None:
        remedy = "name the producer whose secret it is"
        raise refused("is a signing secret", remedy)
    try:
        return SignedRequests(producer, SigningSecret.from_text(text))
    except ValueError:
        raise refused("is not a complete signing secret", _REMEDY) from None
