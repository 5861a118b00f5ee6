"""Pages as HTML: Jinja2's templates, relative links, and the charts in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from catalogue.explanations import Explanation
from catalogue.formatting import NO_BREAK, STATUSES, count_text, day_text, days_text
from catalogue.model import Catalogue
from catalogue.progress import MilestoneStatus
from catalogue.territories import REGION_NAME
from events.fact import Family
from events.identifiers import FIRST_DAY
from report.charts.commune_map import (
    CLASSES,
    CommuneOutline,
    codes_within,
    commune_map,
    communes,
)
from report.charts.svg import plain
from report.compare import Comparison
from report.embedding import EmbeddedChart
from report.errors import FiguresNotReadyError, PageError
from report.evidence import EntityEvents
from report.evidence_pages import PARTS, EvidencePage, Paging
from report.feeds import Feed
from report.note.month import Month
from report.note.output import note_style
from report.overview import Overview, PromiseRow
from report.page_request import PageRequest
from report.pictures import (
    IN_TABLE,
    bars_of,
    communes_map,
    history_chart,
    map_of,
    progress_of,
    schools_map,
    share_text,
    shares_of,
    sparkline_of,
)
from report.place_feeds import PlaceFeed
from report.places import (
    LEAST_CHARACTERS,
    CommunePage,
    CommuneShare,
    EntityState,
    SearchResults,
    communal_indicators,
    ratios_by,
)
from report.promise import PromisePage
from report.school_map import MappedSchool
from report.site import PageSite
from report.standing import amount_text, attribution, moved_text, territory_text
from report.view import AS_OF
from report.words import EntityKey, content_items, entity_name, french_words

STATIC: Final[Mapping[str, str]] = {
    "page.css": "text/css",
    "charts.css": "text/css",
    "note.css": "text/css",
    "icon.svg": "image/svg+xml",
    "page.js": "text/javascript",
}
"""The files that pages load, by name, with their media type."""

MEANINGS: Final[Mapping[str, str]] = {
    MilestoneStatus.ACHIEVED: "La cible est atteinte ce jour-là.",
    MilestoneStatus.ON_TRACK: "Au rythme observé, la cible sera atteinte avant l’échéance.",
    MilestoneStatus.UNREPORTED: "Les relevés attendus ne sont pas arrivés.",
    MilestoneStatus.AT_RISK: "Au rythme observé, la cible ne sera pas atteinte à l’échéance.",
    MilestoneStatus.MISSED: "L’échéance est passée et la cible n’est pas atteinte.",
}


class Pages:
    """Renders every page. `root` leads from a page to the first one: `./` or `../` as needed."""

    def __init__(self, catalogue: Catalogue, site: PageSite | None = None) -> None:
        """Create it for a site."""
        self._catalogue = catalogue
        self._site = site or PageSite()
        self._environment = Environment(
            loader=PackageLoader("report"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_shown,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {
            "FIRST_DAY": FIRST_DAY,
            "REGION_NAME": REGION_NAME,
            "day": day_text,
            "count": count_text,
            "days": days_text,
            "instant": _instant,
            "attribution": attribution,
            "entities": french_words().entities,
            "territory_text": territory_text,
        }

    def overview(self, overview: Overview, asked: PageRequest) -> str:
        """Return the first page."""
        as_of = asked.view.as_of

        def spark(row: PromiseRow) -> Markup:
            return Markup(sparkline_of(row.standing, as_of))  # noqa: S704 - our own SVG

        def progress(row: PromiseRow) -> Markup:
            return Markup(progress_of(row.standing))  # noqa: S704 - our own SVG

        return self._render(
            "overview.html",
            asked,
            section="overview",
            overview=overview,
            spark=spark,
            progress=progress,
            region_map=Markup(  # noqa: S704 - our own SVG
                map_of(
                    overview.departments,
                    as_of,
                    "Les mêmes états sont dans le tableau à côté.",
                    _Links(asked),
                )
            ),
        )

    def promise(self, page: PromisePage, asked: PageRequest) -> str:
        """Return the page of a promise; figures that are not complete are said to be so."""
        links = _Links(asked)

        def explanation_link(one: Explanation) -> str:
            return links(EntityKey(Family.EXPLANATIONS, one.entity).path)

        return self._render(
            "promise.html",
            asked,
            section="promise",
            page=page,
            question=self._site.question(page, asked.view),
            has_map=page.indicator in communal_indicators(self._catalogue),
            has_schools=page.indicator in ratios_by(self._catalogue, Family.SCHOOLS),
            explanation_link=explanation_link,
            chart=Markup(history_chart(page.standing, asked.view.as_of)),  # noqa: S704 - our own SVG
            bars=Markup(bars_of(page, links)),  # noqa: S704 - our own SVG
        )

    def comparison(self, comparison: Comparison, asked: PageRequest) -> str:
        """Return the page of two days."""
        return self._render(
            "comparison.html",
            asked,
            section="compare",
            comparison=comparison,
            kept={"since": comparison.since, AS_OF: comparison.until},
        )

    def entities(self, template: str, page: EvidencePage, asked: PageRequest) -> str:
        """Return the page of the entities behind a figure or a change, by one of two templates."""
        indicator = page.standing.indicator
        own = {"part": page.part} if page.since is None else {"since": page.since}
        return self._render(
            template,
            asked,
            section="evidence",
            page=page,
            kept={**own, "page": page.paging.page},
            parts=PARTS.items(),
            amount=partial(amount_text, indicator),
            signed_amount=partial(moved_text, indicator),
            name_of=lambda row: entity_name(row.key, row.name),
        )

    def entity(
        self, found: EntityEvents, state: EntityState, paging: Paging, asked: PageRequest
    ) -> str:
        """Return the page of an entity's events."""
        words = french_words()
        return self._render(
            "entity.html",
            asked,
            section="evidence",
            completeness=None,
            found=found,
            state=state,
            paging=paging,
            kind=words.entities[found.key.family],
            name=(name := entity_name(found.key, found.name)),
            path=found.key.path,
            place_feed=(found.key.path, name),
            kept={"page": paging.page},
            facts=words.facts,
            standings=words.standings,
            content_items=content_items,
        )

    def search(self, found: SearchResults, asked: PageRequest) -> str:
        """Return what a search finds."""
        return self._render(
            "search.html",
            asked,
            section="search",
            found=found,
            kept={"q": found.asked},
            least=LEAST_CHARACTERS,
        )

    def commune(self, page: CommunePage, asked: PageRequest) -> str:
        """Return the page of a commune."""
        within = codes_within(page.department)
        name, figure = page.commune.name, next(iter(page.figures), None)
        drawn = commune_map(
            "carte",
            f"Où est {name}" if figure is None else f"{name} : {figure.indicator.title}",
            f"{name} est entourée, parmi les communes de son département.",
            {} if figure is None else shares_of(figure.shares),
            within=within,
            chosen=page.commune.code,
        )
        return self._render(
            "commune.html",
            asked,
            place_feed=(f"communes/{page.commune.code}", name),
            section="search",
            page=page,
            drawn=Markup(drawn),  # noqa: S704 - our own SVG
        )

    def communes(
        self, page: PromisePage, found: Mapping[str, CommuneShare], asked: PageRequest
    ) -> str:
        """Return the map of a ratio by commune: of the Région, or of a département with links."""
        view, standing, known = asked.view, page.standing, communes()
        shares = shares_of(found)
        within = None if view.department is None else codes_within(view.department)

        def text(code: str) -> str:
            return share_text(standing, shares.get(code))

        def least_first(one: CommuneOutline) -> tuple[float, str]:
            return shares.get(one.code, -1), one.name

        drawn = communes_map(page, shares, view, IN_TABLE, _Links(asked))
        return self._render(
            "communes.html",
            asked,
            section="evidence",
            page=page,
            drawn=Markup(drawn),  # noqa: S704 - our own SVG
            communes=sorted((known[code] for code in within or ()), key=least_first),
            text=text,
            classes=[
                (number, f"de {20 * number - 20} à {less}{20 * number}{NO_BREAK}%")
                for number in range(1, CLASSES + 1)
                for less in ("" if number == CLASSES else "moins de ",)
            ],
        )

    def schools(self, page: PromisePage, found: Sequence[MappedSchool], asked: PageRequest) -> str:
        """Return the map of a promise's lycées: of the Région, or of a département with links."""
        table = "Les mêmes lycées sont dans le tableau."
        drawn = schools_map(page, found, asked.view, table, _Links(asked))
        return self._render(
            "schools.html",
            asked,
            section="evidence",
            page=page,
            drawn=Markup(drawn),  # noqa: S704 - our own SVG
            schools=found,
        )

    def feed(self, feed: Feed | PlaceFeed, *, depth: int = 0) -> str:
        """Return a feed as an Atom document (RFC 4287), `depth` folders below the first page.

        Its links are relative, as in pages.
        """
        root = "../" * depth or "./"
        return self._environment.get_template("feed.atom").render(feed=feed, root=root)

    def frame(self, chart: EmbeddedChart, asked: PageRequest) -> str:
        """Return a chart as a page for frames."""
        links = _Links(asked)
        return self._environment.get_template("frame.html").render(
            view=asked.view,
            chart=chart,
            completeness=asked.completeness,
            drawn=Markup(chart.drawn),  # noqa: S704 - our own SVG
            asset=lambda name: asset(links.root, name),
            permalink=f"{links.plain(chart.path)}{asked.view.permanent()}",
        )

    def method(self, asked: PageRequest) -> str:
        """Return the page that explains the figures."""
        return self._render(
            "method.html",
            asked,
            section="method",
            completeness=None,
            programmes=self._catalogue.programmes,
            statuses=sorted(STATUSES.items(), key=lambda one: -one[1].severity),
            meanings=MEANINGS,
        )

    def error(self, error: PageError, *, depth: int) -> str:
        """Return the page of an error, `depth` folders below the first one."""
        template = self._environment.get_template("error.html")
        root = "../" * depth or "./"
        return template.render(
            title=error.title,
            message=str(error),
            root=root,
            view=None,
            place_feed=None,
            completeness=None,
            is_waiting=isinstance(error, FiguresNotReadyError),
            section="",
            link=lambda path: root + path,
            asset=lambda name: asset(root, name),
        )

    def _render(
        self,
        template: str,
        asked: PageRequest,
        *,
        kept: Mapping[str, object] | None = None,
        **values: Any,
    ) -> str:
        """Return a page; `kept` are parameters of its own, for its permanent link."""
        view, links = asked.view, _Links(asked)
        return self._environment.get_template(template).render(
            view=view,
            last_month=Month.before(view.as_of),
            **{"completeness": asked.completeness, "place_feed": None, **values},
            link=links,
            entity_link=lambda key: links(key.path),
            link_plain=links.plain,
            permalink=view.permanent(**(kept or {})),
            final_on=self._site.rules.final_on(view.known_on or view.today),
            asset=lambda name: asset(links.root, name),
        )


