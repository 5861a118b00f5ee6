"""The HTTP server of every program: ASGI applications on uvicorn.

uvicorn bounds neither connections nor slow clients. HAProxy does where strangers reach a server
(`deploy/haproxy`); all others are for the internal network.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from boundary.errors import SmartRegionError

#: Queued connections that the program has not accepted yet.
_BACKLOG: Final = 2048
_LARGEST_HEAD: Final = 16 * 1024
_IDLE_SECONDS: Final = 60
_PAUSE: Final = 0.01
STOP_SECONDS: Final = 5
"""How long requests in progress have to end once the program stops."""


def listen(host: str, port: int, *, names: tuple[str, str]) -> socket.socket:
    """Bind an address; port 0 selects a free one.

    `names` are those of the variables or options of host and port. Raises SmartRegionError.
    """
    # A connection is a file; the usual limit is 1 024.
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SmartRegionError(
            f"{names[1]}: cannot listen on {host}:{port} ({error.strerror}): stop the program"
            f" that uses it, or set {' and '.join(names)} (0 picks a free port)"
        ) from error
    # Accepted sockets inherit both. Clients that vanished are noticed in the end; and a body does
    # not wait 40 ms for the acknowledgement of its head, as asyncio, unlike uvloop, would let it.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


@asynccontextmanager
async def serving(
    app: ASGIApp,
    listener: socket.socket,
    *,
    tls: ssl.SSLContext | None = None,
    idle_seconds: int = _IDLE_SECONDS,
    stop_seconds: int = STOP_SECONDS,
) -> AsyncIterator[str]:
    """Serve an application on a listening socket until the context ends; yield its address.

    The socket is then closed, and requests in progress have `stop_seconds` to end. A connection may
    wait `idle_seconds` for its next request.
    """
    config = uvicorn.Config(
        app,
        http="h11",
        h11_max_incomplete_event_size=_LARGEST_HEAD,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=idle_seconds,
        ssl_context_factory=None if tls is None else lambda *_: tls,
    )
    config.load()
    server = uvicorn.Server(config)
    # Not `Server.serve`, which handles signals: those are the program's.
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    ticking = asyncio.create_task(server.main_loop())
    try:
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        yield f"{'http' if tls is None else 'https'}://{shown}:{port}"
    finally:
        ticking.cancel()
        await _stop(server, stop_seconds)


async def _stop(server: uvicorn.Server, seconds: float) -> None:
    """Close the listener and idle connections, and the others once they are answered.

    As `Server.shutdown`, which pauses, and leaves open what is late.
    """
    for listening in server.servers:
        listening.close()
    state = server.server_state
    for connection in [*state.connections]:
        connection.shutdown()
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            # uvicorn has no event for it.
            while state.connections or state.tasks:  # noqa: ASYNC110
                await asyncio.sleep(_PAUSE)
    for task in state.tasks:
        task.cancel()
    for connection in [*state.connections]:
        connection.transport.abort()
