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
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from itertools import count
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, TypeVar

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from boundary.web import make_app
from catalogue.judgement import CHANGE_DAYS
from catalogue.model import Catalogue, Indicator, Programme, UndeclaredError
from events.fact import Family
from events.identifiers import FIRST_DAY
from events.producers.model import Producer
from report.answers import (
    PageObject,
    changes_object,
    comparison_object,
    places_object,
    promise_object,
    promises_object,
)
from report.calendars import ICALENDAR, PromiseCalendar
from report.charts.commune_map import CommuneOutline, communes
from report.compare import Comparison, comparison_of
from report.completeness import Completeness
from report.corrections import Corrections
from report.data import (
    CSVW,
    METADATA,
    OVERVIEW,
    csvw_text,
    json_text,
    package_text,
    rows_of,
    table_text,
)
from report.dcat import CATALOGUES, catalogue_of
from report.embedding import (
    OF_PROMISE,
    SVG,
    SVG_HEADERS,
    EmbeddedChart,
    communes_of,
    departments_of,
    schools_of,
)
from report.errors import (
    LATER,
    NOT_FOUND,
    FiguresNotReadyError,
    PageError,
    bad_request,
    busy,
    not_found,
)
from report.evidence import EntityEvents, EvidencePart, PersonsNotShownError, events_of
from report.evidence_pages import PARTS, ROWS, EvidencePage, Paging, evidence_page
from report.feeds import ATOM, Feed
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.note.content import NoteRequest, note_of
from report.note.month import Month
from report.note.output import note_html
from report.overview import Overview, overview_of
from report.place_feeds import commune_feed, entity_feed
from report.places import (
    CommuneShare,
    SearchResults,
    communal_indicators,
    commune_page,
    ratios_by,
    search,
    shares_by_commune,
    state_of,
)
from report.promise import PromisePage, promise_of
from report.rendering import STATIC, Pages, asset, asset_content
from report.school_map import MappedSchool, schools_on_map
from report.site import PageSite
from report.view import KNOWN_ON, View, parse_day, parse_view, version_text
from report.words import french_words

logger = logging.getLogger(__name__)

Known: TypeAlias = "tuple[Knowledge, Completeness]"
_Make: TypeAlias = "Callable[[_PageRequest], tuple[str, str]]"
_ChartOf: TypeAlias = "Callable[[_PageRequest], EmbeddedChart]"
_Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
_T = TypeVar("_T")

HTML: Final = "text/html"
CSV: Final = "text/csv"
JSON: Final = "application/json"
PACKAGE: Final = "application/vnd.datapackage+json"
PROBLEM: Final = "application/problem+json"
"""Of an error where a program asks for JSON (RFC 9457)."""
DATA: Final[Mapping[str, tuple[str, Callable[[Iterable[Mapping[str, Any]]], str]]]] = {
    "csv": (CSV, table_text),
    "json": (JSON, json_text),
}
"""The media type of each form of data, and what writes it."""
EVENT_STREAM: Final = "text/event-stream"

MOST_AT_ONCE: Final = 4
"""How many pages of today's figures are made at the same time."""
MOST_WAITING: Final = 64
"""How many requests wait for that; those beyond are answered at once."""
MOST_PAST_AT_ONCE: Final = 2
"""How many pages of past days, of comparisons and of evidence are made at the same time."""
MOST_PAST_WAITING: Final = 32
"""How many requests wait for that; those beyond are answered at once."""
PAST_SECONDS: Final = 30.0
"""How long a reader waits for such a page."""
TOO_MUCH_PAST: Final = "trop de jours passés, de comparaisons ou de preuves sont demandés"
MOST_STREAMS: Final = 300
"""How many open pages follow changes at once; others see them when they reload."""
KEEP_ALIVE_SECONDS: Final = 15
RETRY_SECONDS: Final = 5
STATIC_SECONDS: Final = 31_536_000
MOST_PAGES: Final = 100_000
LONGEST_SEARCH: Final = 100

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


_HEADERS: Final = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class KnowledgeSource(Protocol):
    """Where the figures come from, each time with whether they are complete."""

    def now(self) -> Known | None:
        """Return what is known now; None while nothing is."""

    def known_on(self, day: date, /) -> Known:
        """Return what was known at the end of a past day; it may take seconds."""

    def has_events(self) -> bool:
        """Return whether the events that were there at the start have been read."""


