"""What open-data portals answer, as the harvests read it: DCAT in three forms, Opendatasoft's."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from hypothesis import strategies as st
from pydantic_core import from_json
from rdflib import Graph

from operations.harvest.dcat import described_in, parse_graph
from operations.harvest.opendatasoft import described_by
from operations.harvest.portal_dataset import Described
from operations.harvest.reading import ReadingRules, read_dataset
from operations.harvest.snapshot import CatalogueError
from tests.fuzz.edits import edited, spliced
from tests.fuzz.target import Target

__all__ = ["PORTAL_TARGETS"]

logging.getLogger("rdflib").setLevel(logging.ERROR)  # It says of each address what it thinks of it.
_BASE: Final = "https://data.example.org/catalogue"
_TODAY: Final = date(2026, 3, 11)
_RULES: Final = ReadingRules(publisher="Région")
_TOKENS: Final = re.compile(r"\w+|[\s\S]")
_TURTLE: Final = """\
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
<https://data.example.org/gares> a dcat:Dataset ;
  dct:identifier "gares" ;
  dct:title "Stations"@en, "Gares"@fr ;
  dct:publisher [ a foaf:Agent ; foaf:name "Région Île-de-France" ] ;
  dcat:theme <http://publications.europa.eu/resource/authority/data-theme/TRAN> ;
  dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/MONTHLY> ;
  dct:issued "2019-03-11" ;
  dcat:distribution <https://data.example.org/csv> .
<https://data.example.org/csv> a dcat:Distribution ;
  dct:license <https://www.etalab.gouv.fr/licence-ouverte-open-licence> ;
  dcat:downloadURL <https://data.example.org/gares.csv> .
"""
_FRAGMENTS: Final = (
    *(
        "<",
        ">",
        '"',
        "'",
        '"""',
        ";",
        ".",
        ",",
        "[",
        "]",
        "(",
        ")",
        "_:a",
        "@fr",
        "^^",
        "\\u0000",
        "\\",
    ),
    *("<!DOCTYPE a [<!ENTITY b 'bb'>]>", "&b;", '<!ENTITY x SYSTEM "file:///etc/hostname">', "&x;"),
    *("@base <http://[> .", "@prefix : <> .", "{", "}", ":", "@context", "@graph", "@id", "@type"),
    *('"@context": "https://example.org/c"', '"@import": "x"', "@reverse", "@list", "null", "0"),
    *("2019", "2019-13", "-0001-01-01", "1e400", "9" * 400, "\x00", "\ufeff", "é", "\ud800", "%"),
    *('"1E+999999999"^^<http://www.w3.org/2001/XMLSchema#decimal>', '"@type": "xsd:decimal"'),
    *("\u0300\u0316" * 20, "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]>"),
    *(f'"@context": "https://example.org/{name}"' for name in ("chain", "circle", "large")),
    *("http://[", "file:///etc/hostname", "urn:x", "javascript:", "dcat:Dataset", "a", "rdf:about"),
)
#: What may be repeated, each time with another number: before it, it, after it, and how often.
_NUMBERED: Final = (
    ("", "@prefix p{n}: <{n}:> .\n", _TURTLE, 6_000),
    (_TURTLE, "<{n}:> a dcat:Dataset ; dcat:theme <t:> . <t:> dct:title '{n}' .\n", "", 1_200),
    (_TURTLE, "<{n}:> a dcat:Dataset ; dct:publisher <t:> . <t:> foaf:name '{n}' .\n", "", 1_200),
    (_TURTLE, "<{n}:> a dcat:Dataset ; dct:license <t:> . <t:> dct:title '{n}' .\n", "", 1_200),
    (
        _TURTLE,
        "<{n}:> a dcat:Dataset ; dcat:distribution <t:> . <t:> dcat:downloadURL <u:{n}> .\n",
        "",
        1_200,
    ),
    ('{"@context": {', '"p{n}": "u{n}:/", ', '"a": "urn:a"}, "@id": "urn:d"}', 6_000),
    ('{"@graph": [', '{"@context": "https://example.org/large", "@id": "{n}:"}, ', "{}]}", 1_200),
    (
        '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"',
        ' xmlns:p{n}="{n}:/"',
        "/>",
        6_000,
    ),
)
_ODS: Final = {
    "total_count": 1,
    "results": [
        {
            "dataset_id": "gares",
            "has_records": True,
            "metas": {
                "default": {
                    "title": "Gares",
                    "publisher": "Région",
                    "theme": ["Mobilité"],
                    "license": "Licence Ouverte v2.0",
                    "modified": "2026-05-04T08:00:00+00:00",
                },
                "dcat": {"creator": None, "accrualperiodicity": "", "issued": "2019"},
            },
            "alternative_exports": [{"id": "a"}],
            "attachments": [],
        }
    ],
}


def _forms() -> list[str]:
    graph = Graph().parse(data=_TURTLE, format="turtle")
    return [_TURTLE, graph.serialize(format="xml"), graph.serialize(format="json-ld")]


@st.composite
def _catalogues(draw: st.DrawFn, texts: list[str]) -> bytes:
    text = draw(edited(draw(st.sampled_from(texts)), _TOKENS, _FRAGMENTS))
    return draw(spliced(text.encode(errors="surrogatepass")))


def _fetch(address: str) -> Any:  # noqa: ANN401 - JSON
    """Return a context that multiplies, leads to itself, or is large; others are not there."""
    match address.rpartition("/")[2]:
        case name if name.startswith("chain"):
            return {"@context": [f"https://example.org/{name}x"] * 9 if len(name) < 11 else {}}
        case "circle":
            return {"@context": address}
        case "large":
            return {"@context": {f"t{number}": f"urn:{number}" for number in range(200)}}
        case _:
            raise CatalogueError(address, "is not fetched", remedy="none")


@st.composite
def _numbered_catalogues(draw: st.DrawFn) -> bytes:
    before, part, after, most = draw(st.sampled_from(_NUMBERED))
    count = draw(st.sampled_from([1, 30, most]))
    parts = "".join(part.replace("{n}", str(number)) for number in range(count))
    return draw(spliced(f"{before}{parts}{after}".encode()))


def _check_described(found: Iterable[Described | None]) -> None:
    for described in found:
        if described is not None:
            read = read_dataset(described, _RULES, today=_TODAY)
            assert read.dataset is not None or read.problems
            assert re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", read.dataset_id)
            assert not any("\n" in str(one) for one in read.problems)


def _check_dcat(content: bytes) -> None:
    """A catalogue is refused as none, or each of its datasets is read or has a problem."""
    try:
        graph = parse_graph(content, "", base=_BASE, fetch=_fetch)
    except CatalogueError:
        return
    _check_described(described_in(graph))


def _check_opendatasoft(content: bytes) -> None:
    """Whatever JSON an entry is."""
    try:
        page = from_json(content)
    except ValueError:
        return
    results = page.get("results") if isinstance(page, dict) else None
    if isinstance(results, list):
        _check_described(described_by(entry, "https://data.example.org/api") for entry in results)


PORTAL_TARGETS: Final = (
    Target(
        "dcat",
        "DCAT in RDF/XML, Turtle and JSON-LD",
        _catalogues(_forms()) | _numbered_catalogues(),
        _check_dcat,
    ),
    Target(
        "opendatasoft",
        "Opendatasoft's catalogue",
        _catalogues([json.dumps(_ODS, ensure_ascii=False)]),
        _check_opendatasoft,
    ),
)
