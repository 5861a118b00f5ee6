"""The routes of the page: read-only, with strict headers, and bounds on what is made at once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from importlib.resources import files
from itertools import count
from typing import Final, NamedTuple, Protocol, TypeAlias

from aiohttp import web

from catalogue.errors import UndeclaredError
from catalogue.judgement import CHANGE_DAYS
from catalogue.model import Catalogue, Indicator
from events.fact import Family
from events.record_rules import RULES, RecordRules
from report.compare import comparison_of
from report.completeness import Completeness
from report.data import csv_text, json_text, rows_of
from report.errors import (
    BadRequestError,
    BusyError,
    FiguresNotReadyError,
    NotFoundError,
    NotJudgedError,
    PageError,
)
from report.evidence import EvidencePart, PersonsNotShownError
from report.evidence_pages import PARTS, Paging, changes_page, entity_page, evidence_page
from report.knowledge import Knowledge
from report.ledger import EventLedger
from report.overview import overview_of
from report.promise import promise_of
from report.rendering import STATIC, Pages
from report.slots import Slots
from report.view import View, parse_day, parse_view, told_of

logger = logging.getLogger(__name__)

Known: TypeAlias = "tuple[Knowledge, Completeness]"
_Make: TypeAlias = "Callable[[_Asked], tuple[str, str]]"
_Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

HTML: Final = "text/html"
CSV: Final = "text/csv"
JSON: Final = "application/json"

MOST_AT_ONCE: Final = 4
"""How many pages of today's figures are made at the same time."""
MOST_WAITING: Final = 64
"""How many requests wait for that; those beyond are answered at once."""
MOST_PAST_AT_ONCE: Final = 2
"""How many pages of past days, of comparisons and of evidence are made at the same time."""
MOST_PAST_WAITING: Final = 32
"""How many requests wait for that; those beyond are answered at once."""
MOST_COMPUTED_AT_ONCE: Final = 1
"""How many past days are computed at the same time, before their pages are made."""
MOST_COMPUTED_WAITING: Final = 8
"""How many requests wait for that; those beyond are answered at once."""
PAST_WAIT_SECONDS: Final = 20.0
"""How long a request waits for either."""
TOO_MUCH_PAST: Final = "trop de jours passés, de comparaisons ou de preuves sont demandés"
MOST_STREAMS: Final = 300
"""How many open pages follow changes at once; others see them when they reload. Together with the
requests that may wait, they are fewer than the connections of `WebConnections`."""
KEEP_ALIVE_SECONDS: Final = 15
RETRY_SECONDS: Final = 5
STATIC_SECONDS: Final = 31_536_000
MOST_PAGES: Final = 100_000

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


class KnowledgeSource(Protocol):
    """Where the figures come from, each time with whether they are complete."""

    def now(self) -> Known | None:
        """Return what is known now; None while nothing is."""

    def kept(self, day: date, /) -> Known | None:
        """Return what was known at the end of a past day, where that needs no computing."""

    def known_on(self, day: date, /) -> Known:
        """Return what was known at the end of a past day; it may take seconds."""

    def has_events(self) -> bool:
        """Return whether the events that were there at the start have been read."""


class _Asked(NamedTuple):
    """A request and the figures that answer it."""

    request: web.Request
    view: View
    knowledge: Knowledge
    completeness: Completeness


