"""Takes connections from a listening socket: within bounds, and before a TLS handshake."""

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
from gateway.connections import AllAtWorkError, Connections
from gateway.turns import Turns

__all__ = [
    "PROBE_CONNECTIONS",
    "SURPLUS",
    "Acceptor",
    "ConnectionLimits",
    "PendingConnection",
    "Shortfall",
    "TooFewDescriptorsError",
    "check_descriptors",
    "note_proof",
    "provide_descriptors",
]

logger = logging.getLogger(__name__)

SURPLUS: Final = 64
"""Sockets of a listener beyond its bound: of connections that are being closed for others."""
PROBE_CONNECTIONS: Final = 64
"""Connections of probes and Prometheus at once; whoever asks in vain asks again."""
RESERVE: Final = 128
"""Descriptors for all else: the broker, files, listeners, the event loop."""
ACCEPTED_AT_ONCE: Final = 16
"""Connections that are accepted in one round of the event loop: more than are read, since those of
one address are read in turn, and the kernel's queue has no turns."""
STRANGERS_AT_ONCE: Final = 4
"""Strangers' connections that are read in one round."""
KNOWN_AT_ONCE: Final = 16
"""Producers' connections that are read in one round."""
_PROOF: Final = "prove"
_PAUSE: Final = 0.1
"""Seconds until the next try where the machine has no descriptor or no memory."""
_DRAIN: Final = 65_536


class Shortfall(StrEnum):
    """Why a connection was closed that had done nothing wrong, or nothing at all."""

    DISPLACED = "displaced"
    REFUSED = "refused"
    HANDSHAKE = "handshake"


class TooFewDescriptorsError(SmartRegionError):
    """The process may not open as many files as its connections and the broker need."""

    def __init__(self, connections: int, *, needed: int, limit: int) -> None:
        super().__init__(
            f"gateway_connections: value {connections} needs {needed} open files, and this process "
            f"may have {limit}: raise the limit (ulimit -n, LimitNOFILE=), or set "
            f"SMART_REGION_GATEWAY_CONNECTIONS to at most {connections - (needed - limit)}"
        )


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a listener keeps."""

    most: int
    """Connections at once, those included whose TLS handshake goes on."""
    most_of_one: int
    """Of these, from one IPv4 address or one /64 of IPv6 that is no trusted proxy's."""
    handshake: float
    """Seconds that a TLS handshake may take, and the end of the encryption."""
    busy: bytes = b""
    """Sent to one connection too many where no TLS is spoken."""


def note_proof(scope: Scope, producer: str) -> bool:
    """Note that a producer's request was authenticated: its connection is no stranger's.

    Returns False where the producer has its share of connections at work without this one. Where
    nobody counts connections, as in tests of the application alone, nothing happens.
    """
    prove = scope.get("state", {}).get(_PROOF)
    return prove is None or bool(prove(producer))


class PendingConnection:
    """One accepted socket, from its acceptance to its end."""

    __slots__ = ("_acceptor", "_sender", "_turns", "socket", "transport")

    def __init__(self, acceptor: Acceptor, accepted: socket.socket, network: str) -> None:
        self._acceptor = acceptor
        self._sender = network
        self._turns = acceptor.strangers
        self.socket = accepted
        self.transport: asyncio.WriteTransport | None = None
        """Set by the protocol as soon as the connection stands, after a TLS handshake."""

    @property
    def state(self) -> dict[str, Any]:
        """What each request's scope has as its state, for `note_proof`."""
        return {_PROOF: self.prove}

    def waits(self) -> None:
        """Note that all depends on the client now."""
        self._acceptor.connections.wait(self)

    def works(self) -> None:
        """Note that the client waits for an answer."""
        self._acceptor.connections.work(self)

    def prove(self, producer: str) -> bool:
        """Note that a producer's request was authenticated, as `Connections.prove`."""
        self._sender = producer
        self._turns = self._acceptor.known
        return self._acceptor.connections.prove(self, producer)

    def may_read(self, later: Callable[[], None]) -> bool:
        """Tell whether what has come may be looked at now; else `later` is called in its turn."""
        return self._turns.ask(self._sender, later)

    def read_later(self, later: Callable[[], None]) -> None:
        """Call `later` in its turn: there is more than was looked at."""
        self._turns.line_up(self._sender, later)

    def gone(self) -> None:
        """Note that the socket is closed."""
        self._acceptor.forget(self)

    def give_way(self) -> None:
        """Close at once, without waiting for the client to take or to say anything."""
        if self.transport is not None:
            self.transport.abort()
            return
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


