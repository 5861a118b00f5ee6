"""Attacks in a real browser: what would run there does not, and the page stays whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlencode

import pytest

from report.note.output import note_html
from tests.support.attacks import ATTACKS, MARK
from tests.support.audits import raw_record
from tests.support.browser import NARROW, WIDE, Browser
from tests.support.histories import event, uai
from tests.support.ledgers import numbered
from tests.support.notes import hostile_notes
from tests.support.served_page import page_over

RATIO: Final = "/promesses/schools_connected_ratio"

#: Whether a script of an attack ran, an element of it was made, or the page is cut.
STATE: Final = """
return {
  ran: window.ran,
  made: document.getElementsByTagName(arguments[0]).length,
  scripts: [...document.scripts].map((one) => new URL(one.src).pathname),
  wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  footer: document.querySelector("body > footer") !== null,
};
"""
UNHARMED: Final = {"ran": [], "made": 0, "wide": False, "footer": True}


@pytest.fixture
def hostile(browser: Browser) -> Iterator[str]:
    schools = (uai(f"075{number:04}") for number in range(1, len(ATTACKS) + 1))
    records = [
        raw_record(one)
        for school, text in zip(schools, ATTACKS.values(), strict=True)
        for one in (
            event("school.registered", school, "2017-01-01", name=text, id=f"<{MARK}>"),
            event("school.connected", school, "2018-12-20"),
        )
    ]
    with page_over(numbered(records)) as page, page.serving() as address:
        browser.reset(address)
        yield address
        browser.reset("")


def unharmed(browser: Browser) -> bool:
    state = browser.run(STATE, MARK)
    scripts = state.pop("scripts")
    assert state == UNHARMED, browser.path
    assert scripts in ([], ["/static/page.js"])
    # What a text that ran would want to say, or to load.
    assert [line for line in browser.said() if " 400 " not in line and " 404 " not in line] == []
    return True


def test_names_do_nothing(browser: Browser, hostile: str) -> None:
    del hostile
    browser.size(NARROW)
    for path in (f"{RATIO}/preuves", f"{RATIO}/changements?since=2016-01-01"):
        browser.open(path)
        assert unharmed(browser)
        assert len(browser.all("tbody tr")) == len(ATTACKS)
        assert browser.violations() == []
    links = [one.get_attribute("href") for one in browser.all("tbody a")]
    for link in links:
        assert link is not None
        browser.open(link.removeprefix(browser.base))
        assert unharmed(browser)
        assert len(browser.all("[aria-label='Évènements'] tbody tr")) == 2


def test_names_in_a_note_do_nothing(browser: Browser, tmp_path: Path) -> None:
    """Opened as the file that it is, where no server's policy protects it."""
    browser.reset("file://")
    file = tmp_path / "note.html"
    for note in hostile_notes():
        file.write_text(note_html(note), encoding="utf-8")
        for width in (WIDE, NARROW):
            browser.size(width)
            browser.open(str(file))
            assert unharmed(browser)
    browser.reset("")


def test_addresses_do_nothing(browser: Browser) -> None:
    for text in (*ATTACKS.values(), "\U0001f600" * 500):
        for path in (
            f"/?{urlencode({'as_of': text})}",
            f"/entites/schools/{quote(text, safe='')}",
        ):
            browser.open(path)
            assert unharmed(browser)
