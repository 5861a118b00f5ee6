"""The page over the simulated years, served on loopback without a broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from aiohttp import ClientSession
from multidict import CIMultiDict
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from yarl import URL

from boundary.web import Readiness, probe_routes, serve
from broker.stored_record import RawRecord
from report.completeness import Completeness
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.page_request import Known
from report.server import PageServer
from report.site import PageSite
from tests.support.knowledge import LAST_DAY, knowledge, shipped, simulated_records
from tests.support.loopback import in_thread

COMPLETE: Final = Completeness(is_complete=True, text="Chiffres complets.")


class _NoMetrics(Collector):
    def collect(self) -> Iterator[Metric]:
        return iter(())


class Answer(NamedTuple):
    """The server's answer."""

    status: int
    headers: CIMultiDict[str]
    body: str


@dataclass
class ServedPage:
    """A page whose figures, day and version a test may change while it is served."""

    ledger: EventLedger
    known: Knowledge | None = None
    version: int = 1
    today: date = LAST_DAY
    completeness: Completeness = COMPLETE
    events_read: bool = True
    site: PageSite = field(default_factory=PageSite)

    def now(self) -> Known | None:
        return None if self.known is None else (self.known, self.completeness)

    def known_on(self, day: date) -> Known:
        """Return the same figures for every past day."""
        del day
        assert self.known is not None
        return self.known, self.completeness

    def has_events(self) -> bool:
        return self.events_read

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        server = PageServer(
            shipped(),
            self.ledger,
            self,
            lambda: self.today,
            lambda: self.version,
            self.site,
        )
        async with serve(
            server.app(probe_routes(_NoMetrics(), lambda: Readiness(None))),
            host="127.0.0.1",
            port=0,
        ) as address:
            yield address
            server.close()
        await server.end_work()

    def ask(self, *paths: str, method: str = "GET", **headers: str) -> list[Answer]:
        """Return the answers for some paths, which are sent unchanged."""

        async def asked() -> list[Answer]:
            found = []
            async with self.serve() as address, ClientSession() as session:
                for path in paths:
                    url = URL(address + path, encoded=True)
                    async with session.request(method, url, headers=headers) as answer:
                        found.append(
                            Answer(answer.status, answer.headers.copy(), await answer.text())
                        )
            return found

        return asyncio.run(asked())

    def serving(self) -> AbstractContextManager[str]:
        """Serve it from another thread, for a client that blocks; yield its address."""
        return in_thread(self.serve)


@contextmanager
def page_over(
    records: Iterable[RawRecord] = (), *, simulated: bool = False
) -> Iterator[ServedPage]:
    """Yield a page of the simulated figures.

    Its ledger has the records, and with `simulated` those of the simulation before them.
    """
    with EventLedger() as ledger:
        if simulated:
            ledger.append(simulated_records())
        ledger.append(records)
        yield ServedPage(ledger, knowledge())
