"""Charts at addresses of their own, for other sites: as images, and as pages for frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from catalogue.formatting import day_text
from report.charts.svg import stand_alone
from report.overview import Overview
from report.pictures import (
    bars_of,
    communes_map,
    history_chart,
    history_text,
    map_of,
    map_text,
    map_title,
    schools_map,
    shares_of,
)
from report.places import CommuneShare
from report.promise import PromisePage
from report.school_map import MappedSchool
from report.view import View

SVG: Final = "image/svg+xml"
SVG_HEADERS: Final[Mapping[str, str]] = {
    # A chart has its style in it. Any site may show it: it is open data, and nobody can act in it.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@dataclass(frozen=True, slots=True)
class EmbeddedChart:
    """A chart without links, and the page that it is from."""

    title: str
    description: str
    drawn: str
    """An SVG element, for a page with the style sheet of charts."""
    path: str
    """The page that shows it among others, from the first page's address."""

    @property
    def svg(self) -> str:
        """An SVG file."""
        return stand_alone(self.drawn)


def history_of(page: PromisePage, view: View) -> EmbeddedChart:
    """Return a figure's history."""
    standing = page.standing
    text = history_text(standing, view.as_of)
    drawn = history_chart(standing, view.as_of, description=text)
    return EmbeddedChart(
        f"{standing.indicator.title}, {standing.territory}", text, drawn, _path(page)
    )


def territories_of(page: PromisePage, view: View) -> EmbeddedChart:
    """Return an indicator's value in each territory."""
    title = f"{page.indicator.title} par territoire, {day_text(view.as_of)}"
    values = " ; ".join(
        f"{row.title} : {row.standing.value.text or row.standing.value.reason}"
        for row in page.territories
    )
    text = f"{values}."
    return EmbeddedChart(title, text, bars_of(page, description=text), _path(page))


def departments_of(overview: Overview, view: View) -> EmbeddedChart:
    """Return the départements by their worst status."""
    text = map_text(overview.departments)
    drawn = map_of(overview.departments, view.as_of, text)
    return EmbeddedChart(map_title(view.as_of), text, drawn, "")


def communes_of(page: PromisePage, found: Mapping[str, CommuneShare], view: View) -> EmbeddedChart:
    """Return a ratio by commune."""
    title = f"{page.indicator.title} par commune, {view.territory_name}, {day_text(view.as_of)}"
    text = f"Plus une commune est foncée, plus sa part est grande. Ensemble : {_value(page)}."
    drawn = communes_map(page, shares_of(found), view, text)
    return EmbeddedChart(title, text, drawn, f"{_path(page)}/carte")


def schools_of(page: PromisePage, found: Sequence[MappedSchool], view: View) -> EmbeddedChart:
    """Return a promise's lycées."""
    title = f"{page.indicator.title}, {view.territory_name}, {day_text(view.as_of)}"
    text = f"Ronds : les lycées qui comptent ; triangles : les autres. Ensemble : {_value(page)}."
    return EmbeddedChart(title, text, schools_map(page, found, view, text), f"{_path(page)}/carte")


OF_PROMISE: Final[Mapping[str, Callable[[PromisePage, View], EmbeddedChart]]] = {
    "evolution": history_of,
    "territoires": territories_of,
}
"""The charts of a promise, by the last part of their addresses."""


def _path(page: PromisePage) -> str:
    return f"promesses/{page.indicator.id}"


def _value(page: PromisePage) -> str:
    return page.standing.value.text or page.standing.value.reason
