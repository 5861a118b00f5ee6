"""New secrets for producers, displayed once."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import SecretStr

from events.producers.secrets import token_digest
from events.signing import SigningSecret

TOKEN_BYTES: Final = 32
SIGNING_BYTES: Final = 32

_TOKEN: Final = re.compile(r"srt_([a-z][a-z0-9-]{0,39})_[A-Za-z0-9_-]{43}")


class Scheme(StrEnum):
    """A scheme of authentication."""

    BEARER = "bearer"
    """A token in each request: simple, and sufficient over TLS."""
    SIGNATURE = "signature"
    """A signature of each request: the secret itself is never sent."""


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A new secret, and its lines for the gateway's secrets file."""

    producer: str
    scheme: Scheme
    secret: SecretStr
    """The producer's copy; for a token, the only one."""
    entry: SecretStr
    """The entry of the secrets file: the hash of a token, or a signing secret itself."""

    @property
    def is_signing(self) -> bool:
        """True for a secret that signs requests."""
        return self.scheme is Scheme.SIGNATURE

    @property
    def lines(self) -> str:
        """Return the lines to add to the secrets file, as YAML."""
        key = "signing" if self.is_signing else "bearer_sha256"
        return f"{self.producer}:\n  {key}:\n    - {self.entry.get_secret_value()}"


def issue(producer: str, scheme: Scheme) -> IssuedSecret:
    """Return a new random secret of 256 bits for a producer."""
    if scheme is Scheme.BEARER:
        token = f"srt_{producer}_{secrets.token_urlsafe(TOKEN_BYTES)}"
        return IssuedSecret(producer, scheme, SecretStr(token), SecretStr(token_digest(token)))
    secret = SecretStr(SigningSecret(secrets.token_bytes(SIGNING_BYTES)).reveal())
    return IssuedSecret(producer, scheme, secret, secret)


def token_owner(token: str) -> str | None:
    """Return the producer id in a bearer token that is not yet verified."""
    named = _TOKEN.fullmatch(token)
    return named[1] if named else None
