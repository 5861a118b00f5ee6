"""The addresses of workers: fixed, or all addresses of a DNS name."""

from __future__ import annotations

from dataclasses import dataclass
from socket import SOCK_STREAM, getaddrinfo
from typing import Final, NamedTuple

from boundary.addresses import UnusableAddressError, usable_address

_DNS: Final = "dns+"


class WorkerTarget(NamedTuple):
    """A worker's address, and the name in its certificate if that differs."""

    url: str
    server_name: str | None = None


class WorkersUnknownError(Exception):
    """A name has no addresses."""


@dataclass(frozen=True, slots=True)
class WorkerAddresses:
    """The parsed setting: `fixed` addresses, and `names`, which are resolved regularly."""

    fixed: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """As http://NAME:PORT: all addresses of the name."""

    def check(self, *, secret: bool, plain_http: bool) -> None:
        """Check that a secret may be sent there. Raises UnusableAddressError."""
        for url in (*self.fixed, *self.names):
            usable_address(url, secret=secret, plain_http=plain_http)

    def targets(self) -> set[WorkerTarget]:
        """Return all current addresses; may block. Raises WorkersUnknownError."""
        found = {WorkerTarget(url) for url in self.fixed}
        for name in self.names:
            found |= _resolved(name)
        return found


def parse_workers(text: str) -> WorkerAddresses:
    """Read the setting. Raises ValueError with the remedy."""
    fixed, names = [], []
    for part in filter(None, map(str.strip, text.split(","))):
        url = part.removeprefix(_DNS).rstrip("/")
        try:
            parts = usable_address(url)
        except UnusableAddressError as error:
            raise ValueError(str(error)) from error
        if parts.path:
            raise ValueError(f"{part!r}: write the address without a path")
        if not part.startswith(_DNS):
            fixed.append(url)
        elif parts.port is None:
            raise ValueError(f"{part!r}: a name of many addresses needs a port")
        else:
            names.append(url)
    return WorkerAddresses(tuple(fixed), tuple(names))


def _resolved(url: str) -> set[WorkerTarget]:
    parts = usable_address(url)
    host = parts.hostname or ""
    try:
        found = getaddrinfo(host, parts.port, type=SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # A label may be too long.
        cause = getattr(error, "strerror", None) or error
        raise WorkersUnknownError(f"{host}: no addresses ({cause})") from error
    return {
        WorkerTarget(f"{parts.scheme}://{_bracketed(str(address[0]))}:{parts.port}", host)
        for *_, address in found
    }


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