class Acceptor:
    """Accepts from one listening socket, and makes a protocol for each connection.

    The event loop's own servers accept whatever comes and count nothing before a TLS handshake has
    ended, which a client may draw out: silent connections would then use up the process's
    descriptors, those for the broker included.
    """

    def __init__(
        self,
        listener: socket.socket,
        bounds: ConnectionLimits,
        make_protocol: Callable[[PendingConnection], asyncio.Protocol],
        *,
        addresses: ClientAddresses,
        context: ssl.SSLContext | None = None,
        count: Callable[[Shortfall], None] = lambda _: None,
    ) -> None:
        self.connections: Connections[PendingConnection] = Connections(
            most=bounds.most, most_of_one=bounds.most_of_one
        )
        self._listener = listener
        self._bounds = bounds
        # So few that a newcomer is not displaced before what it sends is read.
        self._at_once = max(1, min(ACCEPTED_AT_ONCE, bounds.most // 4, bounds.most_of_one // 4))
        self._make_protocol = make_protocol
        self._addresses = addresses
        self._context = context
        self._count = count
        self._open: set[PendingConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self.strangers = Turns(self._loop, STRANGERS_AT_ONCE)
        self.known = Turns(self._loop, KNOWN_AT_ONCE)
        self._accepting = False
        self._failing = False
        self._closed = False
        self._retry: asyncio.TimerHandle | None = None
        listener.settimeout(0)
        self._resume()

    def close(self) -> None:
        """Accept no more; connections whose handshake goes on are closed, the others stay."""
        self._closed = True
        self._suspend()
        if self._retry is not None:
            self._retry.cancel()
        for pending in self._open:
            if pending.transport is None:
                pending.give_way()

    async def wait_closed(self) -> None:
        """Wait until no handshake goes on."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def forget(self, pending: PendingConnection) -> None:
        """Count a socket no more."""
        self.connections.leave(pending)
        self._open.discard(pending)
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
            if len(self._open) >= self._bounds.most + SURPLUS:
                # Whoever comes waits in the kernel until one that was closed is gone.
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
            self._take(accepted, str(address[0]))

    def _try_again(self) -> None:
        self._retry = None
        self._resume()

    def _take(self, accepted: socket.socket, peer: str) -> None:
        accepted.settimeout(0)
        network = self._addresses.of(peer, {})
        pending = PendingConnection(self, accepted, network)
        try:
            displaced = self.connections.enter(
                pending, network, may_have_all=self._addresses.trusts(peer)
            )
        except AllAtWorkError:
            self._count(Shortfall.REFUSED)
            self._refuse(accepted)
            return
        if displaced is not None:
            self._count(Shortfall.DISPLACED)
            displaced.give_way()
        self._open.add(pending)
        task = self._loop.create_task(self._establish(pending))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _refuse(self, accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            if self._context is None:
                accepted.send(self._bounds.busy)
                accepted.shutdown(socket.SHUT_WR)
                # What has come already would make the kernel take the answer back.
                accepted.recv(_DRAIN)

    async def _establish(self, pending: PendingConnection) -> None:
        accepted = pending.socket
        how: dict[str, Any] = (
            {}
            if self._context is None
            else {
                "ssl": self._context,
                "ssl_handshake_timeout": self._bounds.handshake,
                "ssl_shutdown_timeout": self._bounds.handshake,
            }
        )
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._loop.connect_accepted_socket(
                lambda: self._make_protocol(pending), accepted, **how
            )
        except OSError:
            # The client's doing: whoever says nothing must not fill the log either.
            if pending in self.connections:
                self._count(Shortfall.HANDSHAKE)
        finally:
            if pending.transport is None:
                self.forget(pending)


def check_descriptors(connections: int) -> int:
    """Return how many files a process with this many connections has to be able to open.

    Raises TooFewDescriptorsError where the machine does not allow it.
    """
    needed = connections + PROBE_CONNECTIONS + 2 * SURPLUS + RESERVE
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise TooFewDescriptorsError(connections, needed=needed, limit=hard)
    return needed


def provide_descriptors(connections: int) -> None:
    """See to it that this process may have this many connections, and all else that it opens.

    Raises as `check_descriptors`.
    """
    needed = check_descriptors(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
