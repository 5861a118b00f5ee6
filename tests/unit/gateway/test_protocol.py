"""A connection's deadlines, by a clock and a transport of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from gateway.protocol import protocol_with

BODY_SECONDS = 30.0


class Clock:
    """An event loop's clock, which the test advances."""

    def __init__(self) -> None:
        self.now = 0.0
        self.later: list[tuple[float, Any]] = []
        self.tasks: list[Any] = []

    def call_later(self, seconds: float, do: Callable[[], None]) -> asyncio.Handle:
        """Add a callback."""
        handle = SimpleNamespace(do=do, cancelled=False)
        handle.cancel = lambda: setattr(handle, "cancelled", True)
        self.later.append((self.now + seconds, handle))
        return handle  # type: ignore[return-value]

    def advance(self, seconds: float) -> None:
        """Run what is due by then."""
        self.now += seconds
        due = [one for one in self.later if one[0] <= self.now]
        self.later = [one for one in self.later if one[0] > self.now]
        for _, handle in sorted(due, key=lambda one: one[0]):
            if not handle.cancelled:
                handle.do()


class Transport:
    """A client that reads nothing: a closed connection stays open until it is aborted."""

    def __init__(self) -> None:
        self.closing = self.aborted = False

    def get_extra_info(self, _: str) -> None:
        """Know nothing."""

    def is_closing(self) -> bool:
        """Return whether it was closed."""
        return self.closing

    def write(self, _: bytes) -> None:
        """Take an answer, and send none of it."""

    def close(self) -> None:
        """Begin to close."""
        self.closing = True

    def abort(self) -> None:
        """Abort."""
        self.closing = self.aborted = True


@pytest.mark.parametrize("sent", [b"", b"nonsense\r\n\r\n"])
def test_a_connection_that_is_closed_does_not_stay(sent: bytes) -> None:
    """A client that does not read the last answer would keep its socket open for ever."""
    clock, transport = Clock(), Transport()
    made = protocol_with(header_seconds=10, body_seconds=BODY_SECONDS, max_headers=1000)
    config = uvicorn.Config(lambda: None, http=made, ws="none", log_config=None)
    protocol = made(config, ServerState(), {}, clock)  # type: ignore[arg-type]
    noted: list[str] = []
    protocol.connection = SimpleNamespace(  # type: ignore[assignment]
        transport=None,
        set_idle=lambda: noted.append("idle"),
        set_active=lambda: noted.append("active"),
        may_read=lambda _: True,
    )
    protocol.connection_made(transport)  # type: ignore[arg-type]
    if sent:
        protocol.data_received(sent)
    else:
        clock.advance(10)
    before = (transport.closing, transport.aborted)

    clock.advance(BODY_SECONDS)

    assert before == (True, False)
    assert transport.aborted
    assert noted == []
