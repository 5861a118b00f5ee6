"""The catalogue of open data, as those who harvest it read it."""

from __future__ import annotations

import re
import sys
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from rdflib import DCAT, DCTERMS, FOAF, RDF, SKOS, Graph, Namespace, URIRef
from rdflib.term import Node

from catalogue.open_data import LICENCE
from events.dataset import DatasetProbed, DatasetReleased, DataState, Licence
from report.dcat import CATALOGUES, catalogue_of
from sources.harvest.dcat import parse
from sources.harvest.dcat_document import CatalogueDocument
from sources.harvest.vocabularies import theme_of
from tests.support.commands import captured, run_inside_with
from tests.support.knowledge import LAST_DAY, knowledge, shipped, view
from tests.support.served_page import ServedPage
from tests.support.watched_publisher import RecordingPublisher

VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
[DOCUMENTED] = re.findall(
    r"`smart-region (harvest dcat https://HOST/catalogue.ttl [^`]+)`",
    (Path(__file__).parents[3] / "docs/page.md").read_text(encoding="utf-8"),
)
PROGRAMMES = {
    one.id: programme for programme in shipped().programmes for one in programme.indicators
}
OWNERS = {one.id: [f"{one.id}@example.org"] for one in shipped().programmes}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return catalogue_of(shipped(), knowledge(), view(), OWNERS)


def indicator_of(dataset: Node) -> str:
    return str(dataset).rpartition("/")[2]


