"""The page's figures as a catalogue of open data: DCAT-AP 3, which readers of 2.1.1 also read.

semiceu.github.io/DCAT-AP/releases/3.0.0. What has no address has a permanent id. Addresses are
relative to the catalogue's, so it is right behind any proxy. When a dataset was first published is
not known, and left out. `dcat.ttl` has what does not depend on the figures.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from pathlib import Path
from string import Template
from typing import Any, Final, TypeAlias

from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, Graph, Literal, Namespace, URIRef
from rdflib.term import Node

from catalogue.history import History
from catalogue.model import Catalogue, Indicator, Programme
from catalogue.open_data import KEYWORDS, LICENCE
from events.document import data_beside
from events.territory import TERRITORY
from report.data import METADATA
from report.feeds import TAG
from report.knowledge import Knowledge
from report.view import View

Owners: TypeAlias = Mapping[str, Collection[str]]
"""The addresses of mail of each programme's owner."""

_DATA: Final = data_beside(__file__)
_CATALOGUE: Final = URIRef(f"{TAG}/catalogue")
_EU: Final = "http://publications.europa.eu/resource/authority"
_FRENCH: Final = (DCTERMS.language, URIRef(f"{_EU}/language/FRA"))
_MEDIA_TYPES: Final = "https://www.iana.org/assignments/media-types"
_NUTS: Final = "http://data.europa.eu/nuts/code"
_VCARD: Final = Namespace("http://www.w3.org/2006/vcard/ns#")


def catalogue_of(
    catalogue: Catalogue, knowledge: Knowledge, view: View, owners: Owners | None = None
) -> Graph:
    """Return every indicator as a dataset, also those without a figure on the view's day.

    `owners` are the addresses of mail of programmes' contact points, where they are published.
    """
    made = _CatalogueWriter(knowledge, view, owners or {})
    for programme in catalogue.programmes:
        for indicator in programme.indicators:
            made.add_dataset(indicator, programme)
    last = max(made.graph.objects(None, DCTERMS.modified), key=str, default=None)
    if last is not None:
        made.graph.add((_CATALOGUE, DCTERMS.modified, last))
    return made.graph


