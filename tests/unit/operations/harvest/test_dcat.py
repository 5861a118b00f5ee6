"""Catalogues in DCAT-AP, in each of their forms."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from itertools import pairwise
from pathlib import Path

import pytest
import rdflib
from rdflib import Graph

from operations.harvest.dcat import described_in, parse_graph, read_dcat, read_dcat_file
from operations.harvest.polite_client import PoliteClient, Politeness
from operations.harvest.portal_dataset import Distribution
from operations.harvest.snapshot import CatalogueError, PortalSnapshot
from operations.harvest.validators import Validators
from tests.support.harvests import PRIVATE
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


def no_fetch(address: str) -> object:
    """Fail: nothing else is to be fetched."""
    raise AssertionError(address)


def read(served: Portal, path: str, known: Validators | None = None) -> PortalSnapshot:
    """Read a portal on loopback without pauses."""
    how = Politeness("x@example.org", pause=0, seconds=5, network=PRIVATE, sleep=lambda _: None)
    with PoliteClient(how) as client:
        return read_dcat(client, served.url + path, known or Validators())


@pytest.mark.parametrize("form", FORMS)
def test_each_form_says_the_same(form: str, tmp_path: Path) -> None:
    """RDF/XML, Turtle and JSON-LD, also where the file's name does not say which."""
    graph = Graph().parse(data=PREFIXES + GARES, format="turtle")
    file = tmp_path / f"catalogue{FORMS[form]}"
    graph.serialize(file, format=form)
    nameless = tmp_path / "catalogue"
    nameless.write_bytes(file.read_bytes())

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


@pytest.mark.parametrize("form", FORMS)
def test_a_byte_order_mark_is_left_out(form: str) -> None:
    """Programs on Windows write one, which no parser but that of XML takes."""
    text = Graph().parse(data=PREFIXES + GARES, format="turtle").serialize(format=form)
    graph = parse_graph(
        BOM_UTF8 + text.encode(), FORMS[form], base="https://example.org", fetch=no_fetch
    )
    assert len(list(described_in(graph))) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_that_declares_entities_is_refused(encoding: str) -> None:
    """A kilobyte of them did not end: each is ten times the one before."""
    names = "abcdefghij"
    entities = "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names)
    )
    document = (
        f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{entities}]>'
        '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:d="urn:d:">'
        "<r:Description><d:title>&j;</d:title></r:Description></r:RDF>"
    )
    with pytest.raises(CatalogueError, match="declares entities"):
        parse_graph(document.encode(encoding), "text/xml", base="urn:x", fetch=no_fetch)


def test_a_document_that_declares_attributes_is_refused() -> None:
    """Each element would have its own copy of a default of any length."""
    document = (
        '<!DOCTYPE r [<!ATTLIST r:Description d:title CDATA "a long title">]>'
        '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:d="urn:d:">'
        "<r:Description/></r:RDF>"
    )
    with pytest.raises(CatalogueError, match="declares entities or attributes"):
        parse_graph(document.encode(), "text/xml", base="urn:x", fetch=no_fetch)


@pytest.mark.parametrize(
    "text",
    [
        '<urn:d> dct:title "1E+999999999"^^xsd:decimal .',
        (
            '{"@id": "urn:d", "http://purl.org/dc/terms/title": {"@value": "1E+999999999",'
            ' "@type": "http://www.w3.org/2001/XMLSchema#decimal"}}'
        ),
    ],
)
def test_a_literal_is_read_as_it_is_written(text: str) -> None:
    """The RDF library would write out its thousand million digits."""
    is_json = text.startswith("{")
    document = text if is_json else PREFIXES + text

    graph = parse_graph(
        document.encode(), ".jsonld" if is_json else ".ttl", base="urn:x", fetch=no_fetch
    )

    assert [str(one) for one in graph.objects()] == ["1E+999999999"]
    assert rdflib.NORMALIZE_LITERALS


