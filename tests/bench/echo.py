"""The gateway's reference: the same framework and server, giving a body back as it came."""

from __future__ import annotations

import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn import Config, Server


async def echo(request: Request) -> Response:
    return Response(await request.body(), media_type="application/json")


def main() -> None:
    app = Starlette(routes=[Route("/events", echo, methods=["POST"])])
    config = Config(
        app,
        port=int(sys.argv[1]),
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    Server(config).run()


if __name__ == "__main__":
    main()