class _PageRequest(NamedTuple):
    """A request and the figures that answer it."""

    request: Request
    view: View
    knowledge: Knowledge
    completeness: Completeness


class BoundedPool:
    """Runs work in threads of its own, so that work of another kind always finds its own free.

    `at_once` is the number of threads, `waiting` how much work waits for one, `seconds` how long a
    reader waits for its result (None: without end). Work beyond raises `too_much`.
    """

    def __init__(
        self,
        *,
        at_once: int,
        waiting: int,
        seconds: float | None = None,
        too_much: Callable[[], PageError] = busy,
    ) -> None:
        self._most: Final = at_once + waiting
        self._seconds: Final = seconds
        self._too_much = too_much
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="slot")
        self._asked = 0

    async def run(self, work: Callable[[], _T]) -> _T:
        """Return what work returns. Raises PageError, and what work raises."""
        if self._asked >= self._most:
            raise self._too_much()
        self._asked += 1
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError:
            raise self._too_much() from None
        finally:
            self._asked -= 1

    async def close(self) -> None:
        """Return once no work is being done; what waits for a thread is cancelled."""
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)


class PageServer:
    """Answers the requests of readers; pages are made in threads, a few at a time.

    Pages of past days, comparisons and evidence wait in a queue of their own, so that their readers
    do not take the places of others. `version` is another number after each change of what is known
    now. `contact` is the mail address in the catalogue of open data.
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
        self._site = site
        self._ledger = ledger
        self._source = source
        self._today = today
        self._version = version
        self._streams = 0
        self._closing = False
        self._pages = Pages(catalogue, site)
        self._frame_headers = _frame_headers(site.frame_sites)
        self._corrections = Corrections(ledger, catalogue)
        self._turns = BoundedPool(at_once=MOST_AT_ONCE, waiting=MOST_WAITING)
        self._past_turns = BoundedPool(
            at_once=MOST_PAST_AT_ONCE,
            waiting=MOST_PAST_WAITING,
            seconds=PAST_SECONDS,
            too_much=partial(busy, TOO_MUCH_PAST),
        )
        self.answers: Counter[int] = Counter()
        """How many answers there were, by status."""

    def app(self, probes: Iterable[BaseRoute] = ()) -> ASGIApp:
        """Return the application, with the process's own routes."""
        page, looking_back = self._page, partial(self._page, looks_back=True)
        data, data_looking_back = self._data, partial(self._data, looks_back=True)
        routes = [
            *probes,
            Route("/", page(self._overview)),
            *(Route(f"/donnees.{form}", page(partial(self._figures, form))) for form in DATA),
            Route("/methode", page(self._method)),
            Route("/promesses.json", data(_overview, promises_object)),
            Route("/comparaison", looking_back(self._comparison)),
            Route(f"/donnees.csv{METADATA}", page(self._metadata)),
            Route(f"/promesses/{{indicator}}.csv{METADATA}", page(self._metadata)),
            Route("/promesses/{indicator}/datapackage.json", page(self._package)),
            *(Route(f"/catalogue.{form}", page(partial(self._dcat, form))) for form in CATALOGUES),
            Route("/comparaison.json", data_looking_back(_compared, comparison_object)),
            *(
                Route(f"/promesses/{{indicator}}.{form}", page(partial(self._figures, form)))
                for form in DATA
            ),
            Route("/promesses/{indicator}", page(self._promise)),
            Route("/promesses/{indicator}/jalons.json", data(self._milestones, promise_object)),
            Route("/promesses/{indicator}/preuves", looking_back(self._evidence)),
            Route("/promesses/{indicator}/changements", looking_back(self._changes)),
            Route(
                "/promesses/{indicator}/changements.json",
                data_looking_back(self._changed, changes_object),
            ),
            Route("/promesses/{indicator}/carte", looking_back(self._map)),
            *self._charts("/carte", self._departments_chart),
            *self._charts("/promesses/{indicator}/carte", self._map_chart, looks_back=True),
            *self._charts("/promesses/{indicator}/{chart}", self._promise_chart),
            Route("/recherche", looking_back(self._search)),
            Route("/recherche.json", data_looking_back(self._found, places_object)),
            Route("/communes/{code}", looking_back(self._commune)),
            Route("/communes/{code}/changements.atom", looking_back(self._commune_feed)),
            Route(
                "/entites/{family}/{entity:path}/changements.atom", looking_back(self._entity_feed)
            ),
            Route("/entites/{family}/{entity:path}", looking_back(self._entity)),
            Route("/note/{month}", looking_back(self._note)),
            Route("/changements.atom", looking_back(self._feed)),
            Route("/calendrier.ics", page(self._calendar)),
            Route("/changements", self._stream),
            Route("/static/{name}", self._asset),
        ]
        return make_app(
            routes,
            middleware=[Middleware(_WithHeaders, answers=self.answers)],
            exception_handlers={HTTPException: self._on_http_error, PageError: self._on_page_error},
        )

    def _charts(
        self, path: str, chart_of: _ChartOf, *, looks_back: bool = False
    ) -> Iterator[Route]:
        """Yield the routes of a chart: as an image, and as a page for frames."""

        def image(asked: _PageRequest) -> tuple[str, str]:
            return SVG, chart_of(asked).svg

        def frame(asked: _PageRequest) -> tuple[str, str]:
            chart, depth = chart_of(asked), _depth(asked.request)
            return HTML, self._pages.frame(chart, asked.view, asked.completeness, depth=depth)

        page = partial(self._page, looks_back=looks_back)
        yield Route(f"/images{path}.svg", page(image, headers=SVG_HEADERS))
        yield Route(f"/cadres{path}", page(frame, headers=self._frame_headers))

    def close(self) -> None:
        """End the streams: otherwise the server waits for their readers."""
        self._closing = True

    async def end_work(self) -> None:
        """Wait for the threads: the ledger is closed after them."""
        await self._turns.close()
        await self._past_turns.close()

    def _page(
        self, make: _Make, *, looks_back: bool = False, headers: Mapping[str, str] | None = None
    ) -> _Handler:
        """Return the handler of a page: `make` returns its media type and its content.

        One that `looks_back` at events or other days waits with those of past days. `headers` are
        in place of the usual ones.
        """

        async def answer(request: Request) -> Response:
            # Figures that come while the page is made are another version to it.
            view = parse_view(request.query_params, self._today(), self._version())
            turns = self._turns if view.is_now and not looks_back else self._past_turns
            try:
                media_type, content = await turns.run(partial(self._made, make, request, view))
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
        find: Callable[[_PageRequest], _T],
        describe: Callable[[_T, View, Completeness], PageObject],
        *,
        looks_back: bool = False,
    ) -> _Handler:
        """Return the handler of a page as a JSON object, whose errors are problem details."""

        def made(asked: _PageRequest) -> tuple[str, str]:
            found = describe(find(asked), asked.view, asked.completeness)
            return JSON, f"{json.dumps(found, ensure_ascii=False, indent=1)}\n"

        handler = self._page(made, looks_back=looks_back)

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
        return make(_PageRequest(request, view, *known))

    async def _on_http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - as it is registered
        return self._error(request, _of_http(error), dict(error.headers or {}))

    async def _on_page_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, PageError)  # noqa: S101 - as it is registered
        return self._error(request, error, _retry_headers(error))

    def _error(self, request: Request, error: PageError, headers: Mapping[str, str]) -> Response:
        text = self._pages.error(error, depth=_depth(request))
        return Response(text, error.status, headers, media_type=HTML)

    async def _stream(self, request: Request) -> Response:
        """Send the number of the figures' version when it changes (Server-Sent Events)."""
        if request.method == "HEAD":  # A stream without a body has no end.
            raise HTTPException(405, headers={"Allow": "GET"})
        if self._streams >= MOST_STREAMS:
            raise busy()
        # nginx would buffer the events.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
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
        headers = {"Cache-Control": f"public, max-age={STATIC_SECONDS}, immutable"}
        media_type = f"{STATIC[name]}; charset=utf-8"
        return Response(asset_content(name), headers=headers, media_type=media_type)

    def _overview(self, asked: _PageRequest) -> tuple[str, str]:
        return HTML, self._pages.overview(_overview(asked), asked.view, asked.completeness)

    def _figures(self, form: str, asked: _PageRequest) -> tuple[str, str]:
        """Return the figures of an indicator, or those of the first page, as data."""
        knowledge, view = asked.knowledge, asked.view
        media_type, text_of = DATA[form]
        if "indicator" in asked.request.path_params:
            return media_type, text_of(self._rows(asked, self._indicator(asked)))
        overview = overview_of(knowledge, view)
        others = [row for row in overview.departments if row.key != view.territory]
        standings = [row.standing for group in overview.groups for row in group.rows]
        standings += [one for row in others for one in row.cells]
        return media_type, text_of(rows_of(standings, view, asked.completeness))

    def _rows(self, asked: _PageRequest, indicator: Indicator) -> list[dict[str, Any]]:
        """Return the figures of an indicator in every territory."""
        standings = (
            one
            for department in indicator.territories
            for one in asked.knowledge.of(indicator, department, asked.view.as_of)
        )
        return rows_of(standings, asked.view, asked.completeness)

    def _metadata(self, asked: _PageRequest) -> tuple[str, str]:
        """Return what the columns of a CSV mean."""
        query = asked.view.query()
        if "indicator" not in asked.request.path_params:
            return CSVW, csvw_text("donnees.csv", query, **OVERVIEW)
        one = self._indicator(asked)
        return CSVW, csvw_text(f"{one.id}.csv", query, one.title, one.definition)

    def _package(self, asked: _PageRequest) -> tuple[str, str]:
        indicator = self._indicator(asked)
        return PACKAGE, package_text(self._rows(asked, indicator), indicator, asked.view)

    def _dcat(self, form: str, asked: _PageRequest) -> tuple[str, str]:
        media_type, text_of = CATALOGUES[form]
        graph = catalogue_of(self._catalogue, asked.knowledge, asked.view, self._site.owners)
        return media_type, text_of(graph)

    def _promise(self, asked: _PageRequest) -> tuple[str, str]:
        page = promise_of(asked.knowledge, self._indicator(asked), asked.view)
        return HTML, self._pages.promise(page, asked.view, asked.completeness)

    def _milestones(self, asked: _PageRequest) -> PromisePage:
        """Return a promise with its milestones, or with the one that is named."""
        page = promise_of(asked.knowledge, self._indicator(asked), asked.view)
        named = asked.request.query_params.get("milestone")
        if not named:
            return page
        found = [one for one in page.milestones if one.milestone and one.milestone.id == named]
        if not found:
            raise not_found("jalon", named)
        return replace(page, milestones=tuple(found))

    def _note(self, asked: _PageRequest) -> tuple[str, str]:
        request = _note_request(asked, self._catalogue)
        note = note_of(asked.knowledge, self._ledger, request)
        warning = "" if asked.completeness.is_complete else asked.completeness.text
        style_sheet = asset("../", "note.css")
        return HTML, note_html(note, "../", style_sheet=style_sheet, warning=warning)

    def _feed(self, asked: _PageRequest) -> tuple[str, str]:
        self._require_events()
        programme = _programme(asked, self._catalogue)
        feed = Feed(asked.knowledge, asked.view, programme, self._corrections)
        return ATOM, self._pages.feed(feed)

    def _calendar(self, asked: _PageRequest) -> tuple[str, str]:
        calendar = PromiseCalendar(
            asked.knowledge,
            asked.view,
            self._site.producers,
            _programme(asked, self._catalogue),
            self._producer(asked),
            self._site.root,
        )
        return ICALENDAR, calendar.text

    def _producer(self, asked: _PageRequest) -> Producer | None:
        """Return the requested producer; None for all."""
        name = asked.request.query_params.get("producer")
        if not name:
            return None
        found = self._site.producers.get(name)
        if found is None:
            raise not_found("producteur", name)
        return found

    def _departments_chart(self, asked: _PageRequest) -> EmbeddedChart:
        return departments_of(overview_of(asked.knowledge, asked.view), asked.view)

    def _promise_chart(self, asked: _PageRequest) -> EmbeddedChart:
        page = promise_of(asked.knowledge, self._indicator(asked), asked.view)
        chart = asked.request.path_params["chart"]
        if chart not in OF_PROMISE:
            raise not_found("graphique", chart)
        return OF_PROMISE[chart](page, asked.view)

    def _entity_feed(self, asked: _PageRequest) -> tuple[str, str]:
        self._require_events()
        found = self._events_of(asked, limit=1, offset=0)
        feed = entity_feed(self._ledger, found.key, found.name or found.key.entity, asked.view)
        return ATOM, self._pages.feed(feed, depth=_depth(asked.request))

    def _commune_feed(self, asked: _PageRequest) -> tuple[str, str]:
        self._require_events()
        commune = _commune_of(asked)
        feed = commune_feed(self._ledger, commune.code, commune.name, asked.view)
        return ATOM, self._pages.feed(feed, depth=_depth(asked.request))

    def _require_events(self) -> None:
        """Raise FiguresNotReadyError while events are read: a feed of some would be another one."""
        if not self._source.has_events():
            raise FiguresNotReadyError

    def _method(self, asked: _PageRequest) -> tuple[str, str]:
        return HTML, self._pages.method(asked.view)

    def _comparison(self, asked: _PageRequest) -> tuple[str, str]:
        compared = _compared(asked)
        return HTML, self._pages.comparison(compared, asked.view, asked.completeness)

    def _evidence(self, asked: _PageRequest) -> tuple[str, str]:
        part = _part(asked.request.query_params.get("part") or "all")
        page = self._entities(asked, part=part)
        return HTML, self._pages.entities("evidence.html", page, asked.view, asked.completeness)

    def _changes(self, asked: _PageRequest) -> tuple[str, str]:
        page = self._changed(asked)
        return HTML, self._pages.entities("changes.html", page, asked.view, asked.completeness)

    def _changed(self, asked: _PageRequest) -> EvidencePage:
        return self._entities(asked, since=_since(asked))

    def _entities(
        self, asked: _PageRequest, *, part: EvidencePart = "all", since: date | None = None
    ) -> EvidencePage:
        page = evidence_page(
            asked.knowledge,
            self._ledger,
            self._indicator(asked),
            asked.view,
            part=part,
            since=since,
            page=_number(asked.request.query_params.get("page")),
        )
        _require(page.paging)
        return page

    def _entity(self, asked: _PageRequest) -> tuple[str, str]:
        request, view = asked.request, asked.view
        number = _number(request.query_params.get("page"))
        found = self._events_of(asked, limit=ROWS, offset=(number - 1) * ROWS)
        paging = Paging(number, found.events)
        _require(paging)
        state = state_of(self._ledger, found.key, view)
        return HTML, self._pages.entity(found, state, paging, view, depth=_depth(request))

    def _events_of(self, asked: _PageRequest, *, limit: int, offset: int) -> EntityEvents:
        """Return events of the requested entity. Raises PageError for one that has none."""
        path = asked.request.path_params
        name, entity = path["family"], path["entity"]
        if name not in set(Family):
            raise not_found("sorte de faits", name)
        family, known_on = Family(name), asked.view.known_on
        try:
            found = events_of(self._ledger, family, entity, known_on, limit=limit, offset=offset)
        except PersonsNotShownError as error:
            raise not_found("personne", "…") from error
        if not found.events:
            if not self._source.has_events():
                raise FiguresNotReadyError
            raise not_found(french_words().entities[family], entity)
        return found

    def _search(self, asked: _PageRequest) -> tuple[str, str]:
        return HTML, self._pages.search(self._found(asked), asked.view, asked.completeness)

    def _found(self, asked: _PageRequest) -> SearchResults:
        text = asked.request.query_params.get("q", "")
        if len(text) > LONGEST_SEARCH:
            raise bad_request("q", text, f"écrire au plus {LONGEST_SEARCH} caractères")
        return search(self._ledger, text, asked.view.known_on)

    def _commune(self, asked: _PageRequest) -> tuple[str, str]:
        page = commune_page(asked.knowledge, self._ledger, _commune_of(asked), asked.view)
        return HTML, self._pages.commune(page, asked.view, asked.completeness)

    def _map(self, asked: _PageRequest) -> tuple[str, str]:
        indicator, view = self._indicator(asked), asked.view
        page = promise_of(asked.knowledge, indicator, view)
        found = self._mapped(indicator, view)
        if isinstance(found, Mapping):
            return HTML, self._pages.communes(page, found, view, asked.completeness)
        return HTML, self._pages.schools(page, found, view, asked.completeness)

    def _map_chart(self, asked: _PageRequest) -> EmbeddedChart:
        indicator, view = self._indicator(asked), asked.view
        page = promise_of(asked.knowledge, indicator, view)
        found = self._mapped(indicator, view)
        if isinstance(found, Mapping):
            return communes_of(page, found, view)
        return schools_of(page, found, view)

    def _mapped(
        self, indicator: Indicator, view: View
    ) -> Mapping[str, CommuneShare] | Sequence[MappedSchool]:
        """Return what a map shows: shares by commune, or lycées."""
        if indicator in communal_indicators(self._catalogue):
            return shares_by_commune(self._ledger, indicator, view)
        if indicator in ratios_by(self._catalogue, Family.SCHOOLS):
            return schools_on_map(self._ledger, indicator, view)
        raise not_found("carte", indicator.title)

    def _indicator(self, asked: _PageRequest) -> Indicator:
        name = asked.request.path_params["indicator"]
        try:
            indicator = self._catalogue.indicator(name)
        except UndeclaredError as error:
            raise not_found("indicateur", name) from error
        if indicator not in asked.knowledge.catalogue.indicators:
            message = (
                f"« {indicator.title} » n’est pas dans les chiffres de ce jour : la première page"
                " dit pourquoi"
            )
            raise PageError(message, LATER, "Ce chiffre n’est pas connu en ce moment")
        return indicator


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


