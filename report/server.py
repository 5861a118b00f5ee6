"""The routes of the page: read-only, with strict headers, and bounds on what is made at once."""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
)
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from hashlib import sha256
from itertools import count
from typing import Final, Protocol, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from boundary.web import client_address, make_app
from catalogue.model import Catalogue
from report.answers import (
    PageObject,
    changes_object,
    comparison_object,
    places_object,
    promise_object,
    promises_object,
)
from report.completeness import Completeness
from report.contents import CSV, DATA, HTML, JSON, PageContents
from report.data import CSVW, METADATA
from report.dcat import CATALOGUES
from report.embedding import SVG, SVG_HEADERS, EmbeddedChart
from report.errors import LATER, NOT_FOUND, FiguresNotReadyError, PageError, busy, not_found
from report.ledger import EventLedger
from report.page_request import Known, PageRequest, depth_of
from report.rendering import STATIC, Pages, asset_content, asset_version
from report.site import PageSite
from report.view import View, parse_view, version_text

logger = logging.getLogger(__name__)

_Make: TypeAlias = Callable[[PageRequest], tuple[str, str]]
_ChartOf: TypeAlias = Callable[[PageRequest], EmbeddedChart]
_Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
_T = TypeVar("_T")

PROBLEM: Final = "application/problem+json"
"""Of an error where a program requests JSON (RFC 9457)."""
EVENT_STREAM: Final = "text/event-stream"

MOST_WAITING: Final = 1024
"""How many requests wait for a page of today's figures: more than HAProxy passes on."""
MOST_SEARCHES: Final = 8
"""How many searches, comparisons, places and evidence of one address wait or are made."""
MOST_PAST: Final = 2
"""How many pages of past days of one address wait or are made."""
PAST_SECONDS: Final = 30.0
"""How long a reader waits for one of these."""
TOO_MUCH_SOUGHT: Final = "trop de recherches, de comparaisons ou de preuves sont demandées"
TOO_MUCH_PAST: Final = "trop de jours passés sont demandés"
MOST_STREAMS: Final = 300
"""How many open pages follow changes at once; others see them when they reload."""
KEEP_ALIVE_SECONDS: Final = 15
RETRY_SECONDS: Final = 5
STATIC_SECONDS: Final = 31_536_000

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self';"
    " script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


#: What says nothing of caches is an error or a probe.
_HEADERS: Final = [
    (name.lower().encode(), value.encode())
    for name, value in {**HEADERS, "Cache-Control": "no-store"}.items()
]


class KnowledgeSource(Protocol):
    """Where the figures come from, each time with whether they are complete."""

    def now(self) -> Known | None:
        """Return what is known now; None while nothing is."""

    def known_on(self, day: date, /) -> Known:
        """Return what was known at the end of a past day; it may take seconds."""

    def has_events(self) -> bool:
        """Return whether the events that were there at the start have been read."""