def test_what_datasets_share_has_a_bound() -> None:
    """A theme of a thousand labels that a thousand datasets name would be a million words."""
    labels = ", ".join(f'"{number}"' for number in range(1_000))
    text = f"<urn:t> dct:title {labels} . <urn:d> a dcat:Dataset ; dcat:theme <urn:t> ;"
    text += " dct:license <urn:t> ; dcat:distribution <urn:p> . <urn:p> dct:license <urn:t> ."
    graph = parse_graph((PREFIXES + text).encode(), ".ttl", base="urn:x", fetch=no_fetch)

    (found,) = described_in(graph)

    assert found is not None
    assert 20 < len(found.themes) <= 51
    assert len(found.licences) <= 51


def test_a_context_that_many_parts_refer_to_has_a_bound() -> None:
    """Each of them reads all of it."""
    context = {"@context": {f"t{number}": f"urn:{number}" for number in range(10_000)}}

    def parsed(count: int) -> Graph:
        parts = [{"@context": "https://example.org/c", "@id": "urn:d"}] * count
        content = json.dumps({"@graph": parts}).encode()
        return parse_graph(content, ".jsonld", base="urn:x", fetch=lambda _: context)

    parsed(3)
    with pytest.raises(CatalogueError, match="referred to too often"):
        parsed(300)


def test_pages_are_followed() -> None:
    """By Hydra's links, as udata (next) and CKAN (nextPage) write them."""
    with portal() as served:
        for number, link in enumerate(("hydra:next", "hydra:nextPage", "")):
            text = f"<urn:d{number}> a dcat:Dataset .\n"
            if link:
                text += f"<> {link} <{served.url}/catalog?page={number + 1}> .\n"
            served.lie(
                f"page={number}",
                Answer(body=(PREFIXES + text).encode(), headers={"Content-Type": "text/turtle"}),
            )
        snapshot = read(served, "/catalog?page=0")

    assert [one.key for one in snapshot.found] == ["urn:d0", "urn:d1", "urn:d2"]
    assert snapshot.incomplete == ""
    assert snapshot.validators == Validators()


@pytest.mark.parametrize("second", [Answer(500), Answer(body=b"<html>"), Answer(404)])
def test_a_page_that_cannot_be_read_leaves_it_incomplete(second: Answer) -> None:
    """What was on the pages before counts."""
    with portal() as served:
        text = f"{PREFIXES}<urn:d> a dcat:Dataset . <> hydra:next <{served.url}/2> ."
        served.documents["/1"] = Answer(body=text.encode(), headers={"Content-Type": "text/turtle"})
        served.documents["/2"] = second
        snapshot = read(served, "/1")

    assert len(snapshot.found) == 1
    assert snapshot.incomplete


def test_pages_that_count_differently_leave_it_incomplete() -> None:
    """A dataset that is removed meanwhile moves another one to a page that was read before."""
    with portal() as served:
        for page, (total, link) in {
            "/1": (151, f"hydra:next <{served.url}/2> ;"),
            "/2": (150, ""),
        }.items():
            text = (
                f"{PREFIXES}<urn:d{page[1:]}> a dcat:Dataset . <> {link} hydra:totalItems {total} ."
            )
            served.documents[page] = Answer(
                body=text.encode(), headers={"Content-Type": "text/turtle"}
            )
        snapshot = read(served, "/1")

    assert len(snapshot.found) == 2
    assert "151 datasets, then 150" in snapshot.incomplete


@pytest.mark.parametrize(
    ("total", "said"), [(3, "2 of 3 datasets were listed"), (2, ""), (1, ""), ("x", "")]
)
def test_a_catalogue_that_counts_more_than_it_lists_is_incomplete(
    total: int | str, said: str
) -> None:
    """What it leaves out, as one that it cannot write, is not gone; services may be counted too."""
    with portal() as served:
        text = (
            f"{PREFIXES}<urn:d> a dcat:Dataset . <urn:s> a dcat:DataService ."
            f" <> hydra:totalItems '{total}' ."
        )
        served.documents["/1"] = Answer(body=text.encode(), headers={"Content-Type": "text/turtle"})
        snapshot = read(served, "/1")

    assert len(snapshot.found) == 1
    assert snapshot.incomplete == said


