"""A catalogue in DCAT-AP: RDF/XML, Turtle or JSON-LD, in a file or in pages at an address."""

from __future__ import annotations

import warnings
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final
from xml.parsers import expat

import rdflib
from pydantic_core import from_json
from rdflib import (
    DCAT,
    DCTERMS,
    FOAF,
    RDF,
    RDFS,
    SKOS,
    BNode,
    Dataset,
    Graph,
    Literal,
    Namespace,
    URIRef,
)
from rdflib.plugins.parsers.jsonld import to_rdf
from rdflib.term import Node

from operations.harvest.linked_contexts import FetchJson, with_contexts
from operations.harvest.polite_client import PoliteClient
from operations.harvest.portal_dataset import Described, Distribution
from operations.harvest.snapshot import (
    CatalogueError,
    PortalSnapshot,
    follow_pages,
    get_page,
)
from operations.harvest.validators import Validators

__all__ = ["described_in", "parse_graph", "read_dcat", "read_dcat_file"]

_LONGEST_URL: Final = 2000
_MOST_WORDS: Final = 1000
"""Words of a dataset's themes, and of its licences."""
_MOST_LABELS: Final = 50
"""Labels of what datasets share: twice the languages of the EU."""
_MOST_DIGITS: Final = 12
_HYDRA: Final = Namespace("http://www.w3.org/ns/hydra/core#")
_LISTED: Final = (
    *(DCAT.Dataset, DCAT.DataService),
    URIRef("http://www.w3.org/ns/dcat#DatasetSeries"),  # Of DCAT 3, which the library lacks.
)
"""What a portal may count as an item of its catalogue."""
_ACCEPT: Final = (
    "text/turtle, application/rdf+xml;q=0.9, application/ld+json;q=0.8, application/xml;q=0.5,"
    " */*;q=0.1"
)
_FORMATS: Final = {
    "text/turtle": "turtle",
    "application/x-turtle": "turtle",
    "text/n3": "turtle",
    "application/rdf+xml": "xml",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/ld+json": "json-ld",
    "application/json": "json-ld",
    ".ttl": "turtle",
    ".rdf": "xml",
    ".xml": "xml",
    ".jsonld": "json-ld",
    ".json": "json-ld",
}


def read_dcat(client: PoliteClient, url: str, known: Validators) -> PortalSnapshot:
    """Read a catalogue at an address, with the pages after it that it names by Hydra.

    Raises CatalogueError, and what the client raises.
    """

    def fetch(address: str) -> Any:  # noqa: ANN401 - JSON
        page = get_page(client, address, accept="application/ld+json, application/json;q=0.9")
        return None if page is None else page.answer.json()

    snapshot = PortalSnapshot()
    keys: set[str] = set()
    listed: set[Node] = set()

    def read(address: str) -> str | None:
        is_first = address == url
        page = get_page(client, address, accept=_ACCEPT, known=known if is_first else None)
        if page is None:
            snapshot.is_unchanged, snapshot.validators = True, known
            return None
        kind = page.answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        graph = parse_graph(page.answer.body, kind, base=page.url, fetch=fetch)
        snapshot.add(described_in(graph), keys)
        listed.update(subject for kind in _LISTED for subject in graph.subjects(RDF.type, kind))
        if total := _last(graph, None, _HYDRA.totalItems):
            snapshot.count(total)
        snapshot.validators = Validators.of(page.answer)
        return _next_page(graph)

    follow_pages(snapshot, url, read)
    total = str(snapshot.total or "")
    is_known = total.isascii() and total.isdigit() and not snapshot.incomplete
    if is_known and len(listed) < int(total[:_MOST_DIGITS]):
        snapshot.incomplete = f"{len(listed)} of {total} datasets were listed"
    return snapshot


def read_dcat_file(file: Path) -> PortalSnapshot:
    """Read a catalogue from a file. Raises CatalogueError."""
    try:
        content = file.read_bytes()
    except OSError as error:
        remedy = "name a file that you can read"
        raise CatalogueError(str(file), error.strerror or str(error), remedy=remedy) from error

    def fetch(address: str) -> Any:  # noqa: ANN401 - JSON
        remedy = "take the catalogue as Turtle or RDF/XML, or give its address"
        raise CatalogueError(address, "is a context that the file refers to", remedy=remedy)

    snapshot = PortalSnapshot()
    graph = parse_graph(content, file.suffix.lower(), base=file.absolute().as_uri(), fetch=fetch)
    snapshot.add(described_in(graph), set())
    if _next_page(graph) is not None:
        snapshot.incomplete = "the file is one page of several"
    return snapshot


