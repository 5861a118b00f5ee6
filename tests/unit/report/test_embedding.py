"""Charts for other sites: what each shows, and who may frame it."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from report.site import PageSite
from tests.support.knowledge import shipped
from tests.support.served_page import Answer, ServedPage

SITES = "https://www.iledefrance.fr https://*.example.org"
CHARTS = (
    "carte",
    "promesses/schools_connected_ratio/evolution",
    "promesses/schools_connected_ratio/territoires",
    "promesses/trainees_enrolled/evolution",
    "promesses/schools_connected_ratio/carte",
    "promesses/premises_connectable_ratio/carte",
)
DAYS = "?as_of=2018-01-31&territory=77"


def policy(answer: Answer) -> dict[str, str]:
    directives = (
        one.split(" ", 1) for one in answer.headers["Content-Security-Policy"].split("; ")
    )
    return {name: " ".join(values) for name, *values in directives}


@pytest.mark.parametrize("chart", CHARTS)
def test_an_image_is_a_whole_file_without_links(page: ServedPage, chart: str) -> None:
    [answer] = page.ask(f"/images/{chart}.svg{DAYS}")

    drawn = ET.fromstring(answer.body)  # noqa: S314 - our own

    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    names = {one.tag.rpartition("}")[2] for one in drawn.iter()}
    assert names >= {"title", "desc", "style"}
    assert not names & {"a", "script", "image", "foreignObject"}


def test_any_site_may_show_an_image_in_which_nothing_runs(page: ServedPage) -> None:
    [answer] = page.ask("/images/carte.svg")

    assert answer.headers.getall("Cross-Origin-Resource-Policy") == ["cross-origin"]
    assert policy(answer) == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "sandbox": "",
    }


@pytest.mark.parametrize("chart", CHARTS)
def test_a_frame_shows_the_chart_and_leads_to_its_figures(page: ServedPage, chart: str) -> None:
    [answer] = page.ask(f"/cadres/{chart}{DAYS}")

    assert answer.status == 200
    assert "<svg " in answer.body
    path = chart if chart.endswith("/carte") else chart.rpartition("/")[0]
    up = "../" * (chart.count("/") + 1)
    assert f'href="{up}{path}?as_of=2018-01-31&amp;known_on=' in answer.body
    assert answer.body.count("<a ") == 1


def test_the_sites_of_the_setting_alone_may_frame_charts_and_nothing_else(page: ServedPage) -> None:
    framed, usual = replace(page, site=PageSite(frame_sites=SITES)).ask("/cadres/carte", "/")
    [unset] = page.ask("/cadres/carte")

    assert policy(framed) == policy(usual) | {"frame-ancestors": f"'self' {SITES}"}
    assert policy(usual)["frame-ancestors"] == policy(unset)["frame-ancestors"] == "'none'"


@pytest.mark.parametrize(
    "path",
    [
        "/images/promesses/schools_connected_ratio/inconnu.svg",
        "/cadres/promesses/schools_connected_ratio/inconnu",
        "/images/promesses/inconnue/evolution.svg",
        "/images/inconnue.svg",
    ],
)
def test_a_chart_that_does_not_exist_is_not_found(page: ServedPage, path: str) -> None:
    [answer] = page.ask(path)
    assert answer.status == 404


def test_every_chart_on_a_page_is_offered_to_other_sites(page: ServedPage) -> None:
    [indicator, *_] = shipped().indicators
    first, promise = page.ask("/", f"/promesses/{indicator.id}")

    assert 'href="./images/carte.svg"' in first.body
    for chart in ("evolution", "territoires"):
        assert f'href="../cadres/promesses/{indicator.id}/{chart}"' in promise.body
