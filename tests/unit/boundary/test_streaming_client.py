"""The client that waits for a server's news: bounded, and careful with a token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from boundary.addresses import UnusableAddressError
from boundary.streaming_client import NoResponseError, StreamingClient
from tests.support.answering import serving

Handler = Callable[[Request], Awaitable[Response]]


def got(url: str, **how: Any) -> tuple[int, list[bytes]]:
    async def get() -> tuple[int, list[bytes]]:
        async with (
            StreamingClient(tls=None) as client,
            client.get(url, **{"query": {}, "seconds": 5.0, **how}) as answer,
        ):
            return answer.status, [line async for line in answer.lines]

    return asyncio.run(get())


def routed(handler: Handler) -> ASGIApp:
    return Starlette(routes=[Route("/", handler)], middleware=[Middleware(GZipMiddleware)])


async def echo(request: Request) -> Response:
    return PlainTextResponse(f"{request.url.query} {request.headers.get('Authorization')}")


async def redirect(_: Request) -> Response:
    return Response(status_code=302, headers={"Location": "http://192.0.2.1/"})


async def long(_: Request) -> Response:
    return Response(b"x" * 100_000)


def in_parts(parts: list[bytes]) -> Handler:
    async def sent() -> AsyncIterator[bytes]:
        for part in parts:
            yield part
            await asyncio.sleep(0)

    async def answer(_: Request) -> Response:
        return StreamingResponse(sent())

    return answer


async def late(_: Request) -> Response:
    await asyncio.sleep(0.5)
    return Response()


def test_it_sends_the_query_and_the_token() -> None:
    with serving(partial(routed, echo)) as url:
        found = got(f"{url}/", query={"wait": "5"}, token="sesame")  # noqa: S106 - no secret
    assert found == (200, [b"wait=5 Bearer sesame"])


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from([b"", b"a", b"bc", b"\n", b"d\n", b"\n\ne", b"x" * 100_000])))
def test_lines_are_what_was_sent_however_it_was_cut(parts: list[bytes]) -> None:
    with serving(partial(routed, in_parts(parts))) as url:
        assert got(f"{url}/")[1] == b"".join(parts).removesuffix(b"\n").split(b"\n") or not any(
            parts
        )


def test_a_redirect_is_an_answer() -> None:
    with serving(partial(routed, redirect)) as url:
        assert got(f"{url}/")[0] == 302


def test_an_answer_is_bounded() -> None:
    with serving(partial(routed, long)) as url, pytest.raises(NoResponseError, match="1000"):
        got(f"{url}/", most_bytes=1000)
    with (
        serving(partial(routed, late)) as url,
        pytest.raises(NoResponseError, match=r"within 0\.2 s"),
    ):
        got(f"{url}/", seconds=0.2)


def test_a_token_goes_to_no_other_machine_in_the_clear() -> None:
    with pytest.raises(UnusableAddressError):
        got("http://192.0.2.1/", token="sesame")  # noqa: S106 - no secret
