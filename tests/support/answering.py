"""Workers' /histories in one process, from state stores that a test fills."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp

from boundary.serving import MetricsGuard
from boundary.web_server import listen
from boundary.web_server import serving as served
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from streams.queries.format import AnswerReader, HistoriesAnswer
from streams.queries.serving import HistoriesResponder, OwnedPartitions, histories_route
from streams.state_store import StateStore
from tests.support.loopback import in_thread
from tests.support.records import PARTITIONS, apply_events


class AnsweringWorker:
    """A worker without Kafka: its states, its partitions, and its route."""

    def __init__(self, catalogue: Catalogue, *, owned: range = range(PARTITIONS)) -> None:
        self.state_store = StateStore(catalogue.terms)
        self.owned = OwnedPartitions(None, 1, frozenset(owned))
        self.url = ""
        self.responder = HistoriesResponder(self.state_store, lambda: self.owned, PARTITIONS)
        self.guard = MetricsGuard()
        self.host = "127.0.0.1"
        self._loop: asyncio.AbstractEventLoop | None = None

    def app(self) -> ASGIApp:
        """Return the application with its route; call it in the loop that serves it."""
        self._loop = asyncio.get_running_loop()
        route = histories_route(self.responder, self.guard, host=self.host)
        return Starlette(routes=[route], middleware=[Middleware(GZipMiddleware)])

    def take(self, *events: CloudEvent) -> None:
        self._call(
            lambda: [apply_events(self.state_store, one.fact.FAMILY, [[one]]) for one in events]
        )

    def own(self, generation: int, owned: range, waiting_for: str | None = None) -> None:
        partitions = frozenset(() if waiting_for else owned)
        self._call(
            lambda: setattr(self, "owned", OwnedPartitions(waiting_for, generation, partitions))
        )

    def be_late(self, records: int) -> None:
        self._call(lambda: setattr(self, "owned", replace(self.owned, overdue=records)))

    def _call(self, what: Callable[[], Any]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(_called(what), self._loop).result(10)


def decoded(body: bytes) -> HistoriesAnswer:
    """Return the answer in a body. Raises AnswerUnreadableError."""
    reader = AnswerReader()
    for line in body.splitlines():
        reader.feed(line)
    return reader.whole()


async def _called(what: Callable[[], Any]) -> None:
    what()


@contextmanager
def answering(worker: AnsweringWorker) -> Iterator[AnsweringWorker]:
    """Yield a worker that answers at `url` until the block ends."""
    with serving(worker.app) as url:
        worker.url = url
        yield worker


@contextmanager
def serving(make_app: Callable[[], ASGIApp], *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Yield the address of a server in its own thread, which also creates the application."""

    @asynccontextmanager
    async def serve() -> AsyncIterator[str]:
        listener = listen("127.0.0.1", 0, names=("host", "port"))
        async with served(make_app(), listener, tls=tls, stop_seconds=2) as address:
            yield address

    with in_thread(serve) as url:
        yield url