class _CatalogueWriter:
    """Adds datasets, and the pages about them, to the catalogue's own description."""

    def __init__(self, knowledge: Knowledge, view: View, owners: Owners) -> None:
        text = Path(__file__).with_suffix(".ttl").read_text(encoding="utf-8")
        text = Template(text).safe_substitute(TERRITORY.words)
        self.graph = Graph(bind_namespaces="none").parse(data=text, format="turtle")
        self._places = {
            code: self._add(f"{_NUTS}/{nuts}", DCTERMS.Location, (SKOS.prefLabel, _french(name)))
            for code, nuts, name in (
                (None, TERRITORY.nuts, TERRITORY.name),
                *((one.code, one.nuts, one.name) for one in TERRITORY.departments),
            )
            if nuts is not None
        }
        if None in self._places:
            self.graph.add((_CATALOGUE, DCTERMS.spatial, self._places[None]))
        self._knowledge = knowledge
        self._view = view
        self._owners = owners
        self.graph.add((_CATALOGUE, FOAF.homepage, self._add(self._address(""), FOAF.Document)))

    def add_dataset(self, indicator: Indicator, programme: Programme) -> None:
        """Add an indicator's dataset with its distributions."""
        iri, path = f"{TAG}/indicators/{indicator.id}", f"promesses/{indicator.id}"
        places = (self._places.get(one) for one in indicator.territories)
        frequency = _DATA["frequencies"][indicator.periodicity]
        dataset = self._add(
            iri,
            DCAT.Dataset,
            *_texts(indicator.title, indicator.definition),
            _FRENCH,
            (DCTERMS.identifier, Literal(iri)),
            (DCTERMS.publisher, URIRef(f"{TAG}/publisher")),
            (DCAT.contactPoint, self._contact_point(programme)),
            (DCAT.landingPage, self._add(self._address(path), FOAF.Document)),
            (DCTERMS.accrualPeriodicity, URIRef(f"{_EU}/frequency/{frequency}")),
            (DCAT.theme, URIRef(f"{_EU}/data-theme/{programme.theme}")),
            *((DCAT.keyword, _french(word)) for word in (*KEYWORDS, programme.title)),
            *((DCTERMS.spatial, one) for one in places if one is not None),
            *self._days(iri, indicator),
            *((DCAT.distribution, one) for one in self._distributions(iri, path)),
        )
        self.graph.add((_CATALOGUE, DCAT.dataset, dataset))

    def _distributions(self, iri: str, path: str) -> Iterator[URIRef]:
        title = DCTERMS.title, _french(_DATA["columns"])
        for ending, form in _DATA["distributions"].items():
            data = URIRef(self._address(path + ending))
            added = self._add(
                f"{iri}{ending}",
                DCAT.Distribution,
                *_texts(form["title"], form["description"]),
                _FRENCH,
                (DCAT.accessURL, data),
                (DCAT.downloadURL, data),
                (DCTERMS["format"], URIRef(f"{_EU}/file-type/{form['file_type']}")),
                (DCAT.mediaType, URIRef(f"{_MEDIA_TYPES}/{form['media_type']}")),
                (DCTERMS.license, URIRef(LICENCE["path"])),
            )
            if form["file_type"] == "CSV":
                metadata = self._address(path + ending + METADATA)
                columns = self._add(metadata, DCTERMS.Standard, title)
                self.graph.add((added, DCTERMS.conformsTo, columns))
            yield added

    def _days(self, iri: str, indicator: Indicator) -> Iterator[tuple[Node, Node]]:
        """Yield the period of the figures, and its last day as that of their last change."""
        known = _known_days(indicator, self._knowledge, self._view.as_of)
        if known:
            first, last = Literal(min(known)), Literal(max(known))
            period = ((DCAT.startDate, first), (DCAT.endDate, last))
            yield DCTERMS.temporal, self._add(f"{iri}/period", DCTERMS.PeriodOfTime, *period)
            yield DCTERMS.modified, last

    def _contact_point(self, programme: Programme) -> URIRef:
        mail = [URIRef(f"mailto:{one}") for one in self._owners.get(programme.id, ())]
        return self._add(
            f"{TAG}/contacts/{programme.id}",
            _VCARD.Kind,
            (_VCARD.fn, _french(programme.owner)),
            *((_VCARD.hasEmail, one) for one in mail),
        )

    def _address(self, path: str) -> str:
        """Return an address of this page, relative to the catalogue's."""
        return f"./{path}{self._view.query()}"

    def _add(self, iri: str, kind: Node, *properties: tuple[Node, Node]) -> URIRef:
        node = URIRef(iri)
        for name, value in ((RDF.type, kind), *properties):
            self.graph.add((node, name, value))
        return node


def _known_days(indicator: Indicator, knowledge: Knowledge, as_of: date) -> set[date]:
    """Return the first day with a figure and that of the last fact, by a day, in each territory."""
    days: set[date] = set()
    for department in indicator.territories:
        history = knowledge.histories.get((indicator.id, department), History())
        until = as_of if history.publication is None else history.publication.day(as_of)
        points = zip(*history.curve, strict=True)
        first = next((day for day, value in points if value is not None and day <= until), None)
        if first is not None:
            reported = history.reports[: bisect_right(history.reports, until)]
            days |= {first, *reported[-1:]}
    return days


def _french(text: str) -> Literal:
    return Literal(text, lang="fr")


def _texts(title: str, description: str) -> Iterator[tuple[Node, Node]]:
    yield DCTERMS.title, _french(title)
    yield DCTERMS.description, _french(description)


def _turtle(graph: Graph) -> str:
    return graph.serialize(format="turtle")


def _json_ld(graph: Graph) -> str:
    """Return a graph as JSON-LD with its context inside; the library orders nothing in lists."""
    text = graph.serialize(format="json-ld", auto_compact=True)
    document = json.loads(text, object_hook=_ordered)
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _ordered(part: dict[str, Any]) -> dict[str, Any]:
    return {
        name: sorted(one, key=json.dumps) if isinstance(one, list) else one
        for name, one in part.items()
    }


CATALOGUES: Final[Mapping[str, tuple[str, Callable[[Graph], str]]]] = {
    "ttl": ("text/turtle", _turtle),
    "jsonld": ("application/ld+json", _json_ld),
}
"""The media type of each form of a catalogue, and what writes it: the same bytes for one graph."""