@pytest.mark.slow
@pytest.mark.parametrize("form", CATALOGUES)
def test_our_own_harvest_reads_every_indicator_back(
    page: ServedPage, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = RecordingPublisher()
    monkeypatch.setattr("sources.emitting.options.open_publisher", lambda *_: sent)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with page.serving() as address:
        url = f"{address}/catalogue.{form}"
        command = DOCUMENTED.replace("https://HOST/catalogue.ttl", url).split()
        done = run_inside_with({}, *command, "--pause", "0", "--private-addresses")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 refused, 0 problems" in done.stdout
    facts = [one.fact for one in sent.events]
    released = {one.title: one for one in facts if isinstance(one, DatasetReleased)}
    assert released.keys() == {one.title for one in shipped().indicators}
    for indicator in shipped().indicators:
        found = released[indicator.title]
        assert found.licence is Licence.OPEN_LICENCE
        assert found.publisher == "Région Île-de-France"
        assert found.update_frequency == str(indicator.periodicity)
        assert found.theme is theme_of([f"x://x/{PROGRAMMES[indicator.id].theme}"], {})
    probed = [one for one in facts if isinstance(one, DatasetProbed)]
    assert {one.data_state for one in probed} == {DataState.CURRENT}
    assert {(one.distributions, one.failing_distributions) for one in probed} == {(3, 0)}
    assert len(probed) == len(released)


@pytest.mark.slow
@pytest.mark.parametrize("form", CATALOGUES)
def test_addresses_are_of_where_the_catalogue_was_read(page: ServedPage, form: str) -> None:
    """The page may live below any path of any proxy."""
    [answer] = page.ask(f"/catalogue.{form}?as_of=2018-01-31")
    base = f"https://proxy.example/sous/chemin/catalogue.{form}"
    found = parse(answer.body.encode(), CatalogueDocument(base, CATALOGUES[form][0])).found
    urls = [one.url for described in found if described for one in described.distributions]
    ends = (".csv", ".json", "/datapackage.json")
    assert sorted(urls) == sorted(
        f"https://proxy.example/sous/chemin/promesses/{one.id}{end}?as_of=2018-01-31"
        for one in shipped().indicators
        for end in ends
    )
    answers = page.ask(
        *(urlsplit(url)._replace(scheme="", netloc="").geturl()[12:] for url in urls)
    )
    assert {one.status for one in answers} == {200}


@pytest.mark.parametrize(
    "path",
    [
        "/catalogue.ttl",
        "/catalogue.jsonld",
        *(
            "/promesses/schools_connected_ratio" + end
            for end in (".csv", ".csv-metadata.json", "/datapackage.json")
        ),
    ],
)
def test_no_header_of_a_reader_changes_what_others_get_from_a_cache(
    page: ServedPage, path: str
) -> None:
    names = ("Host", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Original-URL")
    [plain] = page.ask(path)
    [other] = page.ask(path, **dict.fromkeys(names, "evil.example"))
    assert other.body == plain.body
    assert [one for one in other.headers.values() if "evil" in one] == []


@pytest.mark.slow
def test_the_same_figures_are_the_same_bytes() -> None:
    """Whatever the order in which a process has its sets."""
    program = """
from datetime import date, timedelta
from hashlib import sha256
from catalogue.loader import load_catalogue
from report.dcat import CATALOGUES, catalogue_of
from report.knowledge import Knowledge
from report.view import View
catalogue, day = load_catalogue(), date(2018, 1, 31)
graph = catalogue_of(catalogue, Knowledge(catalogue, {}, {}), View(day, None, "region", day))
print([sha256(text_of(graph).encode()).hexdigest() for _, text_of in CATALOGUES.values()])
"""
    found = {
        captured([sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}).stdout
        for seed in "123"
    }
    assert len(found) == 1
    assert len(found.pop()) > 100


@pytest.mark.filterwarnings("ignore:.* is deprecated, use Dataset:DeprecationWarning:rdflib")
def test_both_forms_say_the_same(page: ServedPage) -> None:
    answers = page.ask(*(f"/catalogue.{form}" for form in CATALOGUES))
    read = [
        {*Graph().parse(data=answer.body, format=form, publicID="https://page.example/")}
        for answer, form in zip(answers, ("turtle", "json-ld"), strict=True)
    ]
    assert read[0] == read[1]
    assert len(read[0]) > 1000


#: DCAT-AP 3.0.0, section "Quick Reference": the mandatory properties of each class that the
#: catalogue has, and the recommended ones. Left out: the release date and the availability, which
#: nobody has declared; services, of which there are none; outlines of places, which NUTS has.
REQUIRED = {
    DCAT.Catalog: (
        *(DCTERMS.description, DCTERMS.publisher, DCTERMS.title),
        *(DCAT.dataset, DCTERMS.spatial, FOAF.homepage, DCTERMS.language, DCTERMS.license),
        *(DCTERMS.modified, DCAT.themeTaxonomy),
    ),
    DCAT.Dataset: (
        *(DCTERMS.description, DCTERMS.title),
        *(DCAT.contactPoint, DCAT.distribution, DCTERMS.spatial, DCAT.keyword),
        *(DCTERMS.publisher, DCTERMS.temporal, DCAT.theme),
    ),
    DCAT.Distribution: (
        DCAT.accessURL,
        *(DCTERMS.description, DCTERMS["format"], DCTERMS.license),
    ),
    FOAF.Agent: (FOAF.name, DCTERMS.type),
    SKOS.Concept: (SKOS.prefLabel,),
    SKOS.ConceptScheme: (DCTERMS.title,),
    DCTERMS.LicenseDocument: (DCTERMS.type,),
    DCTERMS.PeriodOfTime: (DCAT.startDate, DCAT.endDate),
}

#: Sections "Catalogue", "Dataset" and "Distribution": the class of each property's values.
RANGES = {
    DCAT.contactPoint: VCARD.Kind,
    DCAT.dataset: DCAT.Dataset,
    DCAT.distribution: DCAT.Distribution,
    DCAT.landingPage: FOAF.Document,
    DCAT.mediaType: DCTERMS.MediaType,
    DCAT.theme: SKOS.Concept,
    DCAT.themeTaxonomy: SKOS.ConceptScheme,
    DCTERMS.accrualPeriodicity: DCTERMS.Frequency,
    DCTERMS.conformsTo: DCTERMS.Standard,
    DCTERMS["format"]: DCTERMS.MediaTypeOrExtent,
    DCTERMS.language: DCTERMS.LinguisticSystem,
    DCTERMS.license: DCTERMS.LicenseDocument,
    DCTERMS.publisher: FOAF.Agent,
    DCTERMS.spatial: DCTERMS.Location,
    DCTERMS.temporal: DCTERMS.PeriodOfTime,
    DCTERMS.type: SKOS.Concept,
    FOAF.homepage: FOAF.Document,
}
#: The same sections: at most one value each.
ONCE = (
    *(DCTERMS.accrualPeriodicity, DCTERMS["format"], DCTERMS.license, DCTERMS.modified),
    *(DCTERMS.publisher, DCAT.mediaType, FOAF.homepage),
)


def test_a_figure_that_changes_by_itself_was_modified_by_its_last_fact(graph: Graph) -> None:
    """A dataset that nobody releases becomes overdue, and no fact says so."""
    history = knowledge().histories["datasets_fresh_ratio", None]
    last = max(day for day in history.reports if day <= LAST_DAY)
    assert max(history.curve[0]) > last
    found = {
        str(modified)
        for dataset, modified in graph.subject_objects(DCTERMS.modified)
        if indicator_of(dataset) == "datasets_fresh_ratio"
    }
    assert found == {last.isoformat()}


@pytest.mark.parametrize("kind", REQUIRED)
def test_each_class_has_what_dcat_ap_asks_of_it(graph: Graph, kind: URIRef) -> None:
    things = [*graph.subjects(RDF.type, kind)]
    assert things
    for thing in things:
        assert [name for name in REQUIRED[kind] if (thing, name, None) not in graph] == []


@pytest.mark.parametrize("name", RANGES)
def test_each_value_is_of_the_class_that_dcat_ap_asks_for(graph: Graph, name: URIRef) -> None:
    values = {*graph.objects(None, name)}
    assert values
    assert {value for value in values if (value, RDF.type, RANGES[name]) not in graph} == set()


@pytest.mark.parametrize("name", ONCE)
def test_what_may_be_there_once_is(graph: Graph, name: URIRef) -> None:
    for thing in graph.subjects(name, unique=True):
        assert len([*graph.objects(thing, name)]) == 1


def test_a_dataset_says_what_its_indicator_is(graph: Graph) -> None:
    for dataset in graph.subjects(RDF.type, DCAT.Dataset):
        indicator = shipped().indicator(indicator_of(dataset))
        assert str(graph.value(dataset, DCTERMS.title)) == indicator.title
        assert str(graph.value(dataset, DCTERMS.description)) == indicator.definition
        assert str(graph.value(dataset, DCTERMS.identifier)) == str(dataset)
        assert str(dataset).startswith("tag:iledefrance.fr,2026:")
        assert len([*graph.objects(dataset, DCTERMS.spatial)]) == len(indicator.territories)
        contact = graph.value(dataset, DCAT.contactPoint)
        programme = PROGRAMMES[indicator.id]
        assert str(graph.value(contact, VCARD.fn)) == programme.owner
        assert str(graph.value(contact, VCARD.hasEmail)) == f"mailto:{programme.id}@example.org"
    assert {str(one) for one in graph.objects(None, DCTERMS.license)} == {LICENCE["path"]}


def periods(day: date) -> dict[str, tuple[date, date]]:
    found = catalogue_of(shipped(), knowledge(), view(day))
    return {
        indicator_of(dataset): (
            date.fromisoformat(str(found.value(period, DCAT.startDate))),
            date.fromisoformat(str(found.value(period, DCAT.endDate))),
        )
        for dataset, period in found.subject_objects(DCTERMS.temporal)
    }


def test_a_period_is_of_the_days_whose_figures_are_known() -> None:
    last, earlier = periods(LAST_DAY), periods(date(2017, 6, 30))
    assert last.keys() == {one.id for one in shipped().indicators}
    for name, (first, until) in last.items():
        indicator = shipped().indicator(name)
        histories = [knowledge().histories[name, one] for one in indicator.territories]
        assert any(one.value(first) is not None for one in histories)
        assert all(one.value(first - timedelta(days=1)) is None for one in histories)
        assert first <= until <= LAST_DAY
        if indicator.publication is not None:
            assert until <= indicator.publication.day(LAST_DAY)
    for name, (first, until) in earlier.items():
        assert first == last[name][0]
        assert until <= date(2017, 6, 30)


def test_before_its_first_figure_a_dataset_is_there_without_a_period() -> None:
    """Who harvests a catalogue takes a missing dataset for a withdrawn one."""
    found = catalogue_of(shipped(), knowledge(), view(date(2012, 1, 1)))
    assert len([*found.subjects(RDF.type, DCAT.Dataset)]) == len(shipped().indicators)
    assert periods(date(2012, 1, 1)) == {}


def test_pages_lead_to_the_catalogue(page: ServedPage) -> None:
    [answer] = page.ask("/promesses/schools_connected_ratio")
    for form, (media_type, _) in CATALOGUES.items():
        assert f'<link rel="alternate" type="{media_type}"' in answer.body
        assert f'href="../catalogue.{form}"' in answer.body
