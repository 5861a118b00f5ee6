"""A server on loopback that records its requests: as a worker, another server or a proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.loopback import Answer, HttpRequest, loopback


@dataclass
class RecordingServer:
    """The requests, and the answer to all of them."""

    answer: Answer
    url: str = ""
    lines: list[str] = field(default_factory=list)
    """Method and target of each request; to a proxy the target is the whole address."""
    secrets: list[str] = field(default_factory=list)
    """The header `Authorization` of each request that had one."""

    def take(self, request: HttpRequest) -> Answer:
        self.lines.append(f"{request.method} {request.target}")
        if secret := request.headers["Authorization"]:
            self.secrets.append(secret)
        return self.answer


@contextmanager
def recording_server(
    *, status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Iterator[RecordingServer]:
    """Yield a server that listens as long as the block."""
    recorder = RecordingServer(Answer(status, body, headers or {}))
    with loopback(recorder.take) as recorder.url:
        yield recorder
