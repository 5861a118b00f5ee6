"""Workers' /histories of one process: what a test puts into a state store is told at once."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiohttp import web

from boundary.serving import MetricsGuard
from catalogue.model import Catalogue
from events.cloudevent import CloudEvent
from streams.queries.format import AnswerReader, HistoriesAnswer
from streams.queries.serving import HistoriesRoute, OwnedPartitions, Teller
from streams.state_store import StateStore
from tests.support.records import PARTITIONS, apply_events


class AnsweringWorker:
    """A worker without Kafka: what it holds, what it owns, and its route."""

    def __init__(self, catalogue: Catalogue, *, owned: range = range(PARTITIONS)) -> None:
        self.state_store = StateStore(catalogue.terms)
        self.owned = OwnedPartitions(None, 1, frozenset(owned))
        self.url = ""
        self.route: HistoriesRoute | None = None
        self.guard = MetricsGuard()
        self.host = "127.0.0.1"
        self._loop: asyncio.AbstractEventLoop | None = None

    def extend(self, app: web.Application) -> None:
        """Add its route; called in the loop that serves it."""
        self._loop = asyncio.get_running_loop()
        teller = Teller(self.state_store, lambda: self.owned, PARTITIONS)
        self.route = HistoriesRoute(teller, self.guard, host=self.host)
        self.route.extend(app)

    def take(self, *events: CloudEvent) -> None:
        """Process events, in the loop that answers."""
        self._call(
            lambda: [apply_events(self.state_store, one.fact.FAMILY, [[one]]) for one in events]
        )
        assert self.route is not None
        self._call(self.route.wake)

    def own(self, generation: int, owned: range, waiting_for: str | None = None) -> None:
        """Own other partitions, in another generation."""
        partitions = frozenset(() if waiting_for else owned)
        self._call(
            lambda: setattr(self, "owned", OwnedPartitions(waiting_for, generation, partitions))
        )

    def be_late(self, records: int) -> None:
        """Have so many overdue records."""
        self._call(lambda: setattr(self, "owned", replace(self.owned, overdue=records)))

    def _call(self, what: Callable[[], Any]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(_called(what), self._loop).result(10)


def decoded(body: bytes) -> HistoriesAnswer:
    """Return the answer that a body has. Raises AnswerUnreadableError."""
    reader = AnswerReader()
    for line in body.splitlines():
        reader.feed(line)
    return reader.whole()


async def _called(what: Callable[[], Any]) -> None:
    what()


@contextmanager
def answering(worker: AnsweringWorker) -> Iterator[AnsweringWorker]:
    """Yield a worker that answers at `url` as long as the block."""
    with serving(worker.extend) as url:
        worker.url = url
        yield worker


@contextmanager
def serving(
    extend: Callable[[web.Application], object], *, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Yield the address of an aiohttp server in a thread of its own."""
    loop, started = asyncio.new_event_loop(), threading.Event()
    port = 0

    async def start() -> web.AppRunner:
        nonlocal port
        app = web.Application()
        extend(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        port = runner.addresses[0][1]
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def token_file(folder: Path, token: str) -> Path:
    """Write a token into a private file."""
    file = folder / f"{token}.token"
    file.touch(mode=0o600)
    file.write_text(token)
    return file
