"""Accepts connections from a listening socket, within limits, before their TLS handshake."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from starlette.types import Scope

from boundary.errors import SmartRegionError
from gateway.client_address import ClientAddresses
from gateway.connections import ConnectionTable, NoEvictableConnectionError
from gateway.fair_scheduling import RoundRobinScheduler

logger = logging.getLogger(__name__)

SURPLUS: Final = 64
"""Sockets of a listener beyond its limit: evicted connections that are still being closed."""
PROBE_CONNECTIONS: Final = 64
"""Connections of probes and Prometheus at once; a probe that is refused is sent again."""
RESERVE: Final = 128
"""Descriptors for everything else: the broker, files, listeners, the event loop."""
ACCEPTED_AT_ONCE: Final = 16
"""Connections that are accepted in one round of the event loop. More are accepted than
read: reading is round-robin by address, and the kernel's queue is not."""
UNAUTHENTICATED_AT_ONCE: Final = 4
"""Unauthenticated connections that are read in one round."""
AUTHENTICATED_AT_ONCE: Final = 16
"""Authenticated connections that are read in one round."""
_AUTHENTICATE: Final = "authenticate"
_PAUSE: Final = 0.1
"""Seconds until the next attempt where the machine has no descriptor or no memory."""
_DRAIN: Final = 65_536


class EarlyClose(StrEnum):
    """Why a connection was closed without an answer of the application."""

    DISPLACED = "displaced"
    REFUSED = "refused"
    HANDSHAKE = "handshake"


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The connections that a listener keeps."""

    total: int
    """Connections at once, including those in their TLS handshake."""
    per_network: int
    """Of these, from one IPv4 address or one /64 of IPv6 that is no trusted proxy's."""
    handshake: float
    """Seconds that a TLS handshake may take, and likewise its shutdown."""
    busy: bytes = b""
    """Sent to a connection beyond the limits where TLS is off."""


def note_authenticated(scope: Scope, producer: str) -> bool:
    """Assign the connection of an authenticated request to its producer.

    Returns False where the producer has its share of active connections without this one. Where
    connections are not counted, as in tests of the application alone, returns True.
    """
    authenticate = scope.get("state", {}).get(_AUTHENTICATE)
    return authenticate is None or bool(authenticate(producer))


