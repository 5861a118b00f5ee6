"""Raw HTTP, for requests that no client would send."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

SECONDS = 20.0
_END_OF_HEADERS = b"\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """A server's answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as JSON."""
        return dict(json.loads(self.body))

    @property
    def problem(self) -> str:
        return str(self.json["type"]).removeprefix("/problems/")


class RawConnection:
    """One connection to a server on this machine; a context manager."""

    def __init__(self, port: int, *, seconds: float = SECONDS, source: str = "127.0.0.1") -> None:
        """Connect from `source`: this machine has every address of 127.0.0.0/8."""
        self._socket = socket.create_connection(
            ("127.0.0.1", port), timeout=seconds, source_address=(source, 0)
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, data: bytes) -> None:
        """Send bytes; bytes that the server no longer reads are lost."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(data)

    def end(self) -> None:
        """Close the sending side; answers are still read."""
        self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Reset the connection, so that the server knows that answers are no longer read."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def answer(self) -> Answer | None:
        """Wait for a whole answer; None if the server closes first."""
        while _END_OF_HEADERS not in self._rest:
            if not self._receive():
                return None
        head, _, self._rest = self._rest.partition(_END_OF_HEADERS)
        status_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines)
        }
        length = int(headers.get("content-length", "0"))
        while len(self._rest) < length:
            if not self._receive():
                return None
        body, self._rest = self._rest[:length], self._rest[length:]
        return Answer(int(status_line.split()[1]), headers, body)

    def starts_with(self, begin: bytes) -> bool:
        while len(self._rest) < len(begin) and self._receive():
            pass
        return self._rest.startswith(begin)

    def is_closed(self) -> bool:
        """Wait until the server closes; False if it sends more instead."""
        return not self._receive()

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(65_536)
        except ConnectionResetError:
            return False
        self._rest += data
        return bool(data)


def post(body: bytes, *headers: str, path: str = "/events") -> bytes:
    return request("POST", path, *headers, f"content-length: {len(body)}") + body


def proxied(sender: str) -> bytes:
    """Return the PROXY protocol's header that names a sender's address."""
    return f"PROXY TCP4 {sender} 127.0.0.1 40000 443\r\n".encode()


def request(method: str, target: str, *headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "host: gateway.test", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def asked(port: int, sent: bytes) -> Answer:
    """Send bytes over a new connection; fail if there is no answer."""
    with RawConnection(port) as line:
        line.send(sent)
        answer = line.answer()
    assert answer is not None, sent
    return answer
