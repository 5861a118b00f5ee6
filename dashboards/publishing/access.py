"""Grafana's address, and the token for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import SecretStr

from boundary.addresses import UnusableAddressError, usable_address
from boundary.private_files import rights_of_others
from boundary.terminal import one_line
from dashboards.publishing.errors import TOKEN_VARIABLE, PublishingError

LAST_ASCII: Final = "~"
WRITE_IT: Final = (
    "write it as https://grafana.example.org, or with the path under which Grafana is; a secret is"
    " read from a file"
)


@dataclass(frozen=True, slots=True)
class Address:
    """The parts of a Grafana's address."""

    scheme: str
    host: str
    port: int | None
    path: str
    """Without slashes around it; empty where Grafana is at the host's root."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an address as a browser shows it. Raises PublishingError."""
        try:
            parts = usable_address(text)
        except UnusableAddressError as error:
            raise address_error(error, remedy=WRITE_IT) from None
        name = parts.hostname or ""
        host = f"[{name}]" if ":" in name else name
        return cls(parts.scheme, host, parts.port, parts.path.strip("/"))

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        path = f"/{self.path}" if self.path else ""
        return f"{self.scheme}://{self.host}{port}{path}"


def address_error(error: UnusableAddressError, *, remedy: str) -> PublishingError:
    """Return the error of Grafana's address; a password in it is not repeated."""
    return PublishingError(
        "grafana", f"{error.problem}, value {one_line(error.shown)!r}", remedy=remedy
    )


def read_token(file: Path | None) -> SecretStr:
    """Read a service account's token from the file, or without one from the environment.

    Raises PublishingError, also for a file that others on this machine may read.
    """
    if file is None:
        source, text = TOKEN_VARIABLE, os.environ.get(TOKEN_VARIABLE, "")
    else:
        source = str(file)
        if mode := rights_of_others(file):
            problem = f"is open to everybody on this machine, value {mode:04o} (chmod 600)"
            raise _unusable(source, problem)
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise _unusable(source, f"cannot be read ({error.strerror})") from error
        except UnicodeDecodeError as error:
            raise _unusable(source, "is not a text") from error
    secret = text.strip()
    if not secret:
        raise _unusable(source, "holds no token")
    if not all(" " < character <= LAST_ASCII for character in secret):
        raise _unusable(source, "holds more than a token (a space, a line, an accent)")
    return SecretStr(secret)


def _unusable(source: str, problem: str) -> PublishingError:
    remedy = (
        f"put a service account's token into {TOKEN_VARIABLE}, or into a file named by --token-file"
    )
    return PublishingError(source, problem, remedy=remedy)
