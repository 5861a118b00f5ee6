"""The worker's HTTP server: /metrics, /healthz and /readyz, nothing else."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from streams.errors import StreamsError
from streams.exposition import Exposition, registry_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from streams.membership import Membership

__all__ = ["AddressInUseError", "serve"]


class AddressInUseError(StreamsError):
    """The server's address cannot be bound."""

    def __init__(self, host: str, port: int, *, cause: OSError) -> None:
        super().__init__(
            f"http_port: cannot listen on {host}:{port} ({cause.strerror}): stop what uses it, or "
            "set SMART_REGION_HTTP_HOST and SMART_REGION_HTTP_PORT (0 picks a free port)"
        )


@asynccontextmanager
async def serve(membership: Membership, *, host: str, port: int) -> AsyncIterator[str]:
    """Serve until the context ends; yields the address. Port 0 picks a free one."""
    engine = membership.engine
    registry = registry_of(
        Exposition(engine.catalogue, engine.holdings.fold, engine.meters, membership.snapshot)
    )

    async def metrics(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(_: web.Request) -> web.Response:
        waiting_for = membership.waiting_for()
        body = {
            "ready": waiting_for is None,
            "waiting_for": waiting_for,
            "partitions": sorted(membership.owned()),
        }
        return web.json_response(body, status=200 if waiting_for is None else 503)

    app = web.Application()
    app.add_routes(
        [
            web.get("/metrics", metrics),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
        ]
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise AddressInUseError(host, port, cause=error) from error
        bound = runner.addresses[0]
        yield f"http://{host}:{bound[1]}"
    finally:
        await runner.cleanup()
