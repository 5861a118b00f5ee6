"""The HTTP server of a process: /metrics, /healthz and /readyz, and the process's own routes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from boundary.serving import OPEN, AddressInUseError, MetricsGuard
from streams.metric_families import registry_of
from streams.web_connections import WebConnections

CHALLENGE = 'Bearer realm="metrics"'
#: How long a response in progress may take once the server stops, before it is cut off. aiohttp
#: waits for it twice, by default for a minute each.
ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a process waits for (None if it is ready), and the other fields of /readyz."""

    waiting_for: str | None
    details: Mapping[str, object] = field(default_factory=dict)


@asynccontextmanager
async def serve(  # noqa: PLR0913 - where, for whom, and what, by name
    collector: Collector,
    readiness: Callable[[], Readiness],
    *,
    host: str,
    port: int,
    setting: str = "http_port",
    guard: MetricsGuard = OPEN,
    tls: ssl.SSLContext | None = None,
    extend: Callable[[web.Application], None] | None = None,
) -> AsyncIterator[str]:
    """Serve until the context ends, and yield the address. Port 0 selects a free port.

    `setting` is the name of the port's setting; `guard` authorises requests for /metrics;
    `extend` adds the process's own routes. Raises AddressInUseError.
    """
    registry = registry_of(collector)

    async def metrics(request: web.Request) -> web.Response:
        if not guard.admits(request.headers.get("Authorization")):
            return web.Response(status=401, headers={"WWW-Authenticate": CHALLENGE})
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(_: web.Request) -> web.Response:
        now = readiness()
        ready = now.waiting_for is None
        body = {"ready": ready, "waiting_for": now.waiting_for, **now.details}
        return web.json_response(body, status=200 if ready else 503)

    connections = WebConnections(tls)
    app = web.Application(middlewares=[connections.counting])
    app.add_routes(
        [web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)]
    )
    if extend is not None:
        extend(app)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=ANSWER_SECONDS
    )
    await runner.setup()
    connections.serve(runner.server)
    try:
        try:
            listening = await asyncio.get_running_loop().create_server(connections, host, port)
        except OSError as error:
            raise AddressInUseError(
                (host, port), host="http_host", port=setting, cause=error
            ) from error
        try:
            bound = listening.sockets[0].getsockname()
            yield f"{'http' if tls is None else 'https'}://{host}:{bound[1]}"
        finally:
            listening.close()
            connections.abort()
    finally:
        await runner.cleanup()