def parse_graph(content: bytes, kind: str, *, base: str, fetch: FetchJson) -> Graph:
    """Return the graph of a document; `kind` is a media type or a file's ending.

    Raises CatalogueError where it is none, and what `fetch` raises.
    """
    content = content.removeprefix(BOM_UTF8)  # Which neither JSON nor Turtle has.
    form = _FORMATS.get(kind) or _guess(content)
    try:
        with _literals_as_written():
            if form == "json-ld":
                return _all_graphs(with_contexts(from_json(content), base, fetch), base)
            if form == "xml":
                _refuse_declarations(content, base)
            return _NamelessGraph().parse(data=content, format=form, publicID=base)
    except CatalogueError:
        raise
    except Exception as error:  # The parsers raise whatever they come upon.
        problem = f"is no {form} ({' '.join(str(error).split())[:200]})"
        remedy = "give the address of a catalogue in RDF/XML, Turtle or JSON-LD"
        raise CatalogueError(base, problem, remedy=remedy) from error


class _ElementReached(Exception):  # noqa: N818 - no error
    """What could be declared has been."""


def _refuse_declarations(content: bytes, base: str) -> None:
    """Raise CatalogueError where a document declares entities or attributes.

    A kilobyte of them becomes millions of characters: the RDF library takes 20 s for a million.
    """

    def refuse(*_: object) -> None:
        remedy = "take the catalogue as Turtle or JSON-LD"
        problem = "declares entities or attributes, which are not read"
        raise CatalogueError(base, problem, remedy=remedy)

    def stop(*_: object) -> None:
        raise _ElementReached

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = parser.AttlistDeclHandler = refuse
    parser.StartElementHandler = stop
    with suppress(_ElementReached, expat.ExpatError):  # What is no XML is reported by the library.
        parser.Parse(content, True)  # noqa: FBT003 - takes no names


class _NamelessGraph(Graph):
    """A graph whose prefixes are forgotten: the library takes the square of their number."""

    def bind(self, *_: Any, **__: Any) -> None:
        """Do nothing: nobody asks for a prefix."""


class _NamelessDataset(Dataset):
    """The same for several graphs."""

    def bind(self, *_: Any, **__: Any) -> None:
        """Do nothing."""


@contextmanager
def _literals_as_written() -> Iterator[None]:
    """Let the library keep the texts of literals: `1E+999999999` would become a gigabyte."""
    before = rdflib.NORMALIZE_LITERALS
    rdflib.NORMALIZE_LITERALS = False
    try:
        yield
    finally:
        rdflib.NORMALIZE_LITERALS = before


def _all_graphs(document: Any, base: str) -> Graph:  # noqa: ANN401 - JSON
    """Return all that JSON-LD says, whichever graph it puts it into."""
    union = Graph()
    with warnings.catch_warnings():
        # The library itself uses names that it has deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        parts = _NamelessDataset()
        # Not as text: a context that many parts refer to is one object here.
        to_rdf(document, parts, base)
        for subject, kind, value, _ in parts.quads():
            union.add((subject, kind, value))
    return union


def described_in(graph: Graph) -> Iterator[Described | None]:
    """Yield what a graph says of each dataset, in a fixed order; None for one without a name."""
    reading = _GraphReading(graph)
    subjects = {
        one for one in graph.subjects(RDF.type, DCAT.Dataset) if not isinstance(one, Literal)
    }
    described = [reading.described(one) for one in subjects]
    yield from sorted((one for one in described if one is not None), key=lambda one: one.key)
    yield from (None for one in described if one is None)


