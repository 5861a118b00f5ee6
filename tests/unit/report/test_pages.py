"""Every page as a reader, a screen reader and a browser under our policy get it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache

import pytest

from report.overview import overview_of
from report.view import View
from tests.support.elements import Elements
from tests.support.knowledge import knowledge, shipped, view
from tests.support.served_page import page_over

BEFORE_ALL = date(2010, 1, 1)
VIEWS = [
    view(),
    view(territory="77"),
    view(date(2017, 3, 31), known_on=date(2018, 1, 1)),
    view(BEFORE_ALL),
]
MOST_BYTES = 100_000


def every_page(chosen: View) -> Iterator[tuple[str, str]]:
    since = max(chosen.as_of - timedelta(days=365), BEFORE_ALL)
    paths = {
        "overview": f"/{chosen.query()}",
        **{one.id: f"/promesses/{one.id}{chosen.query()}" for one in shipped().indicators},
        "comparison": f"/comparaison{chosen.query(since=since)}",
        "method": f"/methode{chosen.query()}",
        "error": "/promesses/x?as_of=%3Cb%3E",
    }
    with page_over() as page:
        yield from zip(paths, (one.body for one in page.ask(*paths.values())), strict=True)


@cache
def pages_of(chosen: View) -> dict[str, str]:
    return dict(every_page(chosen))


@pytest.fixture(params=VIEWS, ids=lambda one: f"{one.as_of}-{one.territory}")
def pages(request: pytest.FixtureRequest) -> dict[str, str]:
    return pages_of(request.param)


def test_elements_are_closed_in_order(pages: dict[str, str]) -> None:
    for page in pages.values():
        Elements(page)


def test_a_page_is_light(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        without_charts = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
        assert len(without_charts.encode()) <= MOST_BYTES, name


def test_no_cell_is_a_bare_dash_or_empty(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        for cell in Elements(page).cells:
            assert cell.strip(" \n–-—"), name


def test_less_than_two_is_singular(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        wrong = re.findall(r"(?<![0-9,\u202f])[01](?:,[0-9]+)?[\s\u00a0](?:points|jours)", page)
        assert not wrong, name


def test_a_figure_that_has_not_changed_is_no_zero() -> None:
    changes = re.findall(
        r'data-label="Sur 30 jours" class="number">(.*?)</td>', pages_of(view())["overview"]
    )

    assert len(changes) == len(shipped().indicators)
    assert any("inchangé" in one for one in changes)
    assert not [one for one in changes if re.match(r"0[\s,]", one)]


def test_a_published_figure_has_its_day_wherever_it_stands() -> None:
    page = pages_of(view())["trainees_enrolled"]
    assert page.count("publié au 30/11/2018") >= 3
    assert "Au 31/12/2018 : " in page
    assert re.search(r"Au 31/12/2018 : [0-9\u202f]+ \(publié au 30/11/2018\)", page)


@pytest.mark.parametrize(
    ("territory", "told"),
    [
        ("region", "Valeur de départ : 41 au 01/01/2016"),
        ("77", "La valeur de départ n’est pas connue pour ce territoire."),
    ],
)
def test_a_territory_has_its_own_start(territory: str, told: str) -> None:
    page = pages_of(view(territory=territory))["coworking_sites_supported"]
    assert told in page
    assert ("Valeur de départ : 41" in page) is (territory == "region")


def test_a_territory_that_is_held_to_no_target_is_not_said_to_have_no_promise() -> None:
    page = pages_of(view(territory="77"))["overview"]
    (row,) = re.findall(
        r"<tr>\s*<th[^>]*><a[^>]*>Subventions engagées</a>.*?</tr>", page, re.DOTALL
    )
    assert "la promesse ne fixe pas de cible à ce territoire" in row
    assert "n’énonce pas de cible pour ces indicateurs" not in page


def test_what_is_compared_of_the_whole_region_says_so() -> None:
    page = pages_of(view(territory="77"))["comparison"]
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", page, re.DOTALL)
    marked = {"Région entière" in row for row in rows if "Jeux de données" in row}
    assert marked == {True}
    assert not [row for row in rows if "Lycées" in row and "Région entière" in row]


def test_a_deadline_of_the_day_is_said_to_be() -> None:
    chosen = view(date(2020, 12, 31))
    (coming, *_) = overview_of(knowledge(), chosen).coming
    assert coming.text == "échéance ce jour, le 31/12/2020"
    (coming, *_) = overview_of(knowledge(), view(date(2020, 12, 30))).coming
    assert coming.text == "échéance le 31/12/2020, dans 1\u00a0jour"


def test_nothing_is_loaded_from_elsewhere(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        elements = Elements(page)
        loaded = [
            *(one.get("src") for one in elements.of("script")),
            *(one.get("href") for one in elements.of("link") if one.get("rel") != "alternate"),
            *(one.get("src") for one in elements.of("img")),
        ]
        assert all(one and re.match(r"(\./|(\.\./)+)static/", one) for one in loaded), name
        attributes = {key for _, found in elements.found for key in found}
        assert not {key for key in attributes if key == "style" or key.startswith("on")}, name
        assert not elements.of("style")


def test_links_are_relative(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        for link in Elements(page).of("a"):
            href = link.get("href") or ""
            external = link.get("rel") == "external license"
            assert external or re.match(r"\./|\.\./|\?|#", href) or href == "", (name, href)


def test_a_page_of_today_refreshes_itself_and_no_other() -> None:
    refreshed = [bool(Elements(pages_of(one)["overview"]).of("script")) for one in VIEWS]
    assert refreshed == [True, True, False, False]
