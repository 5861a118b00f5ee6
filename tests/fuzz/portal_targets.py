"""What open-data portals answer, as the harvests read it: DCAT in three forms, Opendatasoft's.

What takes a parser long is left out: the harvest limits the process in which it parses DCAT.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable
from datetime import date
from typing import Final

import rdflib
from hypothesis import strategies as st
from pydantic_core import from_json
from rdflib import Graph

from sources.harvest.dcat_document import CatalogueDocument, page_of
from sources.harvest.opendatasoft import described_by
from sources.harvest.portal_dataset import Described, HarvestError
from sources.harvest.reading import ReadingRules, dataset_id_of, read_dataset
from tests.fuzz.edits import edited_bytes
from tests.fuzz.target import Target

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
    *["<", ">", "'", ";", ".", ",", "[", "]", "(", ")", "_:a", "@fr", "^^"],
    *('"', '"""', "\\u0000", "\\"),
    *("<!DOCTYPE a [<!ENTITY b 'bb'>]>", "&b;", '<!ENTITY x SYSTEM "file:///etc/hostname">', "&x;"),
    *("@base <http://[> .", "@prefix : <> .", "{", "}", ":", "@context", "@graph", "@id", "@type"),
    *('"@context": "https://example.org/c"', '"@import": "x"', "@reverse", "@list", "null", "0"),
    *("2019", "2019-13", "-0001-01-01", "1e400", "9" * 400, "\x00", "\ufeff", "é", "\ud800", "%"),
    *('"1E+999999999"^^<http://www.w3.org/2001/XMLSchema#decimal>', '"@type": "xsd:decimal"'),
    *("\u0300\u0316" * 20, "<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]>"),
    *("http://[", "file:///etc/hostname", "urn:x", "javascript:", "dcat:Dataset", "a", "rdf:about"),
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


def _catalogue(text: str) -> st.SearchStrategy[bytes]:
    return edited_bytes(text, _TOKENS, _FRAGMENTS)


def _check_described(found: Iterable[Described | None]) -> None:
    for described in found:
        if described is not None:
            dataset, problems = read_dataset(described, _RULES, today=_TODAY)
            assert dataset is not None or problems
            assert re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", dataset_id_of(described))
            assert not any("\n" in str(one) for one in problems)


def _check_dcat(content: bytes) -> None:
    """A catalogue is refused as none, or each of its datasets is read or has a problem."""
    rdflib.NORMALIZE_LITERALS = False  # As in the process in which a harvest parses.
    try:
        page = page_of(content, CatalogueDocument(_BASE, ""))
    except HarvestError:
        return
    _check_described(page.found)


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
        st.sampled_from(_forms()).flatmap(_catalogue),
        _check_dcat,
    ),
    Target(
        "opendatasoft",
        "Opendatasoft's catalogue",
        _catalogue(json.dumps(_ODS, ensure_ascii=False)),
        _check_opendatasoft,
    ),
)