class _GraphReading:
    """Reads a graph: what datasets share is read once, and not all of it where it is endless.

    A kilobyte of datasets that name one theme with a kilobyte of labels would have a megabyte of
    words.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        # Not the methods of a class: the reading would be held by what it remembers.
        self._labels: dict[Node, tuple[str, ...]] = {}
        self._names: dict[Node, str] = {}
        self._licences: dict[Node, tuple[str, ...]] = {}
        self._distributions: dict[Node, Distribution | None] = {}

    def described(self, dataset: Node) -> Described | None:
        """Return what is said of a dataset; None for one without a name."""
        graph = self._graph
        identifier = _text(graph, dataset, DCTERMS.identifier)
        key = identifier if isinstance(dataset, BNode) else str(dataset)
        if not key:
            return None
        parts = sorted(graph.objects(dataset, DCAT.distribution), key=str)
        licences = (word for node in (dataset, *parts) for word in self._licences_of(node))
        return Described(
            key=key,
            identifier=identifier,
            title=_text(graph, dataset, DCTERMS.title),
            publisher=self._publisher(dataset),
            themes=tuple(islice(self._words(dataset, DCAT.theme), _MOST_WORDS)),
            licences=tuple(islice(dict.fromkeys(licences), _MOST_WORDS)),
            frequency=next(self._words(dataset, DCTERMS.accrualPeriodicity), ""),
            issued=_text(graph, dataset, DCTERMS.issued),
            modified=_last(graph, dataset, DCTERMS.modified),
            distributions=tuple(
                found for part in parts if (found := self._distribution(part)) is not None
            ),
        )

    def _distribution(self, part: Node) -> Distribution | None:
        if part not in self._distributions:
            self._distributions[part] = next(self._addresses(part), None)
        return self._distributions[part]

    def _addresses(self, part: Node) -> Iterator[Distribution]:
        forms = (*self._words(part, DCTERMS["format"]), *self._words(part, DCAT.mediaType))
        as_page = any("html" in form.lower() for form in forms)
        for kind, is_data in ((DCAT.downloadURL, True), (DCAT.accessURL, False)):
            urls = sorted(str(one) for one in self._graph.objects(part, kind))
            kept = (url for url in urls if 0 < len(url) <= _LONGEST_URL)
            yield from (Distribution(url=url, is_data=is_data, as_page=as_page) for url in kept)

    def _publisher(self, dataset: Node) -> str:
        """Return the publisher's name: that of an agent, or a text."""
        for agent in sorted(self._graph.objects(dataset, DCTERMS.publisher), key=str):
            name = str(agent) if isinstance(agent, Literal) else ""
            name = name or self._name(agent)
            if name:
                return name
        return ""

    def _name(self, agent: Node) -> str:
        if agent not in self._names:
            names = (_text(self._graph, agent, kind) for kind in (FOAF.name, RDFS.label))
            self._names[agent] = next(filter(None, names), "")
        return self._names[agent]

    def _licences_of(self, node: Node) -> tuple[str, ...]:
        if node not in self._licences:
            kinds = (DCTERMS.license, DCTERMS.rights)
            words = (word for kind in kinds for word in self._words(node, kind))
            self._licences[node] = tuple(islice(words, _MOST_LABELS))
        return self._licences[node]

    def _words(self, node: Node, kind: URIRef) -> Iterator[str]:
        """Yield the texts, addresses and labels of a property."""
        for one in sorted(self._graph.objects(node, kind), key=str):
            if not isinstance(one, BNode):
                yield str(one)
            if not isinstance(one, Literal):
                yield from self._labels_of(one)

    def _labels_of(self, node: Node) -> tuple[str, ...]:
        if node not in self._labels:
            kinds = (SKOS.prefLabel, RDFS.label, DCTERMS.title, RDF.value, DCTERMS.identifier)
            labels = (
                label
                for kind in kinds
                for label in sorted(str(text) for text in self._graph.objects(node, kind))
            )
            self._labels[node] = tuple(islice(labels, _MOST_LABELS))
        return self._labels[node]


def _text(graph: Graph, node: Node, kind: URIRef) -> str:
    """Return a text of a property: the French one, or else one without or of any language."""
    texts = sorted(
        (one for one in graph.objects(node, kind) if isinstance(one, Literal)),
        key=lambda one: ({"fr": 0, None: 1}.get(one.language, 2), str(one)),
    )
    return str(texts[0]).strip() if texts else ""


def _last(graph: Graph, node: Node | None, kind: URIRef) -> str:
    return max((str(one) for one in graph.objects(node, kind)), default="")


def _next_page(graph: Graph) -> str | None:
    found = (*graph.objects(None, _HYDRA.next), *graph.objects(None, _HYDRA.nextPage))
    return min((str(one) for one in found), default=None)


def _guess(content: bytes) -> str:
    begin = content.lstrip(b" \t\r\n")
    if begin.startswith((b"<?xml", b"<rdf", b"<RDF")):
        return "xml"
    return "json-ld" if begin.startswith((b"{", b"[")) else "turtle"
