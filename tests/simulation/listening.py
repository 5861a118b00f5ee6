"""A listening socket of the simulation, for a server that accepts its connections itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, Self

from tests.simulation.loop import SimulationLoop, current_process

if TYPE_CHECKING:
    from tests.simulation.network import Endpoint

#: By number.
_LISTENING: Final[dict[int, ListeningSocket]] = {}


def accept_in(loop: SimulationLoop) -> None:
    """Let a loop watch listening sockets, and connect what they accept."""

    def add_reader(number: int, callback: Callable[[], object]) -> None:
        _LISTENING[number].watch(callback)

    def remove_reader(number: int) -> None:
        _LISTENING[number].watch(None)

    vars(loop).update(
        add_reader=add_reader,
        remove_reader=remove_reader,
        connect_accepted_socket=_connect_accepted_socket,
    )


class ListeningSocket:
    """What `socket.create_server` returns, as far as the gateway uses it."""

    def __init__(self, loop: SimulationLoop, host: str, port: int) -> None:
        self._loop, self._address = loop, (host, port)
        self._number = len(_LISTENING)
        _LISTENING[self._number] = self
        self._context = copy_context()
        self._backlog: deque[Endpoint] = deque()
        self._callback: Callable[[], object] | None = None
        self._is_scheduled = False
        loop.network.listen(
            host, port, current_process(), self._context, lambda: _NotAccepted(self)
        )

    def getsockname(self) -> tuple[str, int]:
        """Return where it listens."""
        return self._address

    def fileno(self) -> int:
        """Return its number."""
        return self._number

    def settimeout(self, value: float | None) -> None:
        """Do nothing: nothing blocks."""

    def accept(self) -> tuple[_AcceptedSocket, tuple[str, int]]:
        """Return the oldest connection that waits. Raises BlockingIOError where none does."""
        if not self._backlog:
            raise BlockingIOError
        end = self._backlog.popleft()
        return _AcceptedSocket(end), (end.peer_host, 0)

    def close(self) -> None:
        """Refuse connections from now on."""
        self._loop.network.unlisten(*self._address)

    def watch(self, callback: Callable[[], object] | None) -> None:
        """Set what is called while connections wait."""
        self._callback = callback
        self._schedule()

    def arrived(self, end: Endpoint) -> None:
        """Let a connection wait until it is accepted."""
        self._backlog.append(end)
        self._schedule()

    def _schedule(self) -> None:
        if self._backlog and self._callback is not None and not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._call, context=self._context)

    def _call(self) -> None:
        self._is_scheduled = False
        if self._backlog and self._callback is not None:
            self._callback()
            self._schedule()


class _AcceptedSocket:
    """What `accept` returns, as far as the gateway uses it."""

    def __init__(self, end: Endpoint) -> None:
        self.end = end

    def settimeout(self, value: float | None) -> None:
        """Do nothing: nothing blocks."""

    def setsockopt(self, *_: object) -> None:
        """Do nothing: nothing is delayed."""

    def shutdown(self, _: int) -> None:
        """End the connection."""
        self.end.close()

    def send(self, data: bytes) -> int:
        """Send data, all at once."""
        self.end.write(data)
        return len(data)

    def recv(self, _: int) -> bytes:
        """Return nothing: what arrived is dropped with the connection."""
        return b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end.close()


class _NotAccepted(asyncio.Protocol):
    """A connection that waits: what arrives is kept for its protocol."""

    def __init__(self, listener: ListeningSocket) -> None:
        self._listener = listener
        self.is_lost = False
        self.error: Exception | None = None

    def connection_made(self, transport: Any) -> None:
        transport.pause_reading()
        self._listener.arrived(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost, self.error = True, exc


async def _connect_accepted_socket(
    make: Callable[[], Any], sock: _AcceptedSocket, **_: Any
) -> tuple[Endpoint, Any]:
    """Give an accepted connection its protocol, as the method of a loop."""
    await asyncio.sleep(0)
    end, waiting = sock.end, sock.end.protocol
    protocol = make()
    end.set_protocol(protocol)
    protocol.connection_made(end)
    end.resume_reading()
    if waiting.is_lost:
        protocol.connection_lost(waiting.error)
    return end, protocol