class AcceptedConnection:
    """One accepted socket, until it is closed."""

    __slots__ = ("_acceptor", "_scheduler", "_sender", "socket", "transport")

    def __init__(self, acceptor: Acceptor, accepted: socket.socket, network: str) -> None:
        self._acceptor = acceptor
        self._sender = network
        self._scheduler = acceptor.unauthenticated
        self.socket = accepted
        self.transport: asyncio.WriteTransport | None = None
        """Set by the protocol once the connection is established, after a TLS handshake."""

    @property
    def state(self) -> dict[str, Any]:
        """The state in each request's scope, for `note_authenticated`."""
        return {_AUTHENTICATE: self.authenticate}

    def set_idle(self) -> None:
        """Mark it as waiting for its client."""
        self._acceptor.connections.set_idle(self)

    def set_active(self) -> None:
        """Mark it as one whose client waits for an answer."""
        self._acceptor.connections.set_active(self)

    def authenticate(self, producer: str) -> bool:
        """Assign it to a producer, as `ConnectionTable.authenticate`."""
        self._sender = producer
        self._scheduler = self._acceptor.authenticated
        return self._acceptor.connections.authenticate(self, producer)

    def may_read(self, later: Callable[[], None]) -> bool:
        """Return True where received bytes may be processed now; else `later` is called in turn."""
        return self._scheduler.admit(self._sender, later)

    def read_later(self, later: Callable[[], None]) -> None:
        """Call `later` in its turn: more bytes were received than were processed."""
        self._scheduler.enqueue(self._sender, later)

    def closed(self) -> None:
        """Remove it from its acceptor: the socket is closed."""
        self._acceptor.remove(self)

    def abort(self) -> None:
        """Close at once, without waiting for the client."""
        if self.transport is not None:
            self.transport.abort()
            return
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class Acceptor:
    """Accepts from one listening socket, and makes a protocol for each connection.

    The event loop's own servers accept every connection, and count none before its TLS handshake
    has ended, which a client may delay: silent connections would then exhaust the process's
    descriptors, including those for the broker.
    """

    def __init__(
        self,
        listener: socket.socket,
        limits: ConnectionLimits,
        make_protocol: Callable[[AcceptedConnection], asyncio.Protocol],
        *,
        addresses: ClientAddresses,
        context: ssl.SSLContext | None = None,
        count: Callable[[EarlyClose], None] = lambda _: None,
    ) -> None:
        self.connections: ConnectionTable[AcceptedConnection] = ConnectionTable(
            limit=limits.total, limit_per_network=limits.per_network
        )
        self._listener = listener
        self._limits = limits
        # So few that a new connection is not evicted before its bytes are read.
        self._at_once = max(1, min(ACCEPTED_AT_ONCE, limits.total // 4, limits.per_network // 4))
        self._make_protocol = make_protocol
        self._addresses = addresses
        self._context = context
        self._count = count
        self._open: set[AcceptedConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.unauthenticated = RoundRobinScheduler(self._loop, UNAUTHENTICATED_AT_ONCE)
        self.authenticated = RoundRobinScheduler(self._loop, AUTHENTICATED_AT_ONCE)
        self._accepting = False
        self._failing = False
        self._closed = False
        self._retry: asyncio.TimerHandle | None = None
        listener.settimeout(0)
        self._resume()

    def close(self) -> None:
        """Stop accepting. Connections in their TLS handshake are closed, the others stay open."""
        self._closed = True
        self._suspend()
        if self._retry is not None:
            self._retry.cancel()
        for connection in self._open:
            if connection.transport is None:
                connection.abort()

    async def wait_closed(self) -> None:
        """Wait until every handshake has ended."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def remove(self, connection: AcceptedConnection) -> None:
        """Stop counting a socket, and accept again where the limit had been reached."""
        self.connections.remove(connection)
        self._open.discard(connection)
        self._resume()

    def _resume(self) -> None:
        if not self._accepting and not self._closed and self._retry is None:
            self._accepting = True
            self._loop.add_reader(self._listener.fileno(), self._accept)

    def _suspend(self) -> None:
        if self._accepting:
            self._accepting = False
            self._loop.remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        for _ in range(self._at_once):
            if len(self._open) >= self._limits.total + SURPLUS:
                # New connections wait in the kernel until an evicted one is closed.
                self._suspend()
                return
            try:
                accepted, address = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if not self._failing:
                    self._failing = True
                    logger.warning("accept failed error=%s", error.strerror)
                self._suspend()
                self._retry = self._loop.call_later(_PAUSE, self._try_again)
                return
            self._failing = False
            self._admit(accepted, str(address[0]))

    def _try_again(self) -> None:
        self._retry = None
        self._resume()

    def _admit(self, accepted: socket.socket, peer: str) -> None:
        accepted.settimeout(0)
        network = self._addresses.of(peer, {})
        connection = AcceptedConnection(self, accepted, network)
        try:
            evicted = self.connections.add(
                connection, network, is_unlimited=self._addresses.trusts(peer)
            )
        except NoEvictableConnectionError:
            self._count(EarlyClose.REFUSED)
            self._refuse(accepted)
            return
        if evicted is not None:
            self._count(EarlyClose.DISPLACED)
            evicted.abort()
        self._open.add(connection)
        task = self._loop.create_task(self._establish(connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refuse(self, accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            if self._context is None:
                accepted.send(self._limits.busy)
                accepted.shutdown(socket.SHUT_WR)
                # Unread bytes would make the kernel discard the answer and reset the connection.
                accepted.recv(_DRAIN)

    async def _establish(self, connection: AcceptedConnection) -> None:
        accepted = connection.socket
        tls: dict[str, Any] = (
            {}
            if self._context is None
            else {
                "ssl": self._context,
                "ssl_handshake_timeout": self._limits.handshake,
                "ssl_shutdown_timeout": self._limits.handshake,
            }
        )
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(
                lambda: self._make_protocol(connection), accepted, **tls
            )
        except OSError:
            # The client's fault: it must not be able to fill the log.
            if connection in self.connections:
                self._count(EarlyClose.HANDSHAKE)
        finally:
            if connection.transport is None:
                self.remove(connection)


def check_descriptors(connections: int) -> int:
    """Return how many files a process with this many connections has to be able to open.

    Raises SmartRegionError where the machine does not allow it.
    """
    needed = connections + PROBE_CONNECTIONS + 2 * SURPLUS + RESERVE
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise SmartRegionError(
            f"gateway_connections: value {connections} needs {needed} open files, and this process"
            f" may have {hard}: raise the limit (ulimit -n, LimitNOFILE=), or set"
            f" SMART_REGION_GATEWAY_CONNECTIONS to at most {connections - (needed - hard)}"
        )
    return needed


def provide_descriptors(connections: int) -> None:
    """Raise this process's limit of open files to what this many connections need.

    Raises as `check_descriptors`.
    """
    needed = check_descriptors(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