class BoundedPool:
    """Runs work in threads of its own, so that work of another kind always finds its own free.

    Addresses take turns: one with much work delays only itself. `at_once` is the number of threads,
    `waiting` how much work waits for one, `each` how much of all may be of one address (None: as
    much), `seconds` how long a reader waits for a result (None: without end). Work beyond raises
    `too_much`.
    """

    def __init__(
        self,
        *,
        at_once: int,
        waiting: int,
        each: int | None = None,
        seconds: float | None = None,
        too_much: Callable[[], PageError] = busy,
    ) -> None:
        self._most: Final = at_once + waiting
        self._each: Final = self._most if each is None else each
        self._seconds: Final = seconds
        self._too_much = too_much
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="slot")
        self._asked = Counter[str]()
        self._turns = WeakValueDictionary[str, asyncio.Lock]()

    async def run(self, address: str, work: Callable[[], _T]) -> _T:
        """Return what work for an address returns. Raises PageError, and what work raises."""
        if self._asked.total() >= self._most or self._asked[address] >= self._each:
            raise self._too_much()
        self._asked[address] += 1
        turn = self._turns.setdefault(address, asyncio.Lock())
        try:
            async with asyncio.timeout(self._seconds), turn:
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError:
            raise self._too_much() from None
        finally:
            self._asked -= Counter((address,))

    async def close(self) -> None:
        """Return once no work is being done; what waits for a thread is cancelled."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)


class PageServer:
    """Answers the requests of readers; pages are made in threads, a few at a time.

    Past days have a queue of their own, and what is sought in events another one, so that their
    readers do not take the places of others. `version` is another number after each change of what
    is known now.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        ledger: EventLedger,
        source: KnowledgeSource,
        today: Callable[[], date],
        version: Callable[[], int],
        site: PageSite,
    ) -> None:
        self._catalogue = catalogue
        self._source = source
        self._today = today
        self._version = version
        self._streams = 0
        self._closing = False
        self._pages = Pages(catalogue, site)
        self._frame_headers = _frame_headers(site.frame_sites)
        self._contents = PageContents(catalogue, ledger, site, self._pages, source.has_events)
        self._today_turns = BoundedPool(at_once=4, waiting=MOST_WAITING)
        self._search_turns = BoundedPool(
            at_once=2,
            waiting=16 * MOST_SEARCHES,
            each=MOST_SEARCHES,
            seconds=PAST_SECONDS,
            too_much=partial(busy, TOO_MUCH_SOUGHT),
        )
        self._past_turns = BoundedPool(
            at_once=2,
            waiting=16 * MOST_PAST,
            each=MOST_PAST,
            seconds=PAST_SECONDS,
            too_much=partial(busy, TOO_MUCH_PAST),
        )
        self.answers: Counter[int] = Counter()
        """How many answers there were, by status."""

    def app(self, probes: Iterable[BaseRoute] = ()) -> ASGIApp:
        """Return the application, with the process's own routes."""
        page, sought = self._page, partial(self._page, turns=self._search_turns)
        data, data_sought = self._data, partial(self._data, turns=self._search_turns)
        contents = self._contents
        routes = [
            *probes,
            Route("/", page(contents.overview)),
            *(Route(f"/donnees.{form}", page(partial(contents.figures, form))) for form in DATA),
            Route("/methode", page(contents.method)),
            Route("/promesses.json", data(contents.overview_found, promises_object)),
            Route("/comparaison", sought(contents.comparison)),
            Route(f"/donnees.csv{METADATA}", page(contents.metadata)),
            Route(f"/promesses/{{indicator}}.csv{METADATA}", page(contents.metadata)),
            Route("/promesses/{indicator}/datapackage.json", page(contents.package)),
            *(
                Route(f"/catalogue.{form}", page(partial(contents.dcat, form)))
                for form in CATALOGUES
            ),
            Route("/comparaison.json", data_sought(contents.compared, comparison_object)),
            *(
                Route(f"/promesses/{{indicator}}.{form}", page(partial(contents.figures, form)))
                for form in DATA
            ),
            Route("/promesses/{indicator}", page(contents.promise)),
            Route("/promesses/{indicator}/jalons.json", data(contents.milestones, promise_object)),
            Route("/promesses/{indicator}/preuves", sought(contents.evidence)),
            Route("/promesses/{indicator}/changements", sought(contents.changes)),
            Route(
                "/promesses/{indicator}/changements.json",
                data_sought(contents.changed, changes_object),
            ),
            Route("/promesses/{indicator}/carte", sought(contents.map)),
            *self._charts("/carte", contents.departments_chart),
            *self._charts("/promesses/{indicator}/carte", contents.map_chart, self._search_turns),
            *self._charts("/promesses/{indicator}/{chart}", contents.promise_chart),
            Route("/recherche", sought(contents.search)),
            Route("/recherche.json", data_sought(contents.found, places_object)),
            Route("/communes/{code}", sought(contents.commune)),
            Route("/communes/{code}/changements.atom", sought(contents.commune_feed)),
            Route(
                "/entites/{family}/{entity:path}/changements.atom",
                sought(contents.entity_feed),
            ),
            Route("/entites/{family}/{entity:path}", sought(contents.entity)),
            Route("/note/{month}", page(contents.note, turns=self._past_turns)),
            Route("/changements.atom", sought(contents.feed)),
            Route("/calendrier.ics", page(contents.calendar)),
            Route("/changements", self._stream),
            Route("/static/{name}", self._asset),
        ]
        return make_app(
            routes,
            middleware=[Middleware(_WithHeaders, answers=self.answers)],
            exception_handlers={HTTPException: self._on_http_error, PageError: self._on_page_error},
        )

    def _charts(
        self, path: str, chart_of: _ChartOf, turns: BoundedPool | None = None
    ) -> Iterator[Route]:
        """Yield the routes of a chart: as an image, and as a page for frames."""

        def image(asked: PageRequest) -> tuple[str, str]:
            return SVG, chart_of(asked).svg

        def frame(asked: PageRequest) -> tuple[str, str]:
            return self._contents.frame(chart_of(asked), asked)

        page = partial(self._page, turns=turns)
        yield Route(f"/images{path}.svg", page(image, headers=SVG_HEADERS))
        yield Route(f"/cadres{path}", page(frame, headers=self._frame_headers))

    def close(self) -> None:
        """End the streams: otherwise the server waits for their readers."""
        self._closing = True

    async def end_work(self) -> None:
        """Wait for the threads: the ledger is closed after them."""
        for turns in (self._today_turns, self._search_turns, self._past_turns):
            await turns.close()

    def _page(
        self,
        make: _Make,
        *,
        turns: BoundedPool | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Handler:
        """Return the handler of a page: `make` returns its media type and its content.

        Past days have `turns` of their own. `headers` are in place of the usual ones.
        """

        async def answer(request: Request) -> Response:
            # Figures that come while the page is made are another version to it.
            view = parse_view(request.query_params, self._today(), self._version())
            chosen = (turns or self._today_turns) if view.is_now else self._past_turns
            try:
                media_type, content = await chosen.run(
                    client_address(request), partial(self._made, make, request, view)
                )
            except PageError:
                raise
            except Exception:
                logger.exception("page failed path=%r", request.url.path)
                raise PageError("l’exploitant est alerté : réessayer") from None
            answer = _answer(request, media_type, content.encode(), headers or {})
            if media_type == CSV:
                answer.headers["Link"] = _described_by(request, view)
            return answer

        return answer

    def _data(
        self,
        find: Callable[[PageRequest], _T],
        describe: Callable[[_T, View, Completeness], PageObject],
        *,
        turns: BoundedPool | None = None,
    ) -> _Handler:
        """Return the handler of a page as a JSON object, whose errors are problem details."""

        def made(asked: PageRequest) -> tuple[str, str]:
            found = describe(find(asked), asked.view, asked.completeness)
            return JSON, f"{json.dumps(found, ensure_ascii=False, indent=1)}\n"

        handler = self._page(made, turns=turns)

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except PageError as error:
                problem = {"title": error.title, "status": error.status, "detail": str(error)}
                body = json.dumps(problem, ensure_ascii=False)
                return Response(body, error.status, _retry_headers(error), media_type=PROBLEM)

        return answer

    def _made(self, make: _Make, request: Request, view: View) -> tuple[str, str]:
        """Return a page of what is known now, or of what was known on a past day."""
        past = view.past_knowledge
        known = self._source.now() if past is None else self._source.known_on(past)
        if known is None:
            raise FiguresNotReadyError
        return make(PageRequest(request, self._catalogue, view, *known))

    async def _on_http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered
        return self._error(request, _of_http(error), dict(error.headers or {}))

    async def _on_page_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, PageError)  # noqa: S101 - as it is registered
        return self._error(request, error, _retry_headers(error))

    def _error(self, request: Request, error: PageError, headers: Mapping[str, str]) -> Response:
        text = self._pages.error(error, depth=depth_of(request))
        return Response(text, error.status, headers, media_type=HTML)

    async def _stream(self, request: Request) -> Response:
        """Send the number of the figures' version when it changes (Server-Sent Events)."""
        if request.method == "HEAD":  # A stream without a body has no end.
            raise HTTPException(405, headers={"Allow": "GET"})
        if self._streams >= MOST_STREAMS:
            raise busy()
        headers = {"X-Accel-Buffering": "no"}  # nginx would buffer the events.
        return StreamingResponse(self._events(), headers=headers, media_type=EVENT_STREAM)

    async def _events(self) -> AsyncIterator[bytes]:
        self._streams += 1
        try:
            sent: str | None = None
            for second in count():
                now = version_text(self._version(), self._today())
                if now != sent:
                    sent = now
                    yield f"data: {now}\n\n".encode()
                elif second % KEEP_ALIVE_SECONDS == 0:
                    yield b":\n\n"
                await asyncio.sleep(1)
                if self._closing:
                    return
        finally:
            self._streams -= 1

    async def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            raise not_found("fichier", name)
        # Any other version is of a page before or after this one.
        is_own = request.query_params.get("v") == asset_version(name)
        lifetime = f"public, max-age={STATIC_SECONDS}, immutable" if is_own else "no-cache"
        headers = {"Cache-Control": lifetime}
        media_type = f"{STATIC[name]}; charset=utf-8"
        return Response(asset_content(name), headers=headers, media_type=media_type)


