"""The gateway's HTTP: uvicorn's h11 protocol with deadlines, and problems as answers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from typing import Any, ClassVar

import h11
from pydantic_core import to_json
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from gateway.acceptor import AcceptedConnection
from gateway.answers import Problem
from gateway.problems import KINDS, MEDIA_TYPE
from gateway.strict_http import RefusedRequestError, StrictConnection

_TOO_LARGE = 431
_MAX_REST = 8 * 1024 * 1024
"""Bytes of a body that are read and dropped after its answer."""
_MAX_UNREAD = 64 * 1024
"""Received bytes that were not processed yet, above which reading pauses."""
_PARTS_AT_ONCE = 64
"""Parts of bodies, each of which may be a chunk of one byte, that are processed in one turn."""
_MARGIN = 5.0
"""Seconds beyond the body's deadline in the application, which answers; then it is closed."""


class _Stage(Enum):
    """What a connection waits for."""

    NEW = "new", True
    HEADERS = "headers", True
    BODY = "body", False
    ANSWER = "answer", False
    REST = "rest", True
    """The rest of a body whose request has been answered."""
    IDLE = "idle", True
    CLOSING = "closing", True
    GONE = "gone", True

    def __init__(self, _: str, waits_for_client: bool) -> None:  # noqa: FBT001
        self.waits_for_client = waits_for_client


class _Flow(FlowControl):
    """Pauses reading while a connection has many bytes that were not processed yet.

    uvicorn resumes reading whenever a request reads its body, even if further requests were
    received already: a client that sends them without end would fill the memory.
    """

    def __init__(self, transport: asyncio.Transport, connection: StrictConnection) -> None:
        super().__init__(transport)
        self._connection = connection
        self._is_full = False

    def resume_reading(self) -> None:
        """Resume, unless there is enough to process."""
        self._is_full = self._connection.unread > _MAX_UNREAD
        if not self._is_full:
            super().resume_reading()

    def pause_reading(self) -> None:
        """Pause, also where uvicorn resumed the transport by itself."""
        self.read_paused = True
        self._transport.pause_reading()

    def pause_if_full(self) -> None:
        """Pause where there is enough to process."""
        if self._connection.unread > _MAX_UNREAD:
            self._is_full = True
            self.pause_reading()

    def resume_if_paused(self) -> None:
        """Resume where `pause_if_full` paused, and little is left."""
        if self._is_full:
            self.resume_reading()


