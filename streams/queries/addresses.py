"""The addresses of workers: fixed, from a DNS name, or from Prometheus' `file_sd` files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from socket import SOCK_STREAM, getaddrinfo
from typing import Any, Final, NamedTuple

from boundary.addresses import UnusableAddressError, usable_address
from boundary.foreign_yaml import read_yaml

_DNS: Final = "dns+"
_FILE: Final = "file+"


class WorkerTarget(NamedTuple):
    """A worker's address, and the name in its certificate if that differs."""

    url: str
    server_name: str | None = None


class WorkersUnknownError(Exception):
    """A name or a file does not give the addresses of workers."""


@dataclass(frozen=True, slots=True)
class WorkerAddresses:
    """The parsed setting: `fixed` addresses, and `names` and `files`, which are read regularly."""

    fixed: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """As http://NAME:PORT: all addresses of the name."""
    files: tuple[tuple[str, str], ...] = ()
    """A scheme and a path, which may be a pattern."""

    def check(self, *, secret: bool, plain_http: bool) -> None:
        """Check that a secret may be sent there. Raises UnusableAddressError."""
        for url in (*self.fixed, *self.names):
            usable_address(url, secret=secret, plain_http=plain_http)

    def targets(self) -> set[WorkerTarget]:
        """Return all current addresses; may block. Raises WorkersUnknownError."""
        found = {WorkerTarget(url) for url in self.fixed}
        for name in self.names:
            found |= _resolved(name)
        for scheme, pattern in self.files:
            found |= set(_listed(scheme, pattern))
        return found


def parse_workers(text: str) -> WorkerAddresses:
    """Read the setting. Raises ValueError with the remedy."""
    fixed, names, files = [], [], []
    for part in filter(None, map(str.strip, text.split(","))):
        if part.startswith(_FILE):
            scheme, _, path = part.removeprefix(_FILE).partition("://")
            if scheme not in ("http", "https") or not path:
                raise ValueError(f"{part!r}: write file+http:///PATH, or file+https:///PATH")
            files.append((scheme, path))
            continue
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
    return WorkerAddresses(tuple(fixed), tuple(names), tuple(files))


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


def _listed(scheme: str, pattern: str) -> Iterator[WorkerTarget]:
    paths = sorted(glob(pattern))  # noqa: PTH207 - a pattern with a folder, as Prometheus has it
    if not paths:
        raise WorkersUnknownError(f"{pattern}: no such file")
    for path in paths:
        for group in _groups(Path(path)):
            labels = group.get("labels") or {}
            for target in group.get("targets") or ():
                url = f"{labels.get('__scheme__', scheme)}://{target}"
                try:
                    usable_address(url)
                except UnusableAddressError as error:
                    raise WorkersUnknownError(f"{path}: {error}") from error
                yield WorkerTarget(url)


def _groups(path: Path) -> Sequence[dict[str, Any]]:
    try:
        is_json = path.suffix == ".json"
        read = json.loads(path.read_text(encoding="utf-8")) if is_json else read_yaml(path)
    except (OSError, ValueError, RecursionError) as error:
        raise WorkersUnknownError(f"{path}: cannot be read ({type(error).__name__})") from error
    if not isinstance(read, list) or not all(_is_group(group) for group in read):
        raise WorkersUnknownError(f"{path}: is no list of targets, as Prometheus' file_sd has it")
    return read


def _is_group(group: object) -> bool:
    return (
        isinstance(group, dict)
        and isinstance(group.get("targets") or [], list)
        and isinstance(group.get("labels") or {}, dict)
    )
