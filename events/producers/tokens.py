"""New secrets for producers: shown once to whoever hands them over, kept as little as can be."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import SecretStr

from events.producers.secrets import token_digest
from events.signing import SigningSecret

__all__ = ["IssuedSecret", "Scheme", "issue", "token_owner"]

TOKEN_BYTES: Final = 32
SIGNING_BYTES: Final = 32

_TOKEN: Final = re.compile(r"srt_([a-z][a-z0-9-]{0,39})_[A-Za-z0-9_-]{43}")


class Scheme(StrEnum):
    """How a producer shows who it is."""

    BEARER = "bearer"
    """A token in each request: simple, and enough where the way is encrypted."""
    SIGNATURE = "signature"
    """A signature of each request: the secret itself is never sent."""


@dataclass(frozen=True, slots=True)
class IssuedSecret:
    """A new secret, and the lines of the secrets file by which the gateway knows it."""

    producer: str
    scheme: Scheme
    secret: SecretStr
    """For the producer, who is the only one to keep it where it is a token."""
    entry: SecretStr
    """For the secrets file: of a token its hash, of a signing secret the secret itself."""

    @property
    def lines(self) -> str:
        """What to add to the secrets file, as YAML."""
        key = "bearer_sha256" if self.scheme is Scheme.BEARER else "signing"
        return f"{self.producer}:\n  {key}:\n    - {self.entry.get_secret_value()}"


def issue(producer: str, scheme: Scheme) -> IssuedSecret:
    """Make a secret for a producer from the system's randomness: 256 bits."""
    if scheme is Scheme.BEARER:
        token = f"srt_{producer}_{secrets.token_urlsafe(TOKEN_BYTES)}"
        return IssuedSecret(producer, scheme, SecretStr(token), SecretStr(token_digest(token)))
    secret = SecretStr(SigningSecret(secrets.token_bytes(SIGNING_BYTES)).reveal())
    return IssuedSecret(producer, scheme, secret, secret)


def token_owner(token: str) -> str | None:
    """The producer that a bearer token names, to be believed once it proves right."""
    named = _TOKEN.fullmatch(token)
    return named[1] if named else None
