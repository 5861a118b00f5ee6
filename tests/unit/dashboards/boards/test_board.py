"""How a board is written."""

import json

from catalogue.metrics import REGION
from dashboards import conventions
from dashboards.boards.board import (
    ALL,
    Board,
    department_variable,
    document,
    link_to,
    programme_variable,
)
from dashboards.boards.panels import row
from tests.support.boards import CATALOGUE


def board(**parts: object) -> Board:
    """Make a board of next to nothing."""
    whole = {"uid": "smart-region-x", "title": "X", "description": "X.", "panels": (), "since": "y"}
    return Board(**{**whole, **parts})  # type: ignore[arg-type]


def test_the_same_board_is_the_same_text() -> None:
    """The text depends on nothing else, and ends like a text file."""
    text = document(board())
    assert text == document(board())
    assert text.endswith("}\n")


def test_panels_are_numbered_in_their_order() -> None:
    """Ids begin at 1 on every board."""
    written = json.loads(document(board(panels=(row("a", 0), row("b", 1)))))
    assert [(panel["id"], panel["title"]) for panel in written["panels"]] == [(1, "a"), (2, "b")]


def test_a_link_keeps_what_the_reader_chose() -> None:
    """Time and datasource go with the reader; a link may set a variable."""
    url = link_to("smart-region-y", "Y", department="77").url
    assert url == "/d/smart-region-y?${__url_time_range}&${datasource:queryparam}&var-department=77"


def test_links_of_a_board_are_shown() -> None:
    """No link is hidden in a menu; those to boards keep the time."""
    (link,) = json.loads(document(board(links=(link_to("smart-region-y", "Y"),))))["links"]
    assert "placement" not in link
    assert (link["url"], link["keepTime"], link["includeVars"]) == ("/d/smart-region-y", True, True)


def test_the_region_is_chosen_at_first() -> None:
    """One territory at a time, under the name that links set."""
    variable = department_variable()
    assert variable.name == conventions.DEPARTMENT_VARIABLE
    assert variable.current is not None
    assert variable.current.value == REGION
    assert not variable.multi


def test_all_programmes_are_chosen_at_first() -> None:
    """Several may be chosen; all of them match anything."""
    variable = programme_variable(CATALOGUE)
    assert variable.name == conventions.PROGRAMME_VARIABLE
    assert (variable.multi, variable.include_all, variable.all_value) == (True, True, ALL)
    assert [option.value for option in variable.options or ()] == [
        "$__all",
        *(programme.id for programme in CATALOGUE.programmes),
    ]


def test_a_comma_in_a_title_does_not_end_it() -> None:
    """A variable's values are separated by commas, so that those of titles are escaped."""
    first = CATALOGUE.programmes[0].model_copy(update={"title": "Un, deux"})
    variable = programme_variable(CATALOGUE.model_copy(update={"programmes": (first,)}))
    assert variable.query == f"Un\\, deux : {first.id}"