def test_pages_in_a_circle_end() -> None:
    """The portal's own mistake."""
    with portal() as served:
        text = f"{PREFIXES}<urn:d> a dcat:Dataset . <> hydra:next <{served.url}/1> ."
        served.documents["/1"] = Answer(body=text.encode(), headers={"Content-Type": "text/turtle"})
        snapshot = read(served, "/1")

    assert "circle" in snapshot.incomplete
    assert len(served.paths()) == 1


def test_an_unchanged_catalogue_is_not_read_again() -> None:
    """The server is asked by the mark that it gave."""
    with portal() as served:
        served.documents["/c"] = Answer(
            body=(PREFIXES + GARES).encode(), headers={"Content-Type": "text/turtle"}
        )
        first = read(served, "/c")
        second = read(served, "/c", first.validators)

    assert not first.is_unchanged
    assert second.is_unchanged


def test_a_context_is_fetched_by_the_polite_client() -> None:
    """And not by the RDF library, which would ask any address without bounds."""
    with portal() as served:
        served.documents["/context"] = Answer(
            body=json.dumps({"@context": {"dcat": "http://www.w3.org/ns/dcat#"}}).encode()
        )
        document = {"@context": f"{served.url}/context", "@id": "urn:d", "@type": "dcat:Dataset"}
        served.documents["/c"] = Answer(
            body=json.dumps(document).encode(), headers={"Content-Type": "application/ld+json"}
        )
        snapshot = read(served, "/c")

    assert [one.key for one in snapshot.found] == ["urn:d"]
    assert all("harvest" in one.headers["User-Agent"] for one in served.requests)


@pytest.mark.parametrize(
    "context",
    [
        {"@import": "http://169.254.169.254/"},
        {"a": {"@id": "urn:a", "@context": {"@import": "http://169.254.169.254/"}}},
        [f"http://10.0.0.{number}/" for number in range(20)],
    ],
)
def test_a_context_that_asks_for_more_is_refused(context: object) -> None:
    """An import, or more of them than any catalogue has."""
    with pytest.raises(CatalogueError, match="context"):
        parse_graph(
            json.dumps({"@context": context}).encode(),
            "application/ld+json",
            base="https://data.example.org/",
            fetch=lambda _: {"@context": {}},
        )


def test_contexts_that_refer_to_each_other_end() -> None:
    """At a depth that no catalogue has."""
    with pytest.raises(CatalogueError, match="context"):
        parse_graph(
            b'{"@context": "https://example.org/a"}',
            ".jsonld",
            base="https://data.example.org/",
            fetch=lambda address: {"@context": address},
        )


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
    """In one line."""
    with pytest.raises(CatalogueError) as caught:
        parse_graph(content, kind, base="https://data.example.org/", fetch=no_fetch)
    assert "\n" not in str(caught.value)


def test_an_entity_of_a_file_is_not_read(tmp_path: Path) -> None:
    """RDF/XML may name files of this machine."""
    secret = tmp_path / "secret"
    secret.write_text("le secret")
    text = (
        f'<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
        ' xmlns:dct="http://purl.org/dc/terms/" xmlns:dcat="http://www.w3.org/ns/dcat#">'
        '<dcat:Dataset rdf:about="urn:d"><dct:title>&x;</dct:title></dcat:Dataset></rdf:RDF>'
    )
    with pytest.raises(CatalogueError, match="declares entities"):
        parse_graph(text.encode(), ".rdf", base="urn:c", fetch=no_fetch)


def test_a_dataset_without_any_name_is_noticed(tmp_path: Path) -> None:
    """The harvest is then incomplete: it may be one that is known."""
    file = tmp_path / "c.ttl"
    file.write_text(f"{PREFIXES}[] a dcat:Dataset . <urn:d> a dcat:Dataset .")

    snapshot = read_dcat_file(file)

    assert len(snapshot.found) == 1
    assert "neither address nor identifier" in snapshot.incomplete


def test_json_ld_may_name_its_graph() -> None:
    """What it says in it is read too."""
    document = {"@id": "urn:graph", "@graph": [{"@id": "urn:d", "@type": f"{DCAT_URI}Dataset"}]}

    graph = parse_graph(json.dumps(document).encode(), ".jsonld", base="urn:c", fetch=no_fetch)

    assert [one.key for one in described_in(graph) if one is not None] == ["urn:d"]
