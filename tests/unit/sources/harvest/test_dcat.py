"""Catalogues in DCAT-AP, in each of their forms."""

from __future__ import annotations

import codecs
import json
from itertools import pairwise
from pathlib import Path

import pytest
from rdflib import Graph

from sources.harvest.dcat import SECONDS, parse, read_dcat, read_dcat_file
from sources.harvest.dcat_document import CatalogueDocument, CataloguePage
from sources.harvest.portal_dataset import Distribution, HarvestError
from sources.harvest.snapshot import PortalSnapshot
from tests.support.harvests import hurried
from tests.support.portals import Answer, Portal, portal

DCAT_URI = "http://www.w3.org/ns/dcat#"
PREFIXES = """
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix hydra: <http://www.w3.org/ns/hydra/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
GARES = """
<https://data.example.org/datasets/gares> a dcat:Dataset ;
  dct:identifier "gares" ;
  dct:title "Stations"@en, "Gares"@fr ;
  dct:publisher [ a foaf:Agent ; foaf:name "Région Île-de-France" ] ;
  dcat:theme <http://publications.europa.eu/resource/authority/data-theme/TRAN> ;
  dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/MONTHLY> ;
  dct:issued "2019-03-11"^^xsd:date ;
  dct:modified "2026-05-04T08:00:00"^^xsd:dateTime ;
  dcat:distribution <https://data.example.org/csv>, <https://data.example.org/doc> .
<https://data.example.org/csv> a dcat:Distribution ;
  dct:license <https://www.etalab.gouv.fr/licence-ouverte-open-licence> ;
  dcat:accessURL <https://data.example.org/page> ;
  dcat:downloadURL <https://data.example.org/gares.csv> .
<https://data.example.org/doc> a dcat:Distribution ;
  dct:format "HTML" ;
  dcat:accessURL <https://data.example.org/doc.html> .
