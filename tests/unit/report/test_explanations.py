"""What owners say of milestones, on the page and in the note."""

from __future__ import annotations

import html
import json
from datetime import date, timedelta
from typing import Final

import pytest

from catalogue.formatting import day_text
from catalogue.territories import REGION, TERRITORY_NAMES
from events.cloudevent import CloudEvent
from report.data import rows_of, table_text
from report.note.output import note_bytes
from report.view import View
from tests.support.attacks import MARK, PLAIN, harm_in
from tests.support.explanations import explained, known_with
from tests.support.knowledge import shipped
from tests.support.notes import note_of_events, request_of
from tests.support.served_page import COMPLETE, page_over

CONNECTED: Final = shipped().indicator("schools_connected_ratio")
PROMISE: Final = f"/promesses/{CONNECTED.id}"
DEADLINE: Final = CONNECTED.milestones[0].day
assert DEADLINE is not None
LATE: Final = DEADLINE + timedelta(days=100)


def shown(*said: CloudEvent, path: str = PROMISE, day: date = LATE) -> str:
    with page_over() as page:
        page.known, page.today = known_with(*said), LATE
        [answer] = page.ask(f"{path}?as_of={day}")
    assert answer.status == 200
    assert harm_in(answer.body) == []
    return html.unescape(answer.body)


@pytest.mark.parametrize("path", ["/", PROMISE])
def test_a_slip_without_a_word_is_shown_as_such(path: str) -> None:
    text = "sans explication depuis 99\u00a0jours"
    before, after = shown(path=path), shown(explained(str(LATE)), path=path)
    assert before.count(text) > after.count(text)


def test_an_explanation_is_shown_with_its_author_s_role_its_day_and_its_events() -> None:
    page = shown(
        explained("2018-01-02", "ancienne", kind="risk"),
        explained("2018-03-04", "une ligne\nune autre", author_role="Cheffe de projet"),
    )
    assert "une ligne<br>une autre" in page
    assert f"Cheffe de projet, {TERRITORY_NAMES[REGION]}, {day_text(date(2018, 3, 4))}" in page
    assert page.index("une autre") < page.index("ancienne")
    assert "../entites/explanations/schools_connected_ratio/all_connected/R11/cause" in page


def test_a_past_day_does_not_show_what_was_said_later() -> None:
    assert "plus tard" not in shown(explained("2018-03-04", "plus tard"), day=date(2018, 3, 3))


def test_data_have_the_words() -> None:
    known = known_with(explained(str(LATE), "=1+1; un mot"))
    rows = rows_of(known.of(CONNECTED, None, LATE), View(LATE, None, REGION, today=LATE), COMPLETE)
    assert rows[0]["explanation"]["text"] == "Cause : =1+1; un mot"
    assert "Cause : =1+1; un mot" in table_text(rows)


@pytest.mark.parametrize("text", PLAIN.values(), ids=PLAIN)
def test_words_are_only_text(text: str) -> None:
    shown(explained(str(LATE), text))


def test_the_attacks_are_shown_and_not_dropped() -> None:
    assert {"script", "svg", "emoji"} <= PLAIN.keys()
    assert {"controls", "bidi"}.isdisjoint(PLAIN)
    assert f"<{MARK} onclick" in shown(explained(str(LATE), PLAIN["element"]))


@pytest.mark.parametrize("form", [".html", ".md", ".json"])
def test_a_note_says_what_is_said(form: str) -> None:
    events = [
        explained("2018-03-04", "une ligne\n<b>une autre</b>"),
        explained("2018-03-05", "des travaux", kind="action"),
    ]
    note = note_of_events(events, request_of("2018-03"))
    text = note_bytes(note, form, "").decode()
    if form == ".json":
        text = json.dumps(json.loads(text), ensure_ascii=False)
    assert "<b>" not in text or form == ".json"
    assert "une autre" in text
    assert "des travaux" in text
