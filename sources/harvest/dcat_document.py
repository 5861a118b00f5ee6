"""Parses a document in DCAT-AP: RDF/XML, Turtle or JSON-LD. `dcat` runs it in a child process.

The RDF library has no limits: a few kilobytes can take minutes or gigabytes. The process has some.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import resource
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import rdflib
from pydantic import TypeAdapter
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
from rdflib.plugins.shared.jsonld import context as contexts
from rdflib.term import Node

from events.document import data_beside
from sources.harvest.portal_dataset import LONGEST_URL, Described, Distribution, HarvestError

OUT_OF_MEMORY: Final = 77
"""Exit status of a process that has reached its limit of memory."""
_LARGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of what is said of a page, as JSON."""
_MOST_DIGITS: Final = 12
_HYDRA: Final = Namespace("http://www.w3.org/ns/hydra/core#")
_LISTED: Final = (
    *(DCAT.Dataset, DCAT.DataService),
    URIRef("http://www.w3.org/ns/dcat#DatasetSeries"),  # Of DCAT 3, which the library lacks.
)
"""What a portal may count as an item of its catalogue."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
"""First bytes that identify an encoding."""
_XML_DECLARATION: Final = re.compile(
    r"<\?xml\s[^>]*?(?:encoding\s*=\s*[\"']([^\"'>]*)[\"'][^>]*)?\?>"
)
_LONGEST_DECLARATION: Final = 200


@dataclass(frozen=True, slots=True)
class CatalogueDocument:
    """A document to parse, without its bytes."""

    base: str
    """Its address."""
    kind: str
    """A media type or a file's ending; "" if neither is known."""
    charset: str = ""
    """The encoding that HTTP names, if any."""


@dataclass(frozen=True, slots=True)
class CataloguePage:
    """What one document says of a catalogue."""

    found: tuple[Described | None, ...]
    """Its datasets in a fixed order; None for one without a name."""
    listed: tuple[str, ...]
    """All that a portal may count as an item of its catalogue."""
    total: int | None
    """The number of items on all pages; None if it is not stated."""
    following: str | None
    """The address of the next page."""


PAGE: Final = TypeAdapter(CataloguePage)


def page_of(content: bytes, document: CatalogueDocument) -> CataloguePage:
    """Return what a document says. Raises HarvestError where it cannot be parsed."""
    graph = _parse(content, document)
    total = _last(graph, None, _HYDRA.totalItems)[:_MOST_DIGITS]
    return CataloguePage(
        found=tuple(_described_in(graph)),
        listed=tuple(
            sorted({str(one) for kind in _LISTED for one in graph.subjects(RDF.type, kind)})
        ),
        total=int(total) if total.isascii() and total.isdigit() else None,
        following=_next_page(graph),
    )


def _parse(content: bytes, document: CatalogueDocument) -> Graph:
    base = document.base
    plain = content.removeprefix(codecs.BOM_UTF8)  # Which neither JSON nor Turtle has.
    form = data_beside(__file__)["forms"].get(document.kind) or _guess(plain)
    try:
        if form == "json-ld":
            return _all_graphs(from_json(plain), base)
        if form == "xml":
            plain = _xml_in_utf8(content, document)
        return Graph().parse(data=plain, format=form, publicID=base)
    except (HarvestError, MemoryError):
        raise
    except Exception as error:  # The parsers raise whatever they come upon.
        problem = f"is no {form} ({' '.join(str(error).split())[:200]})"
        remedy = "give the address of a catalogue in RDF/XML, Turtle or JSON-LD"
        raise HarvestError(base, problem, remedy=remedy) from error


def _xml_in_utf8(content: bytes, document: CatalogueDocument) -> bytes:
    """Return XML in UTF-8 without its declaration, so that what is checked is what is parsed.

    Its encoding is what its first bytes say, or else its declaration, or else HTTP. Raises
    HarvestError for other encodings, and where entities or attributes are declared: a kilobyte of
    them becomes millions of characters.
    """
    marked = next((name for mark, name in _MARKS if content.startswith(mark)), "")
    begin = content[:_LONGEST_DECLARATION].decode(marked or "iso-8859-1", "replace")
    declaration = _XML_DECLARATION.match(begin)
    named = (declaration and declaration[1]) or document.charset or "utf-8"
    try:
        encoding = codecs.lookup(named).name
    except LookupError:
        encoding = ""
    accepted = data_beside(__file__)["encodings"]
    if encoding not in accepted:
        problem = f"has an encoding that is not read, value {named[:40]!r}"
        remedy = f"take it in {', '.join(accepted.values())}, or as Turtle or JSON-LD"
        raise HarvestError(document.base, problem, remedy=remedy)
    text = content.decode(marked or encoding)
    if "<!ENTITY" in text or "<!ATTLIST" in text:
        problem = "declares entities or attributes, which are not read"
        raise HarvestError(document.base, problem, remedy="take it as Turtle or JSON-LD")
    return text[declaration.end() if declaration else 0 :].encode()