class GatewayProtocol(H11Protocol):
    """Closes connections whose request is not received, or whose answer is not read, in time.

    uvicorn has a deadline for the pause between requests only: a client that sends a byte now and
    then would keep its connection open without end. Here the headers, body and answer of each
    request have a deadline, and so has the closing of a connection. The connection is marked idle
    while it waits for its client, and may then be evicted. Received bytes are processed in turn:
    see `RoundRobinScheduler`.
    """

    header_seconds: ClassVar[float]
    body_seconds: ClassVar[float]
    max_headers: ClassVar[int]

    connection: AcceptedConnection
    conn: StrictConnection
    flow: _Flow

    cycle: RequestResponseCycle | None  # type: ignore[assignment]
    """The current or last request. uvicorn has None before the first, against its annotation."""

    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _stage: _Stage = _Stage.NEW
    _is_idle: bool = True
    _half_closed: bool = False
    _is_queued: bool = False
    _rest: int = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self.conn = StrictConnection(self.max_headers, parts_at_once=_PARTS_AT_ONCE)
        self.flow = _Flow(transport, self.conn)
        self.connection.transport = transport
        self._set_deadline()

    def data_received(self, data: bytes) -> None:
        """Receive bytes, and set the next deadline when a part of the request is complete."""
        super().data_received(data)
        self.flow.pause_if_full()
        self._set_deadline()
        if self._stage is _Stage.REST:
            self._rest += len(data)
            if self._rest > _MAX_REST:
                self.transport.abort()
        else:
            self._rest = 0

    def handle_events(self) -> None:
        """Process received bytes: at once, or in the connection's turn."""
        if self._is_queued or not self.conn.unread:
            return
        if self.conn.their_state is h11.DONE:  # The next request waits for the answer to this one.
            self.flow.pause_reading()
        elif self.connection.may_read(self._on_turn):
            self._process()
        else:
            self._is_queued = True

    def _on_turn(self) -> None:
        self._is_queued = False
        if self._stage is _Stage.GONE or self.transport.is_closing():
            return
        try:
            self._process()
            self._close_if_complete()
            self._set_deadline()
        except BaseException:
            # As the event loop does where a protocol fails with received data.
            self.transport.abort()
            raise

    def _process(self) -> None:
        self.conn.resume()
        super().handle_events()
        if self.conn.is_paused and not self._is_queued:
            self._is_queued = True
            self.connection.read_later(self._on_turn)
        self.flow.resume_if_paused()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a complete request of a client that has closed its sending side, then close.

        Over TLS the event loops' transports do not support half-closed connections: they close.
        """
        if self.scheme == "https" or not (self._is_queued or self._is_answering()):
            return False
        self._half_closed = True
        return True

    def on_response_complete(self) -> None:
        """Continue with the rest of the body, or with a request that was received already."""
        super().on_response_complete()
        self._close_if_complete()
        self._set_deadline()

    def _close_if_complete(self) -> None:
        """Close where the client sends no more, and every request is answered."""
        if self._half_closed and not self._is_queued and not self._is_answering():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel every deadline."""
        self._cancel_deadline()
        self._cancel_unread()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stage = _Stage.GONE
        self.connection.closed()

    def timeout_keep_alive_handler(self) -> None:
        """Close after too long a pause between requests."""
        super().timeout_keep_alive_handler()
        self._set_deadline()

    def shutdown(self) -> None:
        """Close, now or after the answer to the current request."""
        if self._is_queued:
            self._process()
        # A connection that is being closed may be in a state in which h11 cannot.
        if not self.transport.is_closing():
            super().shutdown()
        self._set_deadline()

    def pause_writing(self) -> None:
        """Allow a client as much time to read its answer as to send its body."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.body_seconds, self.transport.abort)
        self._set_deadline()

    def resume_writing(self) -> None:
        """Continue with the answer."""
        super().resume_writing()
        self._cancel_unread()
        self._set_deadline()

    def send_400_response(self, msg: str) -> None:
        """Answer what h11 cannot parse; the error that is being handled has the exact status."""
        error = sys.exception()
        if isinstance(error, RefusedRequestError):
            self._answer(error.problem)
            return
        status = getattr(error, "error_status_hint", 400)
        kind = KINDS["headers_too_large" if status == _TOO_LARGE else "malformed_request"]
        self._answer(kind.problem(msg))

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: a client that requests an upgrade could fill the log."""

    def _is_answering(self) -> bool:
        """Return True while a complete request has no complete answer."""
        cycle = self.cycle
        return (
            cycle is not None
            and not cycle.response_complete
            and self.conn.their_state is not h11.SEND_BODY
        )

    def _set_deadline(self) -> None:
        """Set the deadline of the current stage, once for each part of a request."""
        if self._stage is _Stage.GONE:
            return
        stage = self._stage_now()
        is_idle = not self._is_queued and (stage.waits_for_client or self.flow.write_paused)
        if is_idle is not self._is_idle:
            self._is_idle = is_idle
            (self.connection.set_idle if is_idle else self.connection.set_active)()
        if stage is self._stage:
            return
        is_continued = (self._stage, stage) == (_Stage.BODY, _Stage.REST)
        self._stage = stage
        if is_continued:
            return
        self._cancel_deadline()
        later = self.loop.call_later
        if stage is _Stage.HEADERS:
            self._deadline = later(self.header_seconds, self._on_late_headers)
        elif stage in (_Stage.BODY, _Stage.REST):
            self._deadline = later(self.body_seconds + _MARGIN, self._on_late_body)
        elif stage is _Stage.CLOSING:
            self._deadline = later(self.body_seconds, self.transport.abort)
        elif stage is _Stage.IDLE and self.timeout_keep_alive_task is None:
            # uvicorn cancels its own deadline between two requests at any byte: also at the rest of
            # a body that was answered early, after which no request needs to follow.
            self.timeout_keep_alive_task = later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _stage_now(self) -> _Stage:
        if self.transport.is_closing():
            return _Stage.CLOSING
        state = self.conn.their_state
        if state is h11.IDLE:
            has_begun = self.cycle is None or bool(self.conn.unread)
            return _Stage.HEADERS if has_begun else _Stage.IDLE
        if state is h11.SEND_BODY:
            answered = self.cycle is not None and self.cycle.response_complete
            return _Stage.REST if answered else _Stage.BODY
        return _Stage.ANSWER

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _on_late_headers(self) -> None:
        detail = f"the headers did not come within {self.header_seconds:g} seconds"
        self._answer(KINDS["slow_request"].problem(detail))

    def _on_late_body(self) -> None:
        self.transport.close()
        self._set_deadline()

    def _answer(self, problem: Problem) -> None:
        """Answer without the application, and close."""
        if self.cycle is not None:
            # The answer that the application makes meanwhile is dropped, and is no error.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        with suppress(h11.LocalProtocolError):
            for part in _answer_of(self.conn, problem):
                self.transport.write(part)
        self.transport.close()
        self._set_deadline()


def busy_answer() -> bytes:
    """Return the answer to a connection beyond the limits, whose request is not read."""
    problem = KINDS["overloaded"].problem("too many connections: come back later")
    return b"".join(_answer_of(h11.Connection(h11.SERVER), problem, ("retry-after", "1")))


def _answer_of(
    connection: h11.Connection, problem: Problem, *more: tuple[str, str]
) -> Iterator[bytes]:
    body = to_json(problem)
    headers = [
        ("content-type", MEDIA_TYPE),
        ("content-length", str(len(body))),
        ("connection", "close"),
        *more,
    ]
    for event in (
        h11.Response(status_code=problem["status"], headers=headers),
        h11.Data(data=body),
        h11.EndOfMessage(),
    ):
        yield connection.send(event) or b""


def protocol_with(
    *, header_seconds: float, body_seconds: float, max_headers: int
) -> type[GatewayProtocol]:
    """Return the protocol with its limits; an instance needs its `connection`."""
    members: dict[str, Any] = {
        "header_seconds": header_seconds,
        "body_seconds": body_seconds,
        "max_headers": max_headers,
    }
    return type("GatewayProtocolWithDeadlines", (GatewayProtocol,), members)
