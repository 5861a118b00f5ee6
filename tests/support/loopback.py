"""Servers on loopback in threads of their own: one answers each request as a test says."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, NamedTuple, TypeAlias


class HttpRequest(NamedTuple):
    """A request as it came."""

    method: str
    target: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is answered: bytes and text as they are, any other body as JSON."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Answering: TypeAlias = Callable[[HttpRequest], Answer | None]
"""Answers a request in a thread of its own; None closes the connection."""


class LoopbackServer(ThreadingHTTPServer):
    """Listens until it is stopped; port 0 selects a free one."""

    daemon_threads = True

    def __init__(
        self, answering: Answering, *, port: int = 0, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answering = answering
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.server_port}"
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening: connections are refused."""
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as its base
        """Log nothing of a client that has gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


@contextmanager
def loopback(answering: Answering) -> Iterator[str]:
    """Yield the address of a server that listens as long as the block."""
    server = LoopbackServer(answering)
    try:
        yield server.url
    finally:
        server.stop()


@dataclass
class RecordingServer:
    """Records its requests: as a worker, another server or a proxy; `answer` answers all."""

    answer: Answer
    url: str = ""
    lines: list[str] = field(default_factory=list)
    """Method and target of each request; to a proxy the target is the whole address."""
    secrets: list[str] = field(default_factory=list)
    """The `Authorization` header of each request that had one."""

    def take(self, request: HttpRequest) -> Answer:
        self.lines.append(f"{request.method} {request.target}")
        if secret := request.headers["Authorization"]:
            self.secrets.append(secret)
        return self.answer


@contextmanager
def recording_server(
    *, status: int = 200, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Iterator[RecordingServer]:
    """Yield a server that listens until the block ends."""
    recorder = RecordingServer(Answer(status, body, headers or {}))
    with loopback(recorder.take) as recorder.url:
        yield recorder


@contextmanager
def in_thread(serve: Callable[[], AbstractAsyncContextManager[str]]) -> Iterator[str]:
    """Keep an asynchronous server's context in a thread of its own; yield its address."""
    address, stopping = Future[str](), Event()

    async def until_stopped() -> None:
        async with serve() as found:
            address.set_result(found)
            await asyncio.to_thread(stopping.wait)

    thread = Thread(target=asyncio.run, args=(until_stopped(),))
    thread.start()
    try:
        yield address.result(10)
    finally:
        stopping.set()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # One packet for headers and body: the second of two would be delayed.
    server: LoopbackServer

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = HttpRequest(self.command, self.path, self.headers, body)
        answer = self.server.answering(request)
        self.close_connection = True
        if answer is None:
            return
        self.send_response(answer.status)
        sent = {"Content-Length": str(len(answer.content)), "Connection": "close", **answer.headers}
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_CONNECT = _respond  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        """Log nothing, to keep the test's output clean."""
