"""A small gateway for tests: takes batches, goes away, comes back, fails as it is told."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple

__all__ = ["GatewayStub", "Said", "accepted", "gateway_stub", "judged"]


class Said(NamedTuple):
    """What the stub answers; None in the place of one: it hangs up without a word."""

    status: int
    content: Any
    headers: tuple[tuple[str, str], ...] = ()


Behaviour = Callable[[Sequence[dict[str, Any]]], Said | None]


def accepted(events: Sequence[dict[str, Any]]) -> Said:
    """Answer as the gateway does when it took every event."""
    receipts = [
        {"id": event["id"], "source": event["source"], "topic": "t", "partition": 0, "offset": at}
        for at, event in enumerate(events)
    ]
    return Said(202, {"receipts": receipts})


def judged(statuses: Sequence[int]) -> Said:
    """Answer each event of a batch with a status of its own."""
    items = [
        {"index": at, "status": status, "problem": {"detail": f"because of {status}"}}
        for at, status in enumerate(statuses)
    ]
    return Said(207 if 202 in statuses or 503 in statuses else 422, {"items": items})


class GatewayStub:
    """What arrived, in its order, and how the stub behaves."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.arrived: list[dict[str, Any]] = []
        """Every event of every request that was answered with success, or was to be."""
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.behaviour: Behaviour = accepted
        self._lock = Lock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0
        self.come_back()

    @property
    def url(self) -> str:
        """Its base address, the same before and after it was away."""
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self._port}"

    def come_back(self) -> None:
        """Listen, on the same port as before."""
        if self._server is not None:
            return
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                said = stub._answer(dict(self.headers.items()), self.rfile.read(length))
                if said is None:
                    self.close_connection = True
                    return
                body = said.content if isinstance(said.content, bytes) else _json(said.content)
                self.send_response(said.status)
                for name, value in said.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base has it
                """Stay silent."""

        self._server = _Server(("127.0.0.1", self._port), Handler)
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def go_away(self) -> None:
        """Listen no more: connections are refused."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def _answer(self, headers: dict[str, str], body: bytes) -> Said | None:
        with self._lock:
            self.requests.append((headers, body))
            try:
                events = json.loads(body)
            except ValueError:
                return Said(400, {"detail": "no JSON"})
            said = self.behaviour(events)
            if said is None or said.status == 202:
                self.arrived += events
            elif isinstance(said.content, dict) and "items" in said.content:
                taken = {one["index"] for one in said.content["items"] if one["status"] == 202}
                self.arrived += [event for at, event in enumerate(events) if at in taken]
            return said


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay silent: a killed client hangs up in the middle."""
        del request, client_address


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


@contextmanager
def gateway_stub(tls: ssl.SSLContext | None = None) -> Iterator[GatewayStub]:
    """Give a stub that listens until the block ends."""
    stub = GatewayStub(tls)
    try:
        yield stub
    finally:
        stub.go_away()