"""
FORMS = {"turtle": ".ttl", "xml": ".rdf", "json-ld": ".jsonld"}


def parsed(content: bytes, kind: str, seconds: int = SECONDS) -> CataloguePage:
    return parse(content, CatalogueDocument("https://example.org", kind), seconds)


def read(served: Portal, path: str) -> PortalSnapshot:
    with hurried() as client:
        return read_dcat(client, served.url + path)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_each_form_says_the_same(form: str, tmp_path: Path) -> None:
    graph = Graph().parse(data=PREFIXES + GARES, format="turtle")
    file = tmp_path / f"catalogue{FORMS[form]}"
    graph.serialize(file, format=form)
    # Programs on Windows write a byte order mark, which only the parser of XML accepts.
    nameless = tmp_path / "catalogue"
    nameless.write_bytes(codecs.BOM_UTF8 + file.read_bytes())

    (found,) = read_dcat_file(file).found

    assert read_dcat_file(nameless).found == [found]
    assert (found.key, found.identifier) == ("https://data.example.org/datasets/gares", "gares")
    assert (found.title, found.publisher) == ("Gares", "Région Île-de-France")
    assert found.themes == ("http://publications.europa.eu/resource/authority/data-theme/TRAN",)
    assert found.licences == ("https://www.etalab.gouv.fr/licence-ouverte-open-licence",)
    assert found.frequency.endswith("/MONTHLY")
    assert found.issued == "2019-03-11"
    assert found.modified.startswith("2026-05-04")
    assert found.distributions == (
        Distribution(url="https://data.example.org/gares.csv"),
        Distribution(url="https://data.example.org/doc.html", is_data=False, as_page=True),
    )


ENTITIES = "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise("abcdefghij")
)
HIDDEN = (
    f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{ENTITIES}]>'
    '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:d="urn:d:">'
    "<r:Description><d:title>&j;</d:title></r:Description></r:RDF>"
)


ATTRIBUTES = '<!DOCTYPE r [<!ATTLIST r:Description d:title CDATA "a long title">]><r/>'


@pytest.mark.parametrize("text", [HIDDEN, ATTRIBUTES])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_document_that_declares_entities_is_refused(encoding: str, text: str) -> None:
    """A kilobyte of them did not end: each is ten times the one before, or in each element."""
    with pytest.raises(HarvestError, match="declares entities or attributes"):
        parsed(text.encode(encoding), "text/xml")


@pytest.mark.parametrize("encoding", ["cp037", "utf-7", "utf-32", "nothing"])
def test_an_encoding_that_could_hide_entities_is_refused(encoding: str) -> None:
    """One parser would believe the declaration, another the bytes."""
    content = f'<?xml version="1.0" encoding="{encoding}"?>{HIDDEN}'.encode()
    with portal() as served:
        served.documents["/c"] = Answer(
            body=content, headers={"Content-Type": "application/rdf+xml"}
        )
        with pytest.raises(HarvestError, match=f"encoding.*{encoding}.*UTF-8"):
            read(served, "/c")


@pytest.mark.parametrize(
    ("declared", "charset", "encoding"),
    [
        ("ISO-8859-1", "", "iso-8859-1"),
        ("latin1", "utf-8", "iso-8859-1"),
        ("", "iso-8859-1", "iso-8859-1"),
        ("", "", "utf-8"),
        ("UTF-16", "", "utf-16"),
        ("utf-8", "iso-8859-1", "utf-8"),
    ],
)
def test_an_encoding_is_what_the_document_says_or_else_http(
    declared: str, charset: str, encoding: str
) -> None:
    """Old portals write ISO-8859-1."""
    text = Graph().parse(data=PREFIXES + GARES, format="turtle").serialize(format="xml")
    text = text.partition("?>")[2].strip()
    if declared:
        text = f"<?xml version='1.0' encoding='{declared}'?>{text}"
    document = CatalogueDocument("https://example.org", "text/xml", charset)

    (found,) = parse(text.encode(encoding), document).found

    assert found is not None
    assert found.publisher == "Région Île-de-France"


@pytest.mark.slow
def test_a_literal_of_many_elements_ends_the_parser() -> None:
    """It takes the square of their number: ten minutes for 100 KB."""
    content = (
        '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:d="urn:d:">'
        f'<r:Description><d:title r:parseType="Literal">{"<br/>" * 20_000}</d:title>'
        "</r:Description></r:RDF>"
    )
    with pytest.raises(HarvestError, match=r"^https://example\.org: takes more than 2 s .*page"):
        parsed(content.encode(), "text/xml", 2)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["turtle", "xml"])
def test_a_long_prefix_that_is_used_often_ends_the_parser(form: str) -> None:
    """Half a megabyte would take gigabytes. The portal is named."""
    start, numbers = f"http://example.org/{'a' * 300_000}/", range(8_000)
    text, kind = (
        (
            f"{PREFIXES}@prefix p: <{start}> ."
            + "".join(f"p:{number} a dcat:Dataset ." for number in numbers),
            "text/turtle",
        )
        if form == "turtle"
        else (
            '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
            f' xmlns:d="{DCAT_URI}" xml:base="{start}">'
            + "".join(f'<d:Dataset r:about="{number}"/>' for number in numbers)
            + "</r:RDF>",
            "application/rdf+xml",
        )
    )
    with portal() as served:
        served.documents["/c"] = Answer(body=text.encode(), headers={"Content-Type": kind})
        with pytest.raises(HarvestError, match="768 MB of memory") as caught:
            read(served, "/c")
    assert str(caught.value).startswith(served.url)


@pytest.mark.parametrize(
    "text",
    [
        '<urn:d> a dcat:Dataset ; dct:title "1E+999999999"^^xsd:decimal .',
        (
            f'{{"@id": "urn:d", "@type": "{DCAT_URI}Dataset",'
            ' "http://purl.org/dc/terms/title": {"@value": "1E+999999999",'
            ' "@type": "http://www.w3.org/2001/XMLSchema#decimal"}}'
        ),
    ],
)
def test_a_literal_is_read_as_it_is_written(text: str) -> None:
    """The RDF library would write out its thousand million digits."""
    is_json = text.startswith("{")
    page = parsed((text if is_json else PREFIXES + text).encode(), ".jsonld" if is_json else ".ttl")

    assert [one.title for one in page.found if one is not None] == ["1E+999999999"]


D = "<urn:d{}> a dcat:Dataset . "
NEXT = "<> hydra:next <PORTAL/{}> . "
TOTAL = "<> hydra:totalItems '{}' . "
SERVICE = "<urn:s> a dcat:DataService . "


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pages", "datasets", "incomplete"),
    [
        # By Hydra's links, as udata (next) and CKAN (nextPage) write them.
        ([D + NEXT.format(1), D + NEXT.replace("next", "nextPage").format(2), D], 3, None),
        ([D + NEXT.format(0)], 1, "circle"),
        # A dataset that is removed meanwhile moves another one to a page that was read before.
        (
            [D + NEXT.format(1) + TOTAL.format(151), D + TOTAL.format(150)],
            2,
            "151 datasets, then 150",
        ),
        # What it leaves out, as one that it cannot write, is not gone; services may be counted.
        ([D + SERVICE + TOTAL.format(3)], 1, "2 of 3 datasets were listed"),
        *(([D + SERVICE + TOTAL.format(total)], 1, None) for total in (2, 1, "x")),
        *(
            ([D + NEXT.format(1), wrong], 1, "")
            for wrong in (Answer(500), Answer(body=b"<html>"), Answer(404))
        ),
    ],
)
def test_pages_are_followed(
    pages: list[str | Answer], datasets: int, incomplete: str | None
) -> None:
    """What was on the pages before one that cannot be read counts."""
    with portal() as served:
        for number, page in enumerate(pages):
            if isinstance(page, str):
                text = PREFIXES + page.replace("{}", str(number)).replace("PORTAL", served.url)
                headers = {"Content-Type": "text/turtle"}
                page = Answer(body=text.encode(), headers=headers)  # noqa: PLW2901
            served.documents[f"/{number}"] = page
        snapshot = read(served, "/0")

    assert len(snapshot.found) == datasets
    assert bool(snapshot.incomplete) is (incomplete is not None)
    assert (incomplete or "") in snapshot.incomplete


def test_a_context_elsewhere_is_not_fetched() -> None:
    """The RDF library would ask any address for it, without bounds."""
    with portal() as served:
        document = {"@context": f"{served.url}/context", "@id": "urn:d", "@type": "dcat:Dataset"}
        with pytest.raises(HarvestError, match=r"/context: is a context outside .*: take the cat"):
            parsed(json.dumps(document).encode(), ".jsonld")

    assert served.requests == []


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/turtle", b"<!doctype html><title>Erreur</title>"),
        ("application/rdf+xml", b"<html><p>Erreur</html>"),
        ("application/ld+json", b"{"),
        ("text/html", b"<!doctype html>"),
        ("", b"\x00\x01"),
    ],
)
def test_what_is_no_catalogue_is_said_to_be_none(kind: str, content: bytes) -> None:
    with pytest.raises(HarvestError) as caught:
        parsed(content, kind)
    assert "\n" not in str(caught.value)


def test_a_dataset_without_any_name_is_noticed(tmp_path: Path) -> None:
    """The harvest is then incomplete: it may be one that is known."""
    file = tmp_path / "c.ttl"
    file.write_text(f"{PREFIXES}[] a dcat:Dataset . <urn:d> a dcat:Dataset .")

    snapshot = read_dcat_file(file)

    assert len(snapshot.found) == 1
    assert "neither address nor identifier" in snapshot.incomplete


def test_json_ld_may_name_its_graph() -> None:
    document = {"@id": "urn:graph", "@graph": [{"@id": "urn:d", "@type": f"{DCAT_URI}Dataset"}]}

    page = parsed(json.dumps(document).encode(), ".jsonld")

    assert [one.key for one in page.found if one is not None] == ["urn:d"]
