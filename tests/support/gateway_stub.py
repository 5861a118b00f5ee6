"""A stub of the gateway: accepts batches, stops, restarts, and fails as the test says."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from tests.support.loopback import Answer, HttpRequest, LoopbackServer

Behaviour = Callable[[Sequence[dict[str, Any]]], Answer | None]
"""Answers the events of a request; where it returns None, the connection is closed."""


def accepted(events: Sequence[dict[str, Any]]) -> Answer:
    """Answer as the gateway does when it accepted every event."""
    receipts = [
        {"id": event["id"], "source": event["source"], "topic": "t", "partition": 0, "offset": at}
        for at, event in enumerate(events)
    ]
    return Answer(202, {"receipts": receipts})


def answered_each(statuses: Sequence[int]) -> Answer:
    items = [
        {"index": at, "status": status, "problem": {"detail": f"because of {status}"}}
        for at, status in enumerate(statuses)
    ]
    return Answer(207 if 202 in statuses or 503 in statuses else 422, {"items": items})


class GatewayStub:
    """The events that arrived, in order, and how the stub behaves."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.arrived: list[dict[str, Any]] = []
        """The accepted events of every request, including those without an answer."""
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.behaviour: Behaviour = accepted
        self._lock = Lock()
        self._server: LoopbackServer | None = None
        self._port = 0
        self.start()

    def start(self) -> None:
        """Listen, on the same port as before."""
        if self._server is None:
            self._server = LoopbackServer(self._answer, port=self._port, tls=self._tls)
            self.url, self._port = self._server.url, self._server.server_port

    def stop(self) -> None:
        """Stop listening: connections are refused."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _answer(self, request: HttpRequest) -> Answer | None:
        with self._lock:
            self.requests.append((dict(request.headers), request.body))
            try:
                events = json.loads(request.body)
            except ValueError:
                return Answer(400, {"detail": "no JSON"})
            answer = self.behaviour(events)
            if answer is None or answer.status == 202:
                self.arrived += events
            elif isinstance(answer.body, dict) and "items" in answer.body:
                taken = {one["index"] for one in answer.body["items"] if one["status"] == 202}
                self.arrived += [event for at, event in enumerate(events) if at in taken]
            return answer


@contextmanager
def gateway_stub(tls: ssl.SSLContext | None = None) -> Iterator[GatewayStub]:
    stub = GatewayStub(tls)
    try:
        yield stub
    finally:
        stub.stop()