def _shown(value: object) -> object:
    """Return what a template shows: foreign text without what no reader could see.

    A name may hold control characters, which HTML has no way to write, and marks that turn the
    direction of the text after it.
    """
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


class _Links:
    """Relative links from one page, which keep the days and the territory of its view."""

    def __init__(self, asked: PageRequest) -> None:
        self.root = "../" * asked.depth or "./"
        self._view = asked.view

    def __call__(self, path: str, **changed: object) -> str:
        return f"{self.root}{path}{self._view.query(**changed)}"

    def plain(self, path: str) -> str:
        """Return a link without parameters: a form adds its own."""
        return f"{self.root}{path}"


@cache
def asset_content(name: str) -> bytes:
    """Return a file that pages load."""
    if name == "note.css":
        return note_style().encode()
    return files("report").joinpath("static", name).read_bytes()


@cache
def asset_version(name: str) -> str:
    """Return a digest of a static file's content: a changed file has another address."""
    return sha256(asset_content(name)).hexdigest()[:12]


def asset(root: str, name: str) -> str:
    """Return the address of a file that pages load; `root` leads to the first page."""
    return f"{root}static/{name}?v={asset_version(name)}"


def _instant(instant: datetime) -> str:
    """Return an instant as French text, in UTC: `30/06/2019 à 09 h 05 UTC`."""
    return instant.astimezone(UTC).strftime("%d/%m/%Y à %H h %M UTC")