def _answer(request: Request, media_type: str, body: bytes, more: Mapping[str, str]) -> Response:
    """Return a page with more headers, or 304 if the reader's copy is current."""
    # Weak, since it is the same for the compressed page.
    tag = f'W/"{sha256(body).hexdigest()[:32]}"'
    headers = {"Cache-Control": "no-cache", "ETag": tag, **more}
    known = request.headers.get("If-None-Match", "")
    if known.strip() == "*" or tag[2:] in known:
        # As the page itself: a cache that several readers share may have it compressed.
        return Response(status_code=304, headers={**headers, "Vary": "Accept-Encoding"})
    return Response(body, headers=headers, media_type=f"{media_type}; charset=utf-8")


def _frame_headers(sites: str) -> Mapping[str, str]:
    """Return the headers of pages for frames, which some sites may show."""
    if not sites:
        return {}
    policy = HEADERS["Content-Security-Policy"]
    return {
        "Content-Security-Policy": policy.replace("ancestors 'none'", f"ancestors 'self' {sites}"),
        "Cross-Origin-Resource-Policy": "cross-origin",
    }


def _described_by(request: Request, view: View) -> str:
    """Return the link from a CSV to its metadata: relative, since any proxy may be in between."""
    name = request.url.path.rpartition("/")[2]
    return f'<{name}{METADATA}{view.query()}>; rel="describedby"; type="{CSVW}"'


def _of_http(error: HTTPException) -> PageError:
    """Return the page's error for one of the server's."""
    if error.status_code == NOT_FOUND:
        return not_found("page", "…")
    message = "cette demande ne peut pas être servie : revenir aux promesses"
    return PageError(message, error.status_code)


class _WithHeaders:
    """Adds the headers to each answer that has none of its own, and counts it by status."""

    def __init__(self, app: ASGIApp, answers: Counter[int]) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                added = (one for one in _HEADERS if one[0] not in own)
                message["headers"] = [*message["headers"], *added]
                self._answers[message["status"]] += 1
            await send(message)

        await self._app(scope, receive, with_headers)


def _retry_headers(error: PageError) -> dict[str, str]:
    return {"Retry-After": str(RETRY_SECONDS)} if error.status == LATER else {}