def _no_context(address: str) -> NoReturn:
    """Refuse an external context: the library would fetch it from any address, without bounds."""
    remedy = "take the catalogue as Turtle or RDF/XML"
    raise HarvestError(address, "is a context outside of the document", remedy=remedy)


def _all_graphs(document: Any, base: str) -> Graph:  # noqa: ANN401 - JSON
    """Return everything in a JSON-LD document, in whichever of its graphs."""
    vars(contexts)["source_to_json"] = _no_context
    union = Dataset(default_union=True)
    to_rdf(document, union, base)
    return union


def _described_in(graph: Graph) -> Iterator[Described | None]:
    subjects = {
        one for one in graph.subjects(RDF.type, DCAT.Dataset) if not isinstance(one, Literal)
    }
    described = [_described(graph, one) for one in subjects]
    yield from sorted((one for one in described if one is not None), key=lambda one: one.key)
    yield from (None for one in described if one is None)


def _described(graph: Graph, dataset: Node) -> Described | None:
    """Return what is said of a dataset; None for one without a name."""
    identifier = _text(graph, dataset, DCTERMS.identifier)
    key = identifier if isinstance(dataset, BNode) else str(dataset)
    if not key:
        return None
    parts = sorted(graph.objects(dataset, DCAT.distribution), key=str)
    found = (next(_addresses(graph, part), None) for part in parts)
    return Described(
        key=key,
        identifier=identifier,
        title=_text(graph, dataset, DCTERMS.title),
        publisher=_publisher(graph, dataset),
        themes=tuple(_words(graph, dataset, DCAT.theme)),
        licences=tuple(
            dict.fromkeys(
                word
                for node in (dataset, *parts)
                for kind in (DCTERMS.license, DCTERMS.rights)
                for word in _words(graph, node, kind)
            )
        ),
        frequency=next(_words(graph, dataset, DCTERMS.accrualPeriodicity), ""),
        issued=_text(graph, dataset, DCTERMS.issued),
        modified=_last(graph, dataset, DCTERMS.modified),
        distributions=tuple(one for one in found if one is not None),
    )


def _addresses(graph: Graph, part: Node) -> Iterator[Distribution]:
    forms = (
        *_words(graph, part, DCTERMS["format"]),
        *_words(graph, part, DCAT.mediaType),
    )
    as_page = any("html" in form.lower() for form in forms)
    for kind, is_data in ((DCAT.downloadURL, True), (DCAT.accessURL, False)):
        urls = sorted(str(one) for one in graph.objects(part, kind))
        kept = (url for url in urls if 0 < len(url) <= LONGEST_URL)
        yield from (Distribution(url=url, is_data=is_data, as_page=as_page) for url in kept)


def _publisher(graph: Graph, dataset: Node) -> str:
    """Return the publisher's name: that of an agent, or a text."""
    for agent in sorted(graph.objects(dataset, DCTERMS.publisher), key=str):
        names = (
            str(agent) if isinstance(agent, Literal) else "",
            _text(graph, agent, FOAF.name),
            _text(graph, agent, RDFS.label),
        )
        if name := next(filter(None, names), ""):
            return name
    return ""


def _words(graph: Graph, node: Node, kind: URIRef) -> Iterator[str]:
    """Yield the texts, addresses and labels of a property."""
    labels = (SKOS.prefLabel, RDFS.label, DCTERMS.title, RDF.value, DCTERMS.identifier)
    for one in sorted(graph.objects(node, kind), key=str):
        if not isinstance(one, BNode):
            yield str(one)
        if not isinstance(one, Literal):
            for label in labels:
                yield from sorted(str(text) for text in graph.objects(one, label))


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


def main() -> None:
    """Parse a document: its description on the first line of the input, its bytes after it.

    The output is the document's page, or what is wrong with it.
    """
    document, seconds, megabytes = json.loads(sys.stdin.buffer.readline())
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_AS, megabytes * 1024 * 1024)
    _limit(resource.RLIMIT_FSIZE, _LARGEST_ANSWER)
    _limit(resource.RLIMIT_CORE, 0)
    warnings.simplefilter("ignore")
    # The library would write out `1E+999999999`, and take the zeros from `007`.
    rdflib.NORMALIZE_LITERALS = False
    answer: dict[str, Any]
    try:
        page = page_of(sys.stdin.buffer.read(), CatalogueDocument(**document))
        answer = {"page": PAGE.dump_python(page, mode="json")}
    except HarvestError as error:
        answer = {"wrong": [error.where, error.problem, error.remedy]}
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode(errors="replace"))


def _limit(kind: int, most: int) -> None:
    """Limit this process, or keep a lower limit. The soft limit of time ends it by SIGXCPU."""
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main()
