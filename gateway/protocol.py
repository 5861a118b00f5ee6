"""The gateway's HTTP: uvicorn's h11 protocol, with deadlines and answers that explain."""

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

from gateway.acceptor import PendingConnection
from gateway.answers import Problem
from gateway.problems import KINDS, MEDIA_TYPE
from gateway.strict_http import RefusedRequestError, StrictConnection

__all__ = ["GatewayProtocol", "busy_answer", "protocol_with"]

_TOO_LARGE = 431
_MOST_REST = 8 * 1024 * 1024
"""Bytes that are read and dropped of what comes after its answer."""
_MOST_UNREAD = 64 * 1024
"""Bytes that have come and were not looked at, from which on no more are read."""
_PARTS_AT_ONCE = 64
"""Parts of bodies, each of which may be a chunk of one byte, that a connection has in its turn."""
_MARGIN = 5.0
"""A body's own deadline is the application's, which answers; this closes what goes on after."""


class _Stage(Enum):
    """What comes next on a connection."""

    NEW = "new", True
    HEADERS = "headers", True
    BODY = "body", False
    ANSWER = "answer", False
    REST = "rest", True
    """Of a body whose request has been answered."""
    IDLE = "idle", True
    CLOSING = "closing", True
    GONE = "gone", True

    def __init__(self, _: str, is_the_clients: bool) -> None:  # noqa: FBT001
        self.is_the_clients = is_the_clients
        """Whether all depends on the client then."""


class _Flow(FlowControl):
    """Reads no more of a connection of which much has come that was not looked at.

    uvicorn reads on whenever a request asks for its body, though the next ones have come already:
    a client that sends them without end would fill the memory.
    """

    def __init__(self, transport: asyncio.Transport, connection: StrictConnection) -> None:
        super().__init__(transport)
        self._connection = connection
        self._is_held = False

    def resume_reading(self) -> None:
        """Read on, unless there is enough to be looked at."""
        self._is_held = self._connection.unread > _MOST_UNREAD
        if not self._is_held:
            super().resume_reading()

    def pause_reading(self) -> None:
        """Read no more; the transport, which uvicorn also tells itself to read on, is told anew."""
        self.read_paused = True
        self._transport.pause_reading()

    def hold_back(self) -> None:
        """Read no more where there is enough to be looked at."""
        if self._connection.unread > _MOST_UNREAD:
            self._is_held = True
            self.pause_reading()

    def let_go(self) -> None:
        """Read on where that was held back, and little is left."""
        if self._is_held:
            self.resume_reading()