def _depth(request: Request) -> int:
    """Return how many folders below the first page a browser takes a page to be.

    It sees the path as it was sent, where `%2F` is no slash.
    """
    raw: bytes = request.scope["raw_path"]
    return max(raw.count(b"/") - 1, 0)


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


def _part(text: str) -> EvidencePart:
    for part in PARTS:
        if part == text:
            return part
    raise bad_request("part", text, f"choisir parmi {', '.join(PARTS)}")


def _number(text: str | None) -> int:
    if not text:
        return 1
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MOST_PAGES:
        raise bad_request("page", text, f"écrire un nombre de 1 à {MOST_PAGES}")
    return int(text[:9])


def _require(paging: Paging) -> None:
    """Raise PageError for a page after the last."""
    if paging.page > paging.last:
        raise not_found("page de la liste", str(paging.page))


def _note_request(asked: _PageRequest, catalogue: Catalogue) -> NoteRequest:
    view, text = asked.view, asked.request.path_params["month"]
    try:
        month = Month.parse(text)
    except ValueError:
        raise bad_request("mois", text, "écrire un mois, par exemple 2019-03") from None
    if not FIRST_DAY <= month.until < view.today:
        last = Month.before(view.today)
        raise bad_request("mois", text, f"choisir un mois terminé, jusqu’à {last}")
    known_on = view.known_on or view.today
    if known_on < month.until:
        raise bad_request(KNOWN_ON, str(known_on), f"choisir un jour depuis le {month.until}")
    return NoteRequest(month, known_on, _programme(asked, catalogue))


def _commune_of(asked: _PageRequest) -> CommuneOutline:
    code = asked.request.path_params["code"]
    commune = communes().get(code)
    if commune is None:
        raise not_found("commune", code)
    return commune


def _programme(asked: _PageRequest, catalogue: Catalogue) -> Programme | None:
    """Return the requested programme; None for all."""
    name = asked.request.query_params.get("programme")
    if not name:
        return None
    found = next((one for one in catalogue.programmes if one.id == name), None)
    if found is None:
        raise not_found("programme", name)
    return found


def _overview(asked: _PageRequest) -> Overview:
    return overview_of(asked.knowledge, asked.view)


def _compared(asked: _PageRequest) -> Comparison:
    return comparison_of(asked.knowledge, asked.view, _since(asked))


def _since(asked: _PageRequest) -> date:
    """Return the day to compare with: the requested one, else that of a month before."""
    since = parse_day("since", asked.request.query_params.get("since"), asked.view.today)
    return since or asked.view.as_of - timedelta(days=CHANGE_DAYS)
