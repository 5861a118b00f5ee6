"""What each address of the page shows: its media type and its content."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, Final

from catalogue.model import Catalogue, Indicator
from events.fact import Family
from events.producers.model import Producer
from report.calendars import ICALENDAR, PromiseCalendar
from report.compare import Comparison, comparison_of
from report.corrections import Corrections
from report.data import (
    CSVW,
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
    EmbeddedChart,
    communes_of,
    departments_of,
    schools_of,
)
from report.errors import FiguresNotReadyError, not_found
from report.evidence import EntityEvents, EvidencePart, PersonsNotShownError, events_of
from report.evidence_pages import ROWS, EvidencePage, Paging, evidence_page
from report.feeds import ATOM, Feed
from report.ledger import EventLedger
from report.note.content import note_of
from report.note.output import note_html
from report.overview import Overview, overview_of
from report.page_request import PageRequest
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
from report.rendering import Pages, asset
from report.school_map import MappedSchool, schools_on_map
from report.site import PageSite
from report.words import french_words

HTML: Final = "text/html"
CSV: Final = "text/csv"
JSON: Final = "application/json"
PACKAGE: Final = "application/vnd.datapackage+json"
DATA: Final[Mapping[str, tuple[str, Callable[[Iterable[Mapping[str, Any]]], str]]]] = {
    "csv": (CSV, table_text),
    "json": (JSON, json_text),
}
"""The media type of each form of data, and what writes it."""


class PageContents:
    """Makes the contents of all addresses: pages, data, feeds and charts.

    `has_events` says whether the events that were there at the start have been read.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        ledger: EventLedger,
        site: PageSite,
        pages: Pages,
        has_events: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._site = site
        self._has_events = has_events
        self._pages = pages
        self._corrections = Corrections(ledger, catalogue)

    def overview_found(self, asked: PageRequest) -> Overview:
        """Return what the first page shows."""
        return overview_of(asked.knowledge, asked.view)

    def _promise(self, asked: PageRequest) -> PromisePage:
        return promise_of(asked.knowledge, asked.indicator, asked.view)

    def overview(self, asked: PageRequest) -> tuple[str, str]:
        """Return the first page."""
        return HTML, self._pages.overview(self.overview_found(asked), asked)

    def figures(self, form: str, asked: PageRequest) -> tuple[str, str]:
        """Return the figures of an indicator, or those of the first page, as data."""
        knowledge, view = asked.knowledge, asked.view
        media_type, text_of = DATA[form]
        if asked.is_of_indicator:
            return media_type, text_of(self._rows(asked, asked.indicator))
        overview = overview_of(knowledge, view)
        others = [row for row in overview.departments if row.key != view.territory]
        standings = [row.standing for group in overview.groups for row in group.rows]
        standings += [one for row in others for one in row.cells]
        return media_type, text_of(rows_of(standings, view, asked.completeness))

    def _rows(self, asked: PageRequest, indicator: Indicator) -> list[dict[str, Any]]:
        """Return the figures of an indicator in every territory."""
        standings = (
            one
            for department in indicator.territories
            for one in asked.knowledge.of(indicator, department, asked.view.as_of)
        )
        return rows_of(standings, asked.view, asked.completeness)

    def metadata(self, asked: PageRequest) -> tuple[str, str]:
        """Return what the columns of a CSV mean."""
        query = asked.view.query()
        if not asked.is_of_indicator:
            return CSVW, csvw_text("donnees.csv", query, **OVERVIEW)
        one = asked.indicator
        return CSVW, csvw_text(f"{one.id}.csv", query, one.title, one.definition)

    def package(self, asked: PageRequest) -> tuple[str, str]:
        """Return an indicator with what its columns mean, as a Data Package."""
        indicator = asked.indicator
        return PACKAGE, package_text(self._rows(asked, indicator), indicator, asked.view)

    def dcat(self, form: str, asked: PageRequest) -> tuple[str, str]:
        """Return the catalogue of indicators for portals of open data, in a form."""
        media_type, text_of = CATALOGUES[form]
        graph = catalogue_of(asked.catalogue, asked.knowledge, asked.view, self._site.owners)
        return media_type, text_of(graph)

    def promise(self, asked: PageRequest) -> tuple[str, str]:
        """Return the page of a promise."""
        return HTML, self._pages.promise(self._promise(asked), asked)

    def milestones(self, asked: PageRequest) -> PromisePage:
        """Return a promise with its milestones, or with the one that is named."""
        page = self._promise(asked)
        named = asked.milestone
        if not named:
            return page
        found = [one for one in page.milestones if one.milestone and one.milestone.id == named]
        if not found:
            raise not_found("jalon", named)
        return replace(page, milestones=tuple(found))

    def note(self, asked: PageRequest) -> tuple[str, str]:
        """Return a month as a page."""
        note = note_of(asked.knowledge, self._ledger, asked.note)
        warning = "" if asked.completeness.is_complete else asked.completeness.text
        style_sheet = asset("../", "note.css")
        return HTML, note_html(note, "../", style_sheet=style_sheet, warning=warning)

    def feed(self, asked: PageRequest) -> tuple[str, str]:
        """Return what changed, of all, a programme or a territory."""
        self._require_events()
        feed = Feed(asked.knowledge, asked.view, asked.programme, self._corrections)
        return ATOM, self._pages.feed(feed)

    def calendar(self, asked: PageRequest) -> tuple[str, str]:
        """Return the days of milestones, and of reports that are due."""
        calendar = PromiseCalendar(
            asked.knowledge,
            asked.view,
            self._site.producers,
            asked.programme,
            self._producer(asked),
            self._site.root,
        )
        return ICALENDAR, calendar.text

    def _producer(self, asked: PageRequest) -> Producer | None:
        """Return the requested producer; None for all."""
        if not asked.producer:
            return None
        found = self._site.producers.get(asked.producer)
        if found is None:
            raise not_found("producteur", asked.producer)
        return found

    def departments_chart(self, asked: PageRequest) -> EmbeddedChart:
        """Return the map of the départements."""
        return _drawn(departments_of(overview_of(asked.knowledge, asked.view), asked.view))

    def promise_chart(self, asked: PageRequest) -> EmbeddedChart:
        """Return a chart of a promise by its name."""
        page = self._promise(asked)
        if asked.chart not in OF_PROMISE:
            raise not_found("graphique", asked.chart)
        return OF_PROMISE[asked.chart](page, asked.view)

    def entity_feed(self, asked: PageRequest) -> tuple[str, str]:
        """Return the feed of an entity."""
        self._require_events()
        found = self._events_of(asked, limit=1, offset=0)
        feed = entity_feed(self._ledger, found.key, found.name or found.key.entity, asked.view)
        return ATOM, self._pages.feed(feed, depth=asked.depth)

    def commune_feed(self, asked: PageRequest) -> tuple[str, str]:
        """Return the feed of a commune."""
        self._require_events()
        feed = commune_feed(self._ledger, asked.commune.code, asked.commune.name, asked.view)
        return ATOM, self._pages.feed(feed, depth=asked.depth)

    def _require_events(self) -> None:
        """Raise FiguresNotReadyError while events are read: a feed of some would be another one."""
        if not self._has_events():
            raise FiguresNotReadyError

    def method(self, asked: PageRequest) -> tuple[str, str]:
        """Return how figures are made."""
        return HTML, self._pages.method(asked)

    def comparison(self, asked: PageRequest) -> tuple[str, str]:
        """Return the page of two days."""
        return HTML, self._pages.comparison(self.compared(asked), asked)

    def compared(self, asked: PageRequest) -> Comparison:
        """Return all promises on two days."""
        return comparison_of(asked.knowledge, asked.view, asked.since)

    def evidence(self, asked: PageRequest) -> tuple[str, str]:
        """Return the entities behind a figure, as a page."""
        page = self._entities(asked, part=asked.part)
        return HTML, self._pages.entities("evidence.html", page, asked)

    def changes(self, asked: PageRequest) -> tuple[str, str]:
        """Return the entities that changed a figure, as a page."""
        return HTML, self._pages.entities("changes.html", self.changed(asked), asked)

    def changed(self, asked: PageRequest) -> EvidencePage:
        """Return the entities that changed a figure between two days."""
        return self._entities(asked, since=asked.since)

    def _entities(
        self, asked: PageRequest, *, part: EvidencePart = "all", since: date | None = None
    ) -> EvidencePage:
        page = evidence_page(
            asked.knowledge,
            self._ledger,
            asked.indicator,
            asked.view,
            part=part,
            since=since,
            page=asked.page_number,
        )
        _require(page.paging)
        return page

    def entity(self, asked: PageRequest) -> tuple[str, str]:
        """Return the page of an entity."""
        number = asked.page_number
        found = self._events_of(asked, limit=ROWS, offset=(number - 1) * ROWS)
        paging = Paging(number, found.events)
        _require(paging)
        state = state_of(self._ledger, found.key, asked.view)
        return HTML, self._pages.entity(found, state, paging, asked)

    def _events_of(self, asked: PageRequest, *, limit: int, offset: int) -> EntityEvents:
        """Return events of the requested entity. Raises PageError for one that has none."""
        (family, entity), known_on = asked.entity, asked.view.known_on
        try:
            found = events_of(self._ledger, family, entity, known_on, limit=limit, offset=offset)
        except PersonsNotShownError as error:
            raise not_found("personne", "…") from error
        if not found.events:
            if not self._has_events():
                raise FiguresNotReadyError
            raise not_found(french_words().entities[family], entity)
        return found

    def search(self, asked: PageRequest) -> tuple[str, str]:
        """Return what a search finds, as a page."""
        return HTML, self._pages.search(self.found(asked), asked)

    def found(self, asked: PageRequest) -> SearchResults:
        """Return what a search finds."""
        return search(self._ledger, asked.sought, asked.view.known_on)

    def commune(self, asked: PageRequest) -> tuple[str, str]:
        """Return the page of a commune."""
        page = commune_page(asked.knowledge, self._ledger, asked.commune, asked.view)
        return HTML, self._pages.commune(page, asked)

    def map(self, asked: PageRequest) -> tuple[str, str]:
        """Return the map of a promise, as a page."""
        page, found = self._promise(asked), self._mapped(asked)
        if isinstance(found, Mapping):
            return HTML, self._pages.communes(page, found, asked)
        return HTML, self._pages.schools(page, found, asked)

    def map_chart(self, asked: PageRequest) -> EmbeddedChart:
        """Return the map of a promise."""
        page, found = self._promise(asked), self._mapped(asked)
        if isinstance(found, Mapping):
            return _drawn(communes_of(page, found, asked.view))
        return _drawn(schools_of(page, found, asked.view))

    def _mapped(self, asked: PageRequest) -> Mapping[str, CommuneShare] | Sequence[MappedSchool]:
        """Return what a map shows: shares by commune, or lycées."""
        indicator, view = asked.indicator, asked.view
        if indicator in communal_indicators(asked.catalogue):
            return shares_by_commune(self._ledger, indicator, view)
        if indicator in ratios_by(asked.catalogue, Family.SCHOOLS):
            return schools_on_map(self._ledger, indicator, view)
        raise not_found("carte", indicator.title)

    def frame(self, chart: EmbeddedChart, asked: PageRequest) -> tuple[str, str]:
        """Return a chart as a page for frames."""
        return HTML, self._pages.frame(chart, asked)


def _drawn(chart: EmbeddedChart) -> EmbeddedChart:
    """Return a map. Raises PageError where the territory has no outlines."""
    if not chart.drawn:
        raise not_found("carte", chart.title)
    return chart


def _require(paging: Paging) -> None:
    """Raise PageError for a page after the last."""
    if paging.page > paging.last:
        raise not_found("page de la liste", str(paging.page))
