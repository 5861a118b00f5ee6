"""Which connections a process's HTTP server keeps, and which it closes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp.web import Application, Request, Response
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from yarl import URL

from streams import web_connections
from streams.web import Readiness, serve
from tests.support.certificates import Authority

LOOPBACK = "127.0.0.1"
MOST = 3
ASK = b"GET /healthz HTTP/1.1\r\nHost: worker\r\n\r\n"
WAIT = b"GET /wait HTTP/1.1\r\nHost: worker\r\n\r\n"
DEADLINE = 30.0


class NoMetrics(Collector):
    """Nothing to show."""

    def collect(self) -> Iterator[Metric]:
        """Yield none."""
        return iter(())


class Client:
    """A connection as a client has it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, request: bytes = ASK) -> bytes:
        """Return the first line of an answer, "" where the connection is closed."""
        try:
            self.writer.write(request)
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), DEADLINE)
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        (length,) = (line for line in head.split(b"\r\n") if line.startswith(b"Content-Length"))
        await self.reader.readexactly(int(length.split()[1]))
        return head.split(b"\r\n")[0]

    async def is_closed(self) -> bool:
        """Wait until the server closes it."""
        try:
            return await asyncio.wait_for(self.reader.read(1), DEADLINE) == b""
        except ConnectionError:
            return True


class Stage:
    """A server, and what asks it."""

    def __init__(self) -> None:
        self.tls: ssl.SSLContext | None = None
        self.waiting = asyncio.Semaphore(0)
        self.proceed = asyncio.Event()
        self.port = 0
        self._clients: list[Client] = []

    def extend(self, app: Application) -> None:
        """Add a route whose answer waits for the test."""

        async def wait(_: Request) -> Response:
            self.waiting.release()
            await self.proceed.wait()
            return Response(text="done")

        app.router.add_get("/wait", wait)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Serve it."""
        async with serve(
            NoMetrics(),
            lambda: Readiness(None),
            host=LOOPBACK,
            port=0,
            tls=self.tls,
            extend=self.extend,
        ) as address:
            self.port = URL(address).port or 0
            yield
        for one in self._clients:
            one.writer.transport.abort()
            with suppress(OSError):
                await one.writer.wait_closed()

    async def client(self, *, tls: ssl.SSLContext | None = None) -> Client:
        """Return a further connection."""
        name = None if tls is None else LOOPBACK
        opened = await asyncio.open_connection(LOOPBACK, self.port, ssl=tls, server_hostname=name)
        self._clients.append(Client(*opened))
        return self._clients[-1]


def played(scene: Callable[[Stage], Coroutine[Any, Any, None]], stage: Stage | None = None) -> None:
    """Play a scene on a server."""

    async def run() -> None:
        on = stage or Stage()
        async with on.serve():
            await scene(on)

    asyncio.run(run())


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow few connections."""
    monkeypatch.setattr(web_connections, "MOST_CONNECTIONS", MOST)


def test_one_too_many_takes_the_place_of_the_longest_idle(caplog: pytest.LogCaptureFixture) -> None:
    """One that has just asked is not the longest idle any more."""

    async def scene(stage: Stage) -> None:
        first, second, third = [await stage.client() for _ in range(MOST)]
        assert await first.ask() == b"HTTP/1.1 200 OK"
        late = await stage.client()
        assert await late.ask() == b"HTTP/1.1 200 OK"
        assert await second.is_closed()
        assert [await one.ask() for one in (first, third)] == [b"HTTP/1.1 200 OK"] * 2

    played(scene)
    assert caplog.messages == [f"connections={MOST}: idle ones are closed"]


def test_one_whose_request_is_answered_is_kept() -> None:
    """Where all of them are such, a new one is refused, until one has its answer."""

    async def scene(stage: Stage) -> None:
        busy = [await stage.client() for _ in range(MOST)]
        asked = [asyncio.create_task(one.ask(WAIT)) for one in busy]
        for _ in busy:
            await asyncio.wait_for(stage.waiting.acquire(), DEADLINE)
        assert await (await stage.client()).ask() == b""

        stage.proceed.set()
        assert await asyncio.gather(*asked) == [b"HTTP/1.1 200 OK"] * MOST
        assert await (await stage.client()).ask() == b"HTTP/1.1 200 OK"

    played(scene)


def test_one_that_is_left_makes_room() -> None:
    """As often as readers come and go."""

    async def scene(stage: Stage) -> None:
        kept = await stage.client()
        assert await kept.ask() == b"HTTP/1.1 200 OK"
        for _ in range(3 * MOST):
            other = await stage.client()
            assert await other.ask() == b"HTTP/1.1 200 OK"
            other.writer.close()
            await other.writer.wait_closed()
            assert await kept.ask() == b"HTTP/1.1 200 OK"

    played(scene)


@pytest.mark.parametrize("sent", [b"", ASK[:-2]])
def test_one_that_does_not_ask_in_time_is_closed(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Silent or slow; one that has asked once may be silent for long."""
    monkeypatch.setattr(web_connections, "FIRST_REQUEST_SECONDS", 1.0)

    async def scene(stage: Stage) -> None:
        asking = await stage.client()
        assert await asking.ask() == b"HTTP/1.1 200 OK"
        silent = await stage.client()
        silent.writer.write(sent)
        assert await silent.is_closed()
        assert await asking.ask() == b"HTTP/1.1 200 OK"

    played(scene)


class TestTls:
    """The same behind TLS."""

    @pytest.fixture
    def stage(self, tmp_path: Path) -> Stage:
        """Return a server with a certificate."""
        authority = Authority(tmp_path)
        ours = authority.issue("worker")
        made = Stage()
        made.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        made.tls.load_cert_chain(ours.chain, ours.key)
        self.trusted = ssl.create_default_context(cafile=authority.file)
        return made

    def test_one_in_its_handshake_counts(self, stage: Stage) -> None:
        """Silent ones would otherwise take all files of the process."""

        async def scene(on: Stage) -> None:
            silent = [await on.client() for _ in range(MOST)]
            asking = await on.client(tls=self.trusted)
            assert await asking.ask() == b"HTTP/1.1 200 OK"
            assert await silent[0].is_closed()

        played(scene, stage)

    @pytest.mark.parametrize("sent", [b"", ASK])
    @pytest.mark.parametrize("limit", ["HANDSHAKE_SECONDS", "FIRST_REQUEST_SECONDS"])
    def test_one_without_a_handshake_is_closed(
        self, monkeypatch: pytest.MonkeyPatch, stage: Stage, sent: bytes, limit: str
    ) -> None:
        """In time, or at once where it speaks no TLS."""
        monkeypatch.setattr(web_connections, limit, 1.0)

        async def scene(on: Stage) -> None:
            clients = [await on.client() for _ in range(MOST)]
            for one in clients:
                one.writer.write(sent)
            for one in clients:
                assert await one.is_closed()
            assert await (await on.client(tls=self.trusted)).ask() == b"HTTP/1.1 200 OK"

        played(scene, stage)