class GatewayProtocol(H11Protocol):
    """Closes connections whose request does not arrive, or whose answer is not taken, in time.

    uvicorn has a deadline for the pause between requests only: a client that sends a byte now and
    then would keep its connection for ever. Here each request's headers, body and answer have one,
    and so has a connection that is closed, whose socket stays until the client has taken the rest.
    Whoever accepted the connection is told when all depends on the client: it may then be closed
    for another. What has come is looked at in the connection's turn: see `Turns`.
    """

    header_seconds: ClassVar[float]
    body_seconds: ClassVar[float]
    most_headers: ClassVar[int]

    pending: PendingConnection
    conn: StrictConnection
    flow: _Flow

    cycle: RequestResponseCycle | None  # type: ignore[assignment]
    """The request in work or the last one; uvicorn has None before the first, and does not say."""

    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _stage: _Stage = _Stage.NEW
    _waits: bool = True
    _half_closed: bool = False
    _in_line: bool = False
    _rest: int = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.conn = StrictConnection(self.most_headers, parts_at_once=_PARTS_AT_ONCE)
        self.flow = _Flow(transport, self.conn)
        self.pending.transport = transport
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and move the deadline when a part of the request is complete."""
        super().data_received(data)
        self.flow.hold_back()
        self._expect()
        if self._stage is _Stage.REST:
            self._rest += len(data)
            if self._rest > _MOST_REST:
                self.transport.abort()
        else:
            self._rest = 0

    def handle_events(self) -> None:
        """Look at what has come: at once, or in the connection's turn."""
        if self._in_line or not self.conn.unread:
            return
        if self.conn.their_state is h11.DONE:  # The next request waits for the answer to this one.
            self.flow.pause_reading()
        elif self.pending.may_read(self._have_turn):
            self._look()
        else:
            self._in_line = True

    def _have_turn(self) -> None:
        self._in_line = False
        if self._stage is _Stage.GONE or self.transport.is_closing():
            return
        try:
            self._look()
            self._close_after_all()
            self._expect()
        except BaseException:
            # As the event loop does where a protocol fails with what it was given.
            self.transport.abort()
            raise

    def _look(self) -> None:
        self.conn.go_on()
        super().handle_events()
        if self.conn.is_cut and not self._in_line:
            self._in_line = True
            self.pending.read_later(self._have_turn)
        self.flow.let_go()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a request that is complete though its client sends no more, then close.

        Over TLS the event loops' transports cannot do that: they close.
        """
        if self.scheme == "https" or not (self._in_line or self._is_answering()):
            return False
        self._half_closed = True
        return True

    def on_response_complete(self) -> None:
        """Look what comes next: the rest of a body, or another request that is here already."""
        super().on_response_complete()
        self._close_after_all()
        self._expect()

    def _close_after_all(self) -> None:
        """Close where the client sends no more, and all is answered that it has sent."""
        if self._half_closed and not self._in_line and not self._is_answering():
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        self._is_read()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self._stage = _Stage.GONE
        self.pending.gone()

    def timeout_keep_alive_handler(self) -> None:
        """Close after too long a pause."""
        super().timeout_keep_alive_handler()
        self._expect()

    def shutdown(self) -> None:
        """Close, now or after the answer to what has come."""
        if self._in_line:
            self._look()
        # One that is being closed may have no state in which h11 can say so.
        if not self.transport.is_closing():
            super().shutdown()
        self._expect()

    def pause_writing(self) -> None:
        """Give a client as long to take its answer as to send its body."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.body_seconds, self.transport.abort)
        self._expect()

    def resume_writing(self) -> None:
        """Go on with the answer."""
        super().resume_writing()
        self._is_read()
        self._expect()

    def send_400_response(self, msg: str) -> None:
        """Answer what h11 cannot read; its error, being handled, knows the better status."""
        error = sys.exception()
        if isinstance(error, RefusedRequestError):
            self._answer(error.problem)
            return
        status = getattr(error, "error_status_hint", 400)
        kind = KINDS["headers_too_large" if status == _TOO_LARGE else "malformed_request"]
        self._answer(kind.problem(msg))

    def _unsupported_upgrade_warning(self) -> None:
        """Pass over it in silence: whoever asks for it would fill the log."""

    def _is_answering(self) -> bool:
        """Whether a request is here whole, and its answer is not."""
        cycle = self.cycle
        return (
            cycle is not None
            and not cycle.response_complete
            and self.conn.their_state is not h11.SEND_BODY
        )

    def _expect(self) -> None:
        """Set the deadline of what is being waited for, once for each part of a request."""
        if self._stage is _Stage.GONE:
            return
        stage = self._stage_now()
        waits = not self._in_line and (stage.is_the_clients or self.flow.write_paused)
        if waits is not self._waits:
            self._waits = waits
            (self.pending.waits if waits else self.pending.works)()
        if stage is self._stage:
            return
        goes_on = (self._stage, stage) == (_Stage.BODY, _Stage.REST)
        self._stage = stage
        if goes_on:
            return
        self._stop_waiting()
        later = self.loop.call_later
        if stage is _Stage.HEADERS:
            self._deadline = later(self.header_seconds, self._headers_are_late)
        elif stage in (_Stage.BODY, _Stage.REST):
            self._deadline = later(self.body_seconds + _MARGIN, self._body_is_late)
        elif stage is _Stage.CLOSING:
            self._deadline = later(self.body_seconds, self.transport.abort)
        elif stage is _Stage.IDLE and self.timeout_keep_alive_task is None:
            # uvicorn's own deadline between two requests ends with any byte: also with the rest of
            # a body that was answered before it came, after which nothing needs to come.
            self.timeout_keep_alive_task = later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _stage_now(self) -> _Stage:
        if self.transport.is_closing():
            return _Stage.CLOSING
        state = self.conn.their_state
        if state is h11.IDLE:
            begun = self.cycle is None or bool(self.conn.unread)
            return _Stage.HEADERS if begun else _Stage.IDLE
        if state is h11.SEND_BODY:
            answered = self.cycle is not None and self.cycle.response_complete
            return _Stage.REST if answered else _Stage.BODY
        return _Stage.ANSWER

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _headers_are_late(self) -> None:
        detail = f"the headers did not come within {self.header_seconds:g} seconds"
        self._answer(KINDS["slow_request"].problem(detail))

    def _body_is_late(self) -> None:
        self.transport.close()
        self._expect()

    def _answer(self, problem: Problem) -> None:
        """Answer without the application, and close."""
        if self.cycle is not None:
            # What the application answers meanwhile goes nowhere, and is no fault of its own.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        with suppress(h11.LocalProtocolError):
            for part in _answer_of(self.conn, problem):
                self.transport.write(part)
        self.transport.close()
        self._expect()


def busy_answer() -> bytes:
    """Return what is sent to one connection too many, whose request nobody waits for."""
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
    *, header_seconds: float, body_seconds: float, most_headers: int
) -> type[GatewayProtocol]:
    """Return the protocol with its bounds; whoever makes one gives it its guest."""
    members: dict[str, Any] = {
        "header_seconds": header_seconds,
        "body_seconds": body_seconds,
        "most_headers": most_headers,
    }
    return type("GatewayProtocolWithDeadlines", (GatewayProtocol,), members)
