"""What every process serves: /metrics, /healthz and /readyz, and its own routes."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, ExceptionHandler

from boundary.serving import OPEN, MetricsGuard
from boundary.settings import variable
from boundary.web_server import listen, serving

CHALLENGE: Final = 'Bearer realm="metrics"'
FORWARDED_FOR: Final = "X-Forwarded-For"
_COMPRESSION: Final = 6


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a process waits for (None if it is ready), and the other fields of /readyz."""

    waiting_for: str | None
    details: Mapping[str, object] = field(default_factory=dict)


def client_address(request: Request) -> str:
    """Return whose request it is, for bounds by address: HAProxy names it where it is in front."""
    host = "" if request.client is None else request.client.host
    return request.headers.get(FORWARDED_FOR, host)


def probe_routes(
    collector: Collector, readiness: Callable[[], Readiness], guard: MetricsGuard = OPEN
) -> list[BaseRoute]:
    """Return the routes /metrics, for which `guard` authorises requests, /healthz and /readyz."""
    registry = registry_of(collector)

    async def metrics(request: Request) -> Response:
        if not guard.admits(request.headers.get("Authorization")):
            return Response(status_code=401, headers={"WWW-Authenticate": CHALLENGE})
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    async def healthz(_: Request) -> Response:
        return _json({"alive": True})

    async def readyz(_: Request) -> Response:
        now = readiness()
        ready = now.waiting_for is None
        body = {"ready": ready, "waiting_for": now.waiting_for, **now.details}
        return _json(body, status=200 if ready else 503)

    return [Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)]


def registry_of(collector: Collector) -> CollectorRegistry:
    """Return a registry of this collector only, without collecting it at registration."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    return registry


def _json(body: Mapping[str, object], *, status: int = 200) -> Response:
    return Response(json.dumps(body), status, media_type="application/json")


def make_app(
    routes: Iterable[BaseRoute],
    *,
    middleware: Iterable[Middleware] = (),
    exception_handlers: Mapping[type[Exception], ExceptionHandler] | None = None,
) -> ASGIApp:
    """Return an application that compresses its answers, large ones in a thread."""
    app = Starlette(
        routes=[*routes],
        middleware=[*middleware, Middleware(GZipMiddleware, compresslevel=_COMPRESSION)],
        exception_handlers=dict(exception_handlers or {}),
    )
    app.router.redirect_slashes = False  # Each resource has one spelling of its path.
    return app


@asynccontextmanager
async def serve(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    setting: str = "http_port",
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[str]:
    """Serve an application until the context ends, and yield its address.

    Port 0 selects a free port; `setting` is the name of the port's setting. Raises
    SmartRegionError if the address cannot be bound.
    """
    with listen(host, port, names=(variable("http_host"), variable(setting))) as listener:
        async with serving(app, listener, tls=tls) as address:
            yield address
