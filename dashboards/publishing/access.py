"""Where Grafana is, and the token that opens it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from dashboards.publishing.errors import TOKEN_VARIABLE, AddressError, TokenError

__all__ = ["Address", "Token", "read_token"]

LAST_ASCII: Final = "~"


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a Grafana, taken apart."""

    scheme: str
    host: str
    port: int | None
    path: str
    """Without slashes around it; empty where Grafana has the host for itself."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address as it stands in a browser. Raises AddressError."""
        if not text.isprintable() or " " in text:
            raise AddressError(text, problem="is not an address")
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise AddressError(text.partition("@")[2] or text, problem=str(error)) from error
        without_secrets = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if parts.username is not None or parts.password is not None:
            problem = "has a user or a password, where a token is to be used"
            raise AddressError(without_secrets, problem=problem)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise AddressError(text, problem="is not an address of the Web")
        if parts.query or parts.fragment:
            raise AddressError(without_secrets, problem="has more behind it than a path")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return cls(parts.scheme, host, port, parts.path.strip("/"))

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        path = f"/{self.path}" if self.path else ""
        return f"{self.scheme}://{self.host}{port}{path}"


@dataclass(frozen=True, slots=True)
class Token:
    """A service account's token. Its repr, and so a log or a traceback, never shows it."""

    secret: str = field(repr=False)


def read_token(file: Path | None) -> Token:
    """Take the token from the file, or else from the environment. Raises TokenError."""
    if file is None:
        source, text = TOKEN_VARIABLE, os.environ.get(TOKEN_VARIABLE, "")
    else:
        source = str(file)
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise TokenError(source, problem=f"cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise TokenError(source, problem="is not a text") from error
    secret = text.strip()
    if not secret:
        raise TokenError(source, problem="holds no token")
    if not all(" " < character <= LAST_ASCII for character in secret):
        raise TokenError(source, problem="holds more than a token (a space, a line, an accent)")
    return Token(secret)
