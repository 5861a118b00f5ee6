"""The HTTP server of every program."""

from __future__ import annotations

import asyncio
import socket

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from boundary.errors import SmartRegionError
from boundary.web_server import listen, serving
from tests.support.async_tests import played

LOOPBACK = "127.0.0.1"
NAMES = ("--host", "--port")


def test_an_address_in_use_is_reported_with_the_remedy() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = other.getsockname()[1]
        message = f"--port: cannot listen on {LOOPBACK}:{port} .*--host and --port"
        with pytest.raises(SmartRegionError, match=message):
            listen(LOOPBACK, port, names=NAMES)


def test_a_body_does_not_wait_for_the_acknowledgement_of_its_head() -> None:
    """Python switches Nagle's algorithm off only for sockets that name their protocol."""
    with (
        listen(LOOPBACK, 0, names=NAMES) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as accepted,
    ):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.slow
@played
async def test_a_reader_that_stops_reading_does_not_delay_the_end_for_long() -> None:
    """Its answer is cut: the process would be killed in the end, with nothing in the log."""
    large = b"x" * 64 * 1024 * 1024
    begun = asyncio.Event()

    async def answer(_: Request) -> Response:
        begun.set()
        return Response(large)

    app = Starlette(routes=[Route("/", answer)])
    listener = listen(LOOPBACK, 0, names=NAMES)
    port = listener.getsockname()[1]
    async with asyncio.timeout(20):
        async with serving(app, listener, stop_seconds=1):
            _, writer = await asyncio.open_connection(LOOPBACK, port, limit=1)
            writer.write(b"GET / HTTP/1.1\r\nHost: worker\r\n\r\n")
            await begun.wait()
        writer.close()
