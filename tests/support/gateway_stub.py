"""A stub of the gateway: accepts batches, stops, starts again, and fails as a test says."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple


class StubAnswer(NamedTuple):
    """What the stub answers; where it is None instead, the stub closes the connection."""

    status: int
    content: Any
    headers: tuple[tuple[str, str], ...] = ()


Behaviour = Callable[[Sequence[dict[str, Any]]], StubAnswer | None]


def accepted(events: Sequence[dict[str, Any]]) -> StubAnswer:
    """Answer as the gateway does when it accepted every event."""
    receipts = [
        {"id": event["id"], "source": event["source"], "topic": "t", "partition": 0, "offset": at}
        for at, event in enumerate(events)
    ]
    return StubAnswer(202, {"receipts": receipts})


def answered_each(statuses: Sequence[int]) -> StubAnswer:
    items = [
        {"index": at, "status": status, "problem": {"detail": f"because of {status}"}}
        for at, status in enumerate(statuses)
    ]
    return StubAnswer(207 if 202 in statuses or 503 in statuses else 422, {"items": items})


class GatewayStub:
    """What arrived, in order, and how the stub behaves."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.arrived: list[dict[str, Any]] = []
        """The accepted events of every request, including those without an answer."""
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.behaviour: Behaviour = accepted
        self._lock = Lock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, on the same port as before."""
        if self._server is not None:
            return
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                answer = stub._answer(dict(self.headers.items()), self.rfile.read(length))
                if answer is None:
                    self.close_connection = True
                    return
                body = (
                    answer.content if isinstance(answer.content, bytes) else _json(answer.content)
                )
                self.send_response(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base has it
                """Log nothing."""

        self._server = _Server(("127.0.0.1", self._port), Handler)
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _answer(self, headers: dict[str, str], body: bytes) -> StubAnswer | None:
        with self._lock:
            self.requests.append((headers, body))
            try:
                events = json.loads(body)
            except ValueError:
                return StubAnswer(400, {"detail": "no JSON"})
            answer = self.behaviour(events)
            if answer is None or answer.status == 202:
                self.arrived += events
            elif isinstance(answer.content, dict) and "items" in answer.content:
                taken = {one["index"] for one in answer.content["items"] if one["status"] == 202}
                self.arrived += [event for at, event in enumerate(events) if at in taken]
            return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: a killed client disconnects in the middle."""
        del request, client_address


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


@contextmanager
def gateway_stub(tls: ssl.SSLContext | None = None) -> Iterator[GatewayStub]:
    stub = GatewayStub(tls)
    try:
        yield stub
    finally:
        stub.stop()
