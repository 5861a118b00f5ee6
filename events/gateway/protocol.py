"""HTTP as the door speaks it: uvicorn's h11 protocol, with deadlines and answers that explain."""

from __future__ import annotations

import asyncio
import sys
from typing import Any, ClassVar

import h11
from pydantic_core import to_json
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from events.gateway.problems import KINDS, MEDIA_TYPE, Problem

__all__ = ["DoorProtocol", "protocol_with"]

_TOO_LARGE = 431
_UNAVAILABLE = 503
_MARGIN = 5.0
"""A body's own deadline is the application's, which answers; this closes what goes on after."""


class DoorProtocol(H11Protocol):
    """Closes connections whose request does not arrive, or whose answer is not taken, in time.

    uvicorn has a deadline for the pause between requests only: a client that sends a byte now and
    then would keep its connection for ever. Here each request's headers, body and answer have one.
    """

    header_seconds: ClassVar[float]
    body_seconds: ClassVar[float]
    most_connections: ClassVar[int]

    cycle: RequestResponseCycle | None  # type: ignore[assignment]
    """The request in work or the last one; uvicorn has None before the first, and does not say."""

    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _stage: str = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request; one connection too many is told so and closed."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._answer(Problem(KINDS["overloaded"], "too many connections: come back later"))
        self._expect()

    def data_received(self, data: bytes) -> None:
        """Take bytes in, and move the deadline when a part of the request is complete."""
        super().data_received(data)
        self._expect()

    def on_response_complete(self) -> None:
        """Look what comes next: the rest of a body, or another request that is here already."""
        super().on_response_complete()
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop_waiting()
        self._is_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Give a client as long to take its answer as to send its body."""
        super().pause_writing()
        self._unread = self.loop.call_later(self.body_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with the answer."""
        super().resume_writing()
        self._is_read()

    def send_400_response(self, msg: str) -> None:
        """Answer what h11 cannot read; its error, being handled, knows the better status."""
        status = getattr(sys.exception(), "error_status_hint", 400)
        kind = KINDS["headers_too_large" if status == _TOO_LARGE else "malformed_request"]
        self._answer(Problem(kind, msg))

    def _unsupported_upgrade_warning(self) -> None:
        """Pass over it in silence: whoever asks for it would fill the log."""

    def _expect(self) -> None:
        """Set the deadline of what is being waited for, once for each part of a request."""
        state = self.conn.their_state
        if self.transport.is_closing():
            stage = ""
        elif state is h11.IDLE:
            # Between two requests uvicorn's own deadline holds, until the next one begins.
            begun = self.cycle is None or bool(self.conn.trailing_data[0])
            stage = "headers" if begun else ""
        else:
            stage = "body" if state is h11.SEND_BODY else ""
        if stage == self._stage:
            return
        self._stop_waiting()
        self._stage = stage
        if stage == "headers":
            self._deadline = self.loop.call_later(self.header_seconds, self._headers_are_late)
        elif stage == "body":
            self._deadline = self.loop.call_later(self.body_seconds + _MARGIN, self._body_is_late)

    def _stop_waiting(self) -> None:
        self._stage = ""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _headers_are_late(self) -> None:
        detail = f"the headers did not come within {self.header_seconds:g} seconds"
        self._answer(Problem(KINDS["slow_request"], detail))

    def _body_is_late(self) -> None:
        self.transport.close()

    def _answer(self, problem: Problem) -> None:
        """Answer without the application, and close."""
        body = to_json(problem.as_json())
        headers = [
            ("content-type", MEDIA_TYPE),
            ("content-length", str(len(body))),
            ("connection", "close"),
        ]
        status = problem.kind.status
        if status == _UNAVAILABLE:
            headers.append(("retry-after", "1"))
        try:
            for event in (
                h11.Response(status_code=status, headers=headers),
                h11.Data(data=body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event))
        except h11.LocalProtocolError:
            pass  # The application has begun to answer.
        self.transport.close()


def protocol_with(
    *, header_seconds: float, body_seconds: float, most_connections: int
) -> type[DoorProtocol]:
    """Return the protocol with its bounds: uvicorn makes the instances by itself."""
    members: dict[str, Any] = {
        "header_seconds": header_seconds,
        "body_seconds": body_seconds,
        "most_connections": most_connections,
    }
    return type("DoorProtocolWithDeadlines", (DoorProtocol,), members)
