"""Pages as JSON objects: what the pages of the same addresses show, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from report.answers import MOST_EXPLANATIONS
from report.completeness import Completeness
from report.ledger import EventLedger
from tests.support.explanations import explained, known_with
from tests.support.served_page import ServedPage, page_over

RATIO = "/promesses/schools_connected_ratio"
OBJECTS = (
    "/promesses.json",
    "/comparaison.json",
    f"{RATIO}/jalons.json",
    f"{RATIO}/changements.json",
    "/recherche.json?q=lyc",
)


@pytest.fixture(scope="module")
def page() -> Iterator[ServedPage]:
    with page_over(simulated=True) as made:
        yield made


def read(page: ServedPage, *paths: str) -> list[dict[str, Any]]:
    found = page.ask(*paths)
    assert [one.status for one in found] == [200] * len(paths)
    assert {one.headers["Content-Type"] for one in found} == {"application/json; charset=utf-8"}
    return [json.loads(one.body) for one in found]


def links_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from [one] if name == "link" else links_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from links_in(one)


@pytest.mark.slow
def test_promises_are_the_rows_of_the_first_page(page: ServedPage) -> None:
    query = "?territory=77&as_of=2018-03-31"
    [found] = read(page, f"/promesses.json{query}")
    [data] = page.ask(f"/donnees.json{query}")
    rows = [row for row in json.loads(data.body) if row["department"] in (None, "77")]
    assert [one["figure"] for one in found["promises"]] == rows
    assert [one["regional"] for one in found["promises"]] == [
        row["department"] is None for row in rows
    ]


def test_milestones_are_the_rows_of_the_promise(page: ServedPage) -> None:
    [found, one] = read(
        page, f"{RATIO}/jalons.json?territory=77", f"{RATIO}/jalons.json?milestone=all_connected"
    )
    [data] = page.ask(f"{RATIO}.json")
    rows = [row for row in json.loads(data.body) if row["department"] == "77"]
    assert [milestone["figure"] for milestone in found["milestones"]] == rows
    assert found["figure"] in rows
    assert [milestone["id"] for milestone in one["milestones"]] == ["all_connected"]


def test_only_the_newest_explanations_are_in_an_object() -> None:
    days = [f"2018-{month:02}-01" for month in range(1, 13)]
    with page_over() as page:
        page.known = known_with(*(explained(day, text=f"Point du {day}.") for day in days))
        [found] = read(page, f"{RATIO}/jalons.json")
    [milestone] = found["milestones"]
    texts = [one["text"] for one in milestone["explanations"]]
    assert texts == [f"Point du {day}." for day in reversed(days)][:MOST_EXPLANATIONS]
    assert milestone["explanations_in_all"] == len(days)


def test_pages_of_changes_add_up(page: ServedPage) -> None:
    first, last = read(
        page, *(f"{RATIO}/changements.json?since=2018-06-01&page={n}" for n in (1, 2))
    )
    rows = [*first["rows"], *last["rows"]]
    assert first["pages"] == 2
    assert len({row["id"] for row in rows}) == first["entities"] == len(rows)
    assert sum(int(row["now"]) - int(row["was"]) for row in rows) == int(
        first["change"]["numerator"]
    )


@pytest.mark.parametrize("path", OBJECTS)
def test_every_link_leads_to_a_page(page: ServedPage, path: str) -> None:
    [found] = read(page, path)
    links = {f"/{one}" for one in links_in(found)}
    asked = sorted(links)[:10]
    assert found["link"] in {one.removeprefix("/") for one in links}
    assert {one.status for one in page.ask(*asked)} == {200}
    assert all("known_on=" in urlsplit(one).query for one in links)


@pytest.mark.parametrize("path", OBJECTS)
def test_every_object_says_where_its_figures_are_not_complete(path: str) -> None:
    with page_over() as page:
        page.completeness = Completeness(is_complete=False, text="Un essai.")
        [found] = read(page, path)
    assert (found["complete"], found["completeness"]) == (False, "Un essai.")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/promesses/inconnue/jalons.json", 404, "indicateur « inconnue »"),
        (f"{RATIO}/jalons.json?milestone=x", 404, "jalon « x »"),
        (f"{RATIO}/changements.json?page=99", 404, "page de la liste « 99 »"),
        ("/comparaison.json?since=hier", 400, "since : « hier »"),
        (
            "/comparaison.json?since=2018-06-02&as_of=2018-06-01",
            400,
            "since : « 2018-06-02 »",
        ),
        ("/promesses.json?territory=13", 400, "choisir un territoire parmi region"),
        (f"/recherche.json?q={'x' * 101}", 400, "écrire au plus 100 caractères"),
    ],
)
def test_errors_are_problem_details(page: ServedPage, path: str, status: int, said: str) -> None:
    [answer] = page.ask(path)
    problem = json.loads(answer.body)
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (answer.status, problem["status"]) == (status, status)
    assert said in problem["detail"]


def test_before_anything_is_known_objects_say_when_to_ask_again() -> None:
    with EventLedger() as ledger:
        [answer] = ServedPage(ledger).ask("/promesses.json")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert json.loads(answer.body)["title"] == "Les chiffres arrivent"
