"""Our rules for boards, which no schema has."""

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from catalogue.model import Catalogue
from dashboards import conventions
from dashboards.conventions import Links
from tests.support.boards import BOARDS, CATALOGUE, documents
from tests.support.observations import barometer

COLUMNS = 24
ONE_SCREEN = 21
"""Rows of 38 pixels that a screen of 1080 shows below Grafana's bars and the reader's choices."""

OWN_VARIABLES = {"__rate_interval", "__range", "__url_time_range", "__data"}
#: The Région's boards, and one of indicators that others compute.
LINTED = BOARDS | {
    uid: board
    for uid, board in documents(barometer()).items()
    if uid == conventions.programme_board("barometre")
}
FIELDS = re.compile(r"\$\{__data\.fields\.([a-z_]+)\}")
VARIABLE = re.compile(r"\$\{?([a-z_]+)")


def panels_of(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def links_of(board: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for link in board["links"]:
        yield "board", link
    for panel in panels_of(board):
        for link in panel.get("links", ()):
            yield panel["title"], link
        for override in panel["fieldConfig"]["overrides"]:
            for one in override["properties"]:
                for link in one["value"] if one["id"] == "links" else ():
                    yield panel["title"], link


def every_text(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield name
            yield from every_text(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from every_text(value)
    elif isinstance(tree, str):
        yield tree


@pytest.mark.parametrize("uid", LINTED)
def test_panels_have_titles_of_their_own(uid: str) -> None:
    """A panel is known by its title: plans and tests name it so."""
    titles = [panel["title"] for panel in panels_of(LINTED[uid])]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("uid", LINTED)
def test_panels_do_not_overlap(uid: str) -> None:
    positions = [(panel["title"], panel["gridPos"]) for panel in LINTED[uid]["panels"]]
    for title, at in positions:
        assert at["x"] >= 0 < at["w"], title
        assert at["x"] + at["w"] <= COLUMNS, title
        assert at["y"] >= 0 < at["h"], title
    for (title, one), (other_title, other) in combinations(positions, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, f"{title} and {other_title}"


def test_the_promises_are_on_the_first_screen() -> None:
    """How the milestones stand, and each promise, is answered without scrolling; details follow."""
    panels = BOARDS[conventions.DELEGATE_BOARD]["panels"]
    (promises,) = (one["gridPos"] for one in panels if one["title"].startswith("Les promesses"))
    assert promises["y"] + promises["h"] <= ONE_SCREEN
    assert all(one["gridPos"]["y"] <= promises["y"] for one in panels[:5])


@pytest.mark.parametrize("uid", LINTED)
def test_every_panel_says_what_is_measured(uid: str) -> None:
    for panel in panels_of(LINTED[uid]):
        assert panel["title"]
        assert len(panel["description"]) > 40, panel["title"]
        assert panel["description"].rstrip("`").endswith("."), panel["title"]


@pytest.mark.parametrize("uid", LINTED)
def test_only_curves_need_more_than_the_last_value(uid: str) -> None:
    """Grafana ends a range at a whole step, a day for ten years: a new Prometheus has none yet."""
    ranged = {
        panel["type"]
        for panel in panels_of(LINTED[uid])
        for target in panel["targets"]
        if target["range"]
    }
    assert ranged <= {"timeseries"}


@pytest.mark.parametrize("uid", LINTED)
def test_every_value_has_a_unit(uid: str) -> None:
    for panel in panels_of(LINTED[uid]):
        config = panel["fieldConfig"]
        assert config["defaults"].get("unit"), panel["title"]
        if panel["type"] in ("table", "stat", "geomap"):
            for override in config["overrides"]:
                (unit,) = [one["value"] for one in override["properties"] if one["id"] == "unit"]
                assert unit, (panel["title"], override["matcher"]["options"])


@pytest.mark.parametrize("uid", LINTED)
def test_the_reader_chooses_the_datasource(uid: str) -> None:
    board = LINTED[uid]
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    sources = [*panels_of(board), *board["annotations"]["list"]]
    sources += [target for panel in panels_of(board) for target in panel["targets"]]
    assert all(source["datasource"] == chosen for source in sources)
    assert board["templating"]["list"][0]["name"] == "datasource"


@pytest.mark.parametrize("uid", LINTED)
def test_variables_are_declared(uid: str) -> None:
    board = LINTED[uid]
    declared = {one["name"] for one in board["templating"]["list"]} | OWN_VARIABLES
    texts = [text for panel in board["panels"] for text in every_text(panel)]
    used = {name for text in texts for name in VARIABLE.findall(text)}
    assert used - declared == set()


def addresses(url: str) -> list[str]:
    if FIELDS.findall(url) == ["board"]:
        return [
            FIELDS.sub(conventions.programme_board(programme.id), url)
            for programme in CATALOGUE.programmes
        ]
    assert not FIELDS.search(url), url
    return [url]


@pytest.mark.parametrize("uid", LINTED)
def test_links_lead_to_what_exists(uid: str) -> None:
    for where, link in links_of(LINTED[uid]):
        assert link["title"], where
        for url in addresses(link["url"]):
            target = url.partition("?")[0]
            if target.startswith("/d/"):
                assert target.removeprefix("/d/") in {*BOARDS, uid}, (where, url)
            else:
                assert target.startswith(Links().runbooks), (where, url)
                assert target.endswith(".md"), (where, url)


def test_the_delegate_reaches_every_programme_and_the_runbooks() -> None:
    links = list(links_of(BOARDS[conventions.DELEGATE_BOARD]))
    urls = {url for _, link in links for url in addresses(link["url"])}
    boards = {url.partition("?")[0] for url in urls}
    assert {f"/d/{conventions.programme_board(one.id)}" for one in CATALOGUE.programmes} <= boards
    assert Links().runbook("MilestoneMissed") in urls


@pytest.mark.parametrize("uid", LINTED)
def test_colour_is_never_alone(uid: str) -> None:
    """A colour given by a word carries the word and a mark; one by a threshold, its number."""
    for panel in panels_of(LINTED[uid]):
        looks = [panel["fieldConfig"]["defaults"].get("mappings") or []]
        looks += [
            one["value"]
            for override in panel["fieldConfig"]["overrides"]
            for one in override["properties"]
            if one["id"] == "mappings"
        ]
        for mapping in (mapping for look in looks for mapping in look):
            for result in mapping["options"].values():
                assert result.get("text"), panel["title"]
                if "color" in result:
                    assert not result["text"][0].isalnum(), panel["title"]


def test_boards_follow_the_catalogue() -> None:
    smaller = Catalogue(programmes=CATALOGUE.programmes[:2])
    boards = documents(smaller)
    gone = [conventions.programme_board(one.id) for one in CATALOGUE.programmes[2:]]
    texts = {text for board in boards.values() for text in every_text(board)}
    assert not boards.keys() & set(gone)
    assert not [uid for uid in gone if any(uid in text for text in texts)]
