"""The secrets that authenticate producers: their file, and new ones."""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    RootModel,
    SecretStr,
    ValidationInfo,
    model_validator,
)

from boundary.diagnostic import Diagnostic
from boundary.private_files import refuse_open_file
from events.declaration import invalid, invalid_model, read_declaration
from events.producers.model import ProducerId, Producers
from events.signing import SigningSecret

_NEW_BYTES: Final = 32
_TOKEN: Final = re.compile(r"srt_([a-z][a-z0-9-]{0,39})_[A-Za-z0-9_-]{43}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def _signing_secret(text: object) -> SigningSecret:
    try:
        if isinstance(text, str):
            return SigningSecret.from_text(text)
    except ValueError:
        pass
    raise invalid("is not a signing secret", None, "make one with `smart-region producers issue`")


def _digest(text: object) -> SecretStr:
    if isinstance(text, str) and _DIGEST.fullmatch(text):
        return SecretStr(text)
    remedy = "make one with `smart-region producers issue`: the token itself does not belong here"
    raise invalid("is not a SHA-256 in 64 hexadecimal digits", None, remedy)


class ProducerSecrets(BaseModel):
    """The active secrets of one producer: several during a rotation."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    signing: tuple[Annotated[SigningSecret, PlainValidator(_signing_secret)], ...] = ()
    """Secrets that sign requests; a signature can only be checked with the secret itself."""
    bearer_sha256: tuple[Annotated[SecretStr, PlainValidator(_digest)], ...] = ()
    """SHA-256 of the bearer tokens, which are long and random, so that a plain hash hides them."""

    def has_token(self, token: str) -> bool:
        """Return True for a bearer token of this producer, in constant time."""
        digest = token_digest(token)
        found = False
        for known in self.bearer_sha256:
            found |= hmac.compare_digest(known.get_secret_value(), digest)
        return found


class Secrets(RootModel[Mapping[ProducerId, ProducerSecrets]]):
    """The secrets of all producers, by id."""

    model_config = ConfigDict(frozen=True)

    root: Annotated[Mapping[ProducerId, ProducerSecrets], Field(default_factory=dict, repr=False)]

    @model_validator(mode="after")
    def _are_distinct(self, info: ValidationInfo) -> Self:
        producers = info.context
        found: list[Diagnostic] = []
        owners: dict[Any, str] = {}
        for producer, its_secrets in self.root.items():
            if isinstance(producers, Producers) and producers.get(producer) is None:
                remedy = "declare the producer, or remove its secrets"
                found.append(
                    Diagnostic((producer,), "is not a declared producer", producer, remedy)
                )
            for name in ("signing", "bearer_sha256"):
                for index, one in enumerate(getattr(its_secrets, name)):
                    if one in owners:
                        remedy = "issue another: a secret identifies the producer"
                        found.append(
                            Diagnostic((producer, name, index), "is there twice", None, remedy)
                        )
                    owners[one] = producer
        if found:
            raise invalid_model(Secrets, found)
        return self

    def of(self, producer_id: str) -> ProducerSecrets | None:
        """Return the secrets of a producer; None if it has none."""
        return self.root.get(producer_id)


def load_secrets(file: Path | None, producers: Producers | None = None) -> Secrets:
    """Return the secrets in a file; without a file, no producer has any.

    Raises InvalidDeclarationError with all errors, without secrets; given the `producers`, secrets
    of an undeclared one are an error. Raises SmartRegionError if other users can read the file.
    """
    if file is None:
        return Secrets(root={})
    refuse_open_file(file)
    return read_declaration(file, Secrets, secret=True, context=producers)


def token_digest(token: str) -> str:
    """Return the stored form of a bearer token: its SHA-256 in hexadecimal digits."""
    return sha256(token.encode()).hexdigest()


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
    def lines(self) -> str:
        """Return the lines to add to the secrets file, as YAML."""
        key = "signing" if self.scheme is Scheme.SIGNATURE else "bearer_sha256"
        return f"{self.producer}:\n  {key}:\n    - {self.entry.get_secret_value()}"


def issue(producer: str, scheme: Scheme) -> IssuedSecret:
    """Return a new random secret of 256 bits for a producer."""
    if scheme is Scheme.BEARER:
        token = f"srt_{producer}_{secrets.token_urlsafe(_NEW_BYTES)}"
        return IssuedSecret(producer, scheme, SecretStr(token), SecretStr(token_digest(token)))
    secret = SecretStr(SigningSecret(secrets.token_bytes(_NEW_BYTES)).reveal())
    return IssuedSecret(producer, scheme, secret, secret)


def token_owner(token: str) -> str | None:
    """Return the producer id in a bearer token that is not yet verified."""
    named = _TOKEN.fullmatch(token)
    return named[1] if named else None
