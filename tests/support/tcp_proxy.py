"""TCP proxies on loopback that delay, cut or silently drop traffic, in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from operations.programs.addresses import HOST, free_port

Result = TypeVar("Result")

_AT_ONCE: Final = 65_536
_ANSWER_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Condition:
    """How a proxy treats its connections."""

    passes: bool = True
    """False: bytes are held, and both ends believe that the connection is alive."""
    accepts: bool = True
    """False: connections are closed, and new ones are closed immediately."""
    delay: float = 0.0
    """Seconds by which each chunk of up to 64 KiB is delayed."""


OPEN: Final = Condition()
CUT: Final = Condition(accepts=False)
HALF_OPEN: Final = Condition(passes=False)


class TcpProxy:
    """One port in front of a server; except for `set`, use it only on its `TcpProxies`' loop."""

    def __init__(self, target: int, loop: asyncio.AbstractEventLoop) -> None:
        self.port = free_port()
        self._target = target
        self._loop = loop
        self._condition = OPEN
        self._passing = asyncio.Event()
        self._passing.set()
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def set(self, condition: Condition) -> None:
        """Change how all its connections are treated; half-open ones are closed."""
        asyncio.run_coroutine_threadsafe(self._set(condition), self._loop).result(_ANSWER_SECONDS)

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def close(self) -> None:
        assert self._server is not None, "listen first"
        self._server.close()
        await self._end_all()

    async def _set(self, condition: Condition) -> None:
        was, self._condition = self._condition, condition
        if condition.passes:
            self._passing.set()
        else:
            self._passing.clear()
        # When a half-open path is restored, it has lost its earlier connections.
        if not condition.accepts or (condition.passes and not was.passes):
            await self._end_all()

    async def _end_all(self) -> None:
        ending = list(self._connections)
        for connection in ending:
            connection.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            # The end of a connection is intended, not an error.
            with suppress(OSError, asyncio.CancelledError):
                if self._condition.accepts:
                    await self._connect(reader, writer)
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(HOST, self._target)
        ways = [
            asyncio.ensure_future(self._pass(reader, far_writer)),
            asyncio.ensure_future(self._pass(far_reader, writer)),
        ]
        try:
            # Kafka's clients and brokers end both directions at once.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            far_writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_AT_ONCE):
            await self._passing.wait()
            if self._condition.delay:
                await asyncio.sleep(self._condition.delay)
            writer.write(piece)
            await writer.drain()


class TcpProxies:
    """The proxies of a `with` block, on an event loop in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._proxies: list[TcpProxy] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._proxies:
            self._do(proxy.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def before(self, target: int) -> TcpProxy:
        async def listening() -> TcpProxy:
            proxy = TcpProxy(target, self._loop)
            await proxy.listen()
            return proxy

        proxy = self._do(listening())
        self._proxies.append(proxy)
        return proxy

    def _do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_SECONDS)