class PageServer:
    """Answers the requests of readers; pages are made in threads, a few at a time.

    Pages of past days, comparisons and evidence wait in a queue of their own, so that their readers
    do not take the places of others; what was known on a past day is computed in a third one.
    `version` is another number after each change of what is known now.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        ledger: EventLedger,
        source: KnowledgeSource,
        today: Callable[[], date],
        version: Callable[[], int],
        rules: RecordRules = RULES,
    ) -> None:
        self._catalogue = catalogue
        self._ledger = ledger
        self._source = source
        self._today = today
        self._version = version
        self._streams = 0
        self._closing = False
        self._pages = Pages(catalogue, rules)
        self._turns = Slots(at_once=MOST_AT_ONCE, waiting=MOST_WAITING)
        past = partial(Slots, seconds=PAST_WAIT_SECONDS, busy=partial(BusyError, TOO_MUCH_PAST))
        self._past_turns = past(at_once=MOST_PAST_AT_ONCE, waiting=MOST_PAST_WAITING)
        self._computing = past(at_once=MOST_COMPUTED_AT_ONCE, waiting=MOST_COMPUTED_WAITING)
        self.answers: Counter[int] = Counter()
        """How many answers there were, by status."""
        self._static = {
            name: files("report").joinpath("static", name).read_bytes() for name in STATIC
        }

    def extend(self, app: web.Application) -> None:
        """Add the routes to an application."""
        app.middlewares.append(self._with_headers)
        app.on_shutdown.append(self._close)
        app.on_cleanup.append(self._end_work)
        looking_back = partial(self._page, looks_back=True)
        app.add_routes(
            [
                web.get("/", self._page(self._overview)),
                web.get("/donnees.csv", self._page(self._overview_csv)),
                web.get("/donnees.json", self._page(self._overview_json)),
                web.get("/methode", self._page(self._method)),
                web.get("/comparaison", looking_back(self._comparison)),
                web.get("/promesses/{indicator}.csv", self._page(self._promise_csv)),
                web.get("/promesses/{indicator}.json", self._page(self._promise_json)),
                web.get("/promesses/{indicator}", self._page(self._promise)),
                web.get("/promesses/{indicator}/preuves", looking_back(self._evidence)),
                web.get("/promesses/{indicator}/changements", looking_back(self._changes)),
                web.get("/entites/{family}/{entity:.+}", looking_back(self._entity)),
                # A stream without a body has no end.
                web.get("/changements", self._stream, allow_head=False),
                web.get("/static/{name}", self._asset),
            ]
        )

    async def _close(self, _: web.Application) -> None:
        """End the streams: otherwise the server waits for their readers."""
        self._closing = True

    async def _end_work(self, _: web.Application) -> None:
        """Wait for the threads: the ledger is closed after them."""
        for slots in (self._turns, self._past_turns, self._computing):
            await slots.close()

    def _page(self, make: _Make, *, looks_back: bool = False) -> _Handler:
        """Return the handler of a page: `make` returns its media type and its content.

        One that `looks_back` at events or other days waits with those of past days.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            # Figures that come while the page is made are another version to it.
            view = parse_view(request.query, self._today(), self._version())
            past = view.past_knowledge
            known = None if past is None else await self._known_on(past)
            turns = self._turns if view.is_now and not looks_back else self._past_turns
            media_type, content = await turns.run(partial(self._made, make, request, view, known))
            return _answer(request, media_type, content.encode())

        return handle

    async def _known_on(self, day: date) -> Known:
        """Return what was known at the end of a past day; only what is not kept takes a turn."""
        kept = await self._past_turns.run(partial(self._source.kept, day))
        if kept is not None:
            return kept
        return await self._computing.run(partial(self._source.known_on, day))

    def _made(
        self, make: _Make, request: web.Request, view: View, known: Known | None
    ) -> tuple[str, str]:
        """Return the page of what is known now, or of what was `known` on a past day."""
        known = known or self._source.now()
        if known is None:
            raise FiguresNotReadyError
        return make(_Asked(request, view, *known))

    @web.middleware
    async def _with_headers(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Add the headers, and answer errors with a page."""
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = self._error(request, _of_http(error), dict(error.headers))
        except PageError as error:
            response = self._error(request, error, {})
        except Exception:
            logger.exception("page failed path=%r", request.path)
            response = self._error(request, PageError("l’exploitant est alerté : réessayer"), {})
        if not response.prepared:
            response.headers.update(HEADERS)
        self.answers[response.status] += 1
        return response

    def _error(
        self, request: web.Request, error: PageError, headers: dict[str, str]
    ) -> web.Response:
        kept = {name: value for name, value in headers.items() if name == "Allow"}
        if error.status == BusyError.status:
            kept["Retry-After"] = str(RETRY_SECONDS)
        return web.Response(
            text=self._pages.error(error, depth=_depth(request)),
            status=error.status,
            content_type=HTML,
            headers=kept,
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Send the number of the figures' version when it changes (Server-Sent Events)."""
        if self._streams >= MOST_STREAMS:
            raise BusyError
        self._streams += 1
        # nginx would keep what is told until it fills a buffer.
        told = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(headers={**HEADERS, **told})
        response.content_type = "text/event-stream"
        try:
            await response.prepare(request)
            sent: str | None = None
            for second in count():
                now = told_of(self._version(), self._today())
                if now != sent:
                    sent = now
                    await response.write(f"data: {now}\n\n".encode())
                elif second % KEEP_ALIVE_SECONDS == 0:
                    await response.write(b":\n\n")
                await asyncio.sleep(1)
                if self._closing or request.transport is None:
                    break  # The server ends, or the reader has left.
        except ConnectionResetError:
            pass  # The reader leaves at this moment.
        finally:
            self._streams -= 1
        return response

    async def _asset(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        content = self._static.get(name)
        if content is None:
            raise NotFoundError("fichier", name)
        headers = {"Cache-Control": f"public, max-age={STATIC_SECONDS}, immutable"}
        return web.Response(
            body=content, content_type=STATIC[name], charset="utf-8", headers=headers
        )

    def _overview(self, asked: _Asked) -> tuple[str, str]:
        overview = overview_of(asked.knowledge, asked.view)
        return HTML, self._pages.overview(overview, asked.view, asked.completeness)

    def _overview_csv(self, asked: _Asked) -> tuple[str, str]:
        return CSV, csv_text(self._overview_rows(asked))

    def _overview_json(self, asked: _Asked) -> tuple[str, str]:
        return JSON, json_text(self._overview_rows(asked))

    def _overview_rows(self, asked: _Asked) -> list[dict[str, object]]:
        overview = overview_of(asked.knowledge, asked.view)
        standings = [row.standing for group in overview.groups for row in group.rows]
        others = [row for row in overview.departments if row.key != asked.view.territory]
        cells = (one for row in others for one in row.cells)
        return rows_of([*standings, *cells], asked.view, asked.completeness)

    def _promise(self, asked: _Asked) -> tuple[str, str]:
        page = promise_of(asked.knowledge, self._indicator(asked), asked.view)
        return HTML, self._pages.promise(page, asked.view, asked.completeness)

    def _promise_csv(self, asked: _Asked) -> tuple[str, str]:
        return CSV, csv_text(self._promise_rows(asked))

    def _promise_json(self, asked: _Asked) -> tuple[str, str]:
        return JSON, json_text(self._promise_rows(asked))

    def _promise_rows(self, asked: _Asked) -> list[dict[str, object]]:
        indicator = self._indicator(asked)
        standings = [
            one
            for department in indicator.territories
            for one in asked.knowledge.of(indicator, department, asked.view.as_of)
        ]
        return rows_of(standings, asked.view, asked.completeness)

    def _method(self, asked: _Asked) -> tuple[str, str]:
        return HTML, self._pages.method(asked.view)

    def _comparison(self, asked: _Asked) -> tuple[str, str]:
        comparison = comparison_of(asked.knowledge, asked.view, _since(asked))
        return HTML, self._pages.comparison(comparison, asked.view, asked.completeness)

    def _evidence(self, asked: _Asked) -> tuple[str, str]:
        page = evidence_page(
            asked.knowledge,
            self._ledger,
            self._indicator(asked),
            asked.view,
            part=_part(asked.request.query.get("part") or "all"),
            page=_number(asked.request.query.get("page")),
        )
        _require(page.paging)
        return HTML, self._pages.evidence(page, asked.view, asked.completeness)

    def _changes(self, asked: _Asked) -> tuple[str, str]:
        page = changes_page(
            asked.knowledge,
            self._ledger,
            self._indicator(asked),
            asked.view,
            since=_since(asked),
            page=_number(asked.request.query.get("page")),
        )
        _require(page.paging)
        return HTML, self._pages.changes(page, asked.view, asked.completeness)

    def _entity(self, asked: _Asked) -> tuple[str, str]:
        request, view = asked.request, asked.view
        name, entity = request.match_info["family"], request.match_info["entity"]
        if name not in set(Family):
            raise NotFoundError("sorte de faits", name)
        number = _number(request.query.get("page"))
        try:
            page = entity_page(self._ledger, Family(name), entity, view, page=number)
        except PersonsNotShownError as error:
            raise NotFoundError("personne", "…") from error
        if not page.found.events:
            if not self._source.has_events():
                raise FiguresNotReadyError
            raise NotFoundError(page.kind, entity)
        _require(page.paging)
        return HTML, self._pages.entity(page, view, depth=_depth(request))

    def _indicator(self, asked: _Asked) -> Indicator:
        name = asked.request.match_info["indicator"]
        try:
            indicator = self._catalogue.indicator(name)
        except UndeclaredError as error:
            raise NotFoundError("indicateur", name) from error
        if indicator not in asked.knowledge.catalogue.indicators:
            raise NotJudgedError(indicator.title)
        return indicator


def _answer(request: web.Request, media_type: str, body: bytes) -> web.Response:
    """Return a page, or that the reader's copy of it is still right."""
    tag = sha256(body).hexdigest()[:32]
    # A cache that several readers share may have it compressed.
    headers = {"Cache-Control": "no-cache", "ETag": f'"{tag}"', "Vary": "Accept-Encoding"}
    if any(one.value in (tag, "*") for one in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    response = web.Response(body=body, content_type=media_type, charset="utf-8", headers=headers)
    response.enable_compression()
    return response


def _depth(request: web.Request) -> int:
    """Return how many folders below the first page a browser takes a page to be.

    It sees the path as it was sent, where `%2F` is no slash.
    """
    return max(request.rel_url.raw_path.count("/") - 1, 0)


def _of_http(error: web.HTTPException) -> PageError:
    """Return the page's error for one of the server's."""
    if error.status == NotFoundError.status:
        return NotFoundError("page", "…")
    found = PageError("cette demande ne peut pas être servie : revenir aux promesses")
    found.status = error.status
    return found


def _part(text: str) -> EvidencePart:
    for part in PARTS:
        if part == text:
            return part
    raise BadRequestError("part", text, f"choisir parmi {', '.join(PARTS)}")


def _number(text: str | None) -> int:
    if not text:
        return 1
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MOST_PAGES:
        raise BadRequestError("page", text, f"écrire un nombre de 1 à {MOST_PAGES}")
    return int(text[:9])


def _require(paging: Paging) -> None:
    """Raise NotFoundError for a page after the last."""
    if paging.page > paging.last:
        raise NotFoundError("page de la liste", str(paging.page))


def _since(asked: _Asked) -> date:
    """Return the day to compare with: the one asked for, else that of a month before."""
    since = parse_day("since", asked.request.query.get("since"), asked.view.today)
    return since or asked.view.as_of - timedelta(days=CHANGE_DAYS)
