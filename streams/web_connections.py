"""The limit on a process's HTTP connections, and which connections are closed when it is reached.

aiohttp accepts any number, and keeps a connection that never sends a request for ever: a client
could use up all file descriptors of the process, including those for the broker.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Final

from aiohttp import web

logger = logging.getLogger(__name__)

MOST_CONNECTIONS: Final = 700
"""The maximum number at once. A process may usually open 1 024 files; the rest are for the broker
and its own files. The page uses up to 300 connections for streams of changes."""
FIRST_REQUEST_SECONDS: Final = 30.0
"""How long a connection may take to send its first request."""
HANDSHAKE_SECONDS: Final = 10.0
"""How long a TLS handshake may take."""
TOLD_SECONDS: Final = 60.0
"""The minimum time between two log lines about too many connections."""


class WebConnections:
    """Creates the protocols of accepted connections, and counts the open connections.

    At the limit, a new connection replaces the one that has been idle the longest. If none is idle,
    the new one is closed.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Create it; call `serve` before accepting connections."""
        self.tls: Final = tls
        self._server: web.Server | None = None
        self._open: dict[_Connection, None] = {}
        #: Connections without a request, the longest idle first.
        self._idle: dict[_Connection, None] = {}
        self._by_handler: dict[asyncio.BaseProtocol, _Connection] = {}
        self._told_at: float | None = None

    def serve(self, server: web.Server | None) -> None:
        """Let a server answer the connections."""
        self._server = server

    def __call__(self) -> asyncio.Protocol:
        """Return the protocol for a newly accepted connection."""
        return _Connection(self)

    @web.middleware
    async def counting(
        self,
        request: web.Request,
        handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    ) -> web.StreamResponse:
        """Mark a connection as busy while its request is answered; must be the first middleware."""
        connection = self._by_handler.get(request.protocol)
        if connection is None:
            return await handler(request)
        self._idle.pop(connection, None)
        connection.has_asked()
        try:
            return await handler(request)
        finally:
            if connection in self._open:
                self._idle[connection] = None

    def admit(self, connection: _Connection) -> bool:
        """Admit a connection, closing an idle one if necessary; return False if none is idle."""
        if len(self._open) >= MOST_CONNECTIONS:
            longest = next(iter(self._idle), None)
            self._tell(refused=longest is None)
            if longest is None:
                return False
            self.remove(longest)
            longest.abort()
        self._open[connection] = None
        self._idle[connection] = None
        return True

    def handler_of(self, connection: _Connection) -> asyncio.Protocol | None:
        """Return the server's own protocol for a connection; None if either is closed."""
        if self._server is None or connection not in self._open:
            return None
        handler: asyncio.Protocol = self._server()
        self._by_handler[handler] = connection
        return handler

    def remove(self, connection: _Connection) -> None:
        """Stop counting a connection."""
        self._open.pop(connection, None)
        self._idle.pop(connection, None)
        if connection.handler is not None:
            self._by_handler.pop(connection.handler, None)

    def abort(self) -> None:
        """Close the connections that the server does not know: those in their TLS handshake."""
        for connection in list(self._open):
            if connection.handler is None:
                connection.abort()

    def _tell(self, *, refused: bool) -> None:
        now = monotonic()
        if self._told_at is None or now - self._told_at >= TOLD_SECONDS:
            self._told_at = now
            what = "new ones are refused" if refused else "idle ones are closed"
            logger.warning("connections=%d: %s", len(self._open), what)


class _Connection(asyncio.Protocol):
    """One connection: passes its data to the server's own protocol, behind TLS if configured."""

    def __init__(self, table: WebConnections) -> None:
        self._table = table
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._securing: asyncio.Task[None] | None = None
        self._early = b""
        self.handler: asyncio.Protocol | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection; without TLS, hand it to the server at once."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a TCP server
        self._transport = transport
        if not self._table.admit(self):
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(FIRST_REQUEST_SECONDS, self.abort)
        if self._table.tls is None:
            self._begin(transport)
        else:
            transport.pause_reading()  # The first bytes belong to the handshake.
            self._securing = loop.create_task(self._secure(transport, self._table.tls))

    def data_received(self, data: bytes) -> None:
        """Pass data on; keep data that arrives before the end of the handshake until then."""
        if self.handler is None:
            self._early += data
        else:
            self.handler.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass the end of the data on."""
        return None if self.handler is None else self.handler.eof_received()

    def pause_writing(self) -> None:
        """Pass the call on."""
        if self.handler is not None:
            self.handler.pause_writing()

    def resume_writing(self) -> None:
        """Pass the call on."""
        if self.handler is not None:
            self.handler.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop counting the connection."""
        self.has_asked()
        self._table.remove(self)
        if self.handler is not None:
            self.handler.connection_lost(exc)

    def has_asked(self) -> None:
        """Stop the timer of the first request."""
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        """Close the connection at once, without waiting for the client."""
        if self._transport is not None:
            self._transport.abort()

    def _begin(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.handler = self._table.handler_of(self)
        if self.handler is None:
            transport.abort()
        else:
            self.handler.connection_made(transport)
            if self._early:
                self.handler.data_received(self._early)
                self._early = b""

    async def _secure(self, transport: asyncio.Transport, context: ssl.SSLContext) -> None:
        loop = asyncio.get_running_loop()
        secured: asyncio.Transport | None = None
        # A client may leave in the middle, or speak no TLS.
        with suppress(OSError):
            secured = await loop.start_tls(
                transport,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        # asyncio reports a handshake that `abort` ended as a success.
        if secured is None or transport.is_closing():
            transport.abort()
            self.connection_lost(None)
        else:
            self._begin(secured)
