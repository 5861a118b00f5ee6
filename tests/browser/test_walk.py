"""A reader's ways through the page in a real browser: by mouse, by keyboard, on paper, live."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

import pytest
from pypdf import PdfReader
from selenium.webdriver.common.keys import Keys

from report.evidence_pages import PARTS
from tests.support.browser import DARK, LIGHT, Browser, plain_text
from tests.support.knowledge import LAST_DAY, knowledge, shipped
from tests.support.served_page import ServedPage

RATIO: Final = shipped().indicator("schools_connected_ratio")


def figure(day: date = LAST_DAY) -> str:
    return knowledge().standing(RATIO, None, day).value.text.replace("\u00a0", " ")


#: What can be reached by the keyboard, in the order in which it is written.
CLOSED: Final = 2
"""The state of a stream that was refused."""
REACHED: Final = """
return [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']")]
  .filter((one) => one.tabIndex >= 0 && one.checkVisibility())
  .map((one) => one.outerHTML);
"""
#: How the element is seen that has the focus: its outline, and whether it is in the window.
FOCUS: Final = """
const one = document.activeElement, style = getComputedStyle(one);
const at = one.getBoundingClientRect();
return {
  html: one.outerHTML,
  outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
  inside: at.bottom > 0 && at.top < innerHeight && at.right > 0 && at.left < innerWidth
    && at.width > 0 && at.height > 0,
};
"""


@pytest.fixture(params=[True, False], ids=["with scripts", "without scripts"])
def reader(browser: Browser, request: pytest.FixtureRequest) -> Browser:
    browser.scripts(on=request.param)
    return browser


def test_from_the_promises_to_an_event(reader: Browser) -> None:
    reader.open("/")
    reader.follow(RATIO.title, within="table.promises")
    assert reader.text("h1") == RATIO.title
    assert figure() in reader.text(".headline")

    reader.follow("Seine-et-Marne", within="main table")
    assert "territory=77" in reader.path
    here = reader.text(".headline .value")
    assert here != figure()

    reader.click(reader.all(".headline .value a")[0])
    assert reader.text(".headline .value") == here
    assert "exactement celui du chiffre affiché" in reader.text("main")

    reader.follow(PARTS["counted"])
    name = reader.text("tbody tr th")
    reader.click(reader.all("tbody tr a")[0])
    assert reader.text("h1") == name
    events = reader.text("[aria-label='Évènements'] tbody")
    assert "school.connected" in events
    assert re.search(r"partition \d+, offset \d+", events)

    reader.follow("Promesses", within=".trail")
    assert "territory=77" in reader.path
    assert reader.said() == []


def test_a_past_day_is_chosen_in_the_form(reader: Browser) -> None:
    reader.open("/")
    reader.choose("as_of", "2017-06-30")
    reader.choose("known_on", "2017-09-30")
    reader.choose("territory", "93")
    reader.click(reader.all(".chooser button")[0])
    assert "as_of=2017-06-30&known_on=2017-09-30&territory=93" in reader.path
    assert reader.text("h1") == "Seine-Saint-Denis : les promesses au 30/06/2017"

    reader.follow("Lien permanent")
    assert reader.text("h1") == "Seine-Saint-Denis : les promesses au 30/06/2017"
    assert reader.said() == []


def test_two_days_are_compared(reader: Browser) -> None:
    reader.open("/")
    reader.follow("Comparer deux jours")
    reader.choose("since", "2017-01-31")
    reader.choose("as_of", "2018-01-31")
    reader.click(reader.all(".chooser button")[0])
    assert reader.text("h1") == "Île-de-France : du 31/01/2017 au 31/01/2018"
    [row] = [one.text for one in reader.all("tbody tr") if RATIO.title in one.text]
    assert figure(date(2017, 1, 31)) in row
    assert figure(date(2018, 1, 31)) in row

    [link] = [
        one
        for one in reader.all("tbody a")
        if RATIO.title in str(one.get_property("textContent")) and "changé" in one.text
    ]
    reader.click(link)
    assert reader.text("h1") == "Ce qui a changé du 31/01/2017 au 31/01/2018"
    assert len(reader.all("tbody tr")) > 10
    assert reader.said() == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/promesses/{RATIO.id}",
        "/comparaison",
        f"/promesses/{RATIO.id}/preuves?part=counted",
        f"/promesses/{RATIO.id}/carte?territory=95",
    ],
)
def test_the_keyboard_reaches_everything_in_order(browser: Browser, path: str) -> None:
    browser.open(path)
    expected = browser.run(REACHED)
    reached: list[str] = []
    for _ in range(4 * len(expected)):
        browser.press(Keys.TAB)
        focus = browser.run(FOCUS)
        if focus["html"].startswith("<body"):
            break
        if reached[-1:] == [focus["html"]]:
            continue  # A field for a day has several parts.
        reached.append(focus["html"])
        assert focus["outline"] >= 2, focus
        assert focus["inside"], focus
    assert reached == expected
    assert len(reached) > 20


def test_the_first_key_skips_to_the_content(browser: Browser) -> None:
    browser.open("/")
    browser.press(Keys.TAB)
    assert browser.active.text == "Aller au contenu"
    browser.press(Keys.ENTER)
    assert browser.wait(lambda: browser.active.get_attribute("id") == "contenu")
    browser.press(Keys.TAB)
    assert browser.active == browser.all("main a")[0]


def test_the_form_is_sent_by_keys_alone(browser: Browser) -> None:
    browser.open("/")
    for name in ("territory",):
        browser.run("document.getElementsByName(arguments[0])[0].focus()", name)
    browser.press("Y", "v", Keys.TAB)
    assert browser.active.text == "Afficher"
    browser.press(Keys.ENTER)
    assert browser.wait(lambda: "territory=78" in browser.path)
    assert browser.wait(lambda: browser.text("h1").startswith("Yvelines"))


@pytest.mark.parametrize("path", ["/", f"/promesses/{RATIO.id}", "/comparaison?since=2017-01-01"])
def test_a_page_is_printed_whole(browser: Browser, path: str) -> None:
    browser.media(DARK)  # Paper is white.
    browser.open(path)
    heading = browser.text("h1")
    tables = browser.run(
        "return [...document.querySelectorAll('tbody th')].map((one) => one.textContent.trim())"
    )
    pdf = PdfReader(io.BytesIO(browser.printed()))
    text = plain_text("\n".join(page.extract_text() for page in pdf.pages))
    assert 1 <= len(pdf.pages) <= 6
    assert [round(float(side)) for side in pdf.pages[0].mediabox[2:]] == [596, 842]
    assert plain_text(heading) in text
    assert "Afficher" not in text
    missing = {
        plain_text(one.split("\n")[0])
        for one in tables
        if plain_text(one.split("\n")[0]) not in text
    }
    assert missing == set()
    assert pdf.metadata is not None
    assert "Smart Région" in str(pdf.metadata.title)


@pytest.mark.parametrize("scheme", [LIGHT, DARK])
def test_the_colours_are_those_that_a_reader_prefers(browser: Browser, scheme: str) -> None:
    browser.media(scheme)
    browser.open("/")
    ground = browser.run("return getComputedStyle(document.documentElement).backgroundColor")
    [red, *_] = map(int, re.findall(r"\d+", ground))
    assert (red > 128) is (scheme == LIGHT)


@pytest.fixture
def yesterday(page: ServedPage) -> Iterator[ServedPage]:
    page.today = LAST_DAY - timedelta(days=31)
    yield page
    page.today = LAST_DAY


def shown(browser: Browser) -> str:
    rows: list[str] = browser.run(
        "return [...document.querySelectorAll('table.promises tr')].map((one) => one.innerText)"
    )
    [row] = [one for one in rows if RATIO.title in one]
    return row.replace("\u00a0", " ")


def test_an_open_page_follows_the_figures(browser: Browser, yesterday: ServedPage) -> None:
    browser.open("/")
    before = shown(browser)
    browser.run("window.mine = true; document.querySelector('nav a[href]').focus(); scrollTo(0, 9)")
    assert figure() not in before
    assert browser.wait(lambda: streams(browser))

    yesterday.today = LAST_DAY
    assert browser.wait(lambda: figure() in shown(browser))
    assert browser.title.startswith("Promesses au 31/12/2018")
    link = "return document.querySelector('footer.site a').search"
    assert browser.run(link) == "?as_of=2018-12-31&known_on=2018-12-31"
    assert browser.run("return window.mine && scrollY") == 9
    assert browser.active.tag_name == "a"
    assert browser.said() == []


def open_refused(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a page whose stream of changes is refused, as by a server that is busy."""
    with monkeypatch.context() as patch:
        patch.setattr("report.server.MOST_STREAMS", 0)
        browser.open("/")
        assert browser.wait(lambda: browser.run("return source.readyState") == CLOSED)


def test_a_page_that_was_opened_out_of_sight_is_brought_up_to_date(
    browser: Browser, yesterday: ServedPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens once it is seen: what came before that is shown too."""
    open_refused(browser, monkeypatch)
    assert figure() not in shown(browser)

    yesterday.today = LAST_DAY
    browser.run("rest(); listen()")
    assert browser.wait(lambda: figure() in shown(browser))


def test_a_page_that_waits_for_figures_shows_them(browser: Browser, page: ServedPage) -> None:
    page.known = None
    browser.open("/")
    browser.run("window.mine = true")
    assert browser.text("h1") == "Les chiffres arrivent"
    assert browser.wait(lambda: announced(browser))

    page.known = knowledge()
    assert browser.wait(lambda: browser.all("table.promises"))
    assert figure() in shown(browser)
    assert browser.title.startswith("Promesses au 31/12/2018")
    assert browser.run("return window.mine")


def test_an_open_page_follows_again_after_an_error(
    browser: Browser, yesterday: ServedPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy answers with one while the page restarts, and a browser does not ask again then."""
    open_refused(browser, monkeypatch)
    yesterday.today = LAST_DAY
    assert browser.wait(lambda: figure() in shown(browser))


def test_figures_that_are_no_longer_known_are_not_left_on_an_open_page(
    browser: Browser, page: ServedPage
) -> None:
    browser.open("/")
    assert browser.wait(lambda: streams(browser))
    page.known, page.version = None, page.version + 1
    try:
        assert browser.wait(lambda: browser.text("h1") == "Les chiffres arrivent")
    finally:
        page.known = knowledge()
    assert browser.wait(lambda: browser.all("table.promises"))


def test_a_busy_reader_is_not_interrupted(browser: Browser, yesterday: ServedPage) -> None:
    """Who fills in the form sees the change once done."""
    browser.open("/")
    assert browser.wait(lambda: streams(browser))
    browser.run("document.getElementById('as_of').focus()")
    yesterday.today = LAST_DAY
    assert browser.wait(lambda: announced(browser))
    assert figure() not in shown(browser)
    assert browser.active.get_attribute("id") == "as_of"

    browser.run("document.querySelector('nav a').focus()")
    assert browser.wait(lambda: figure() in shown(browser))


def test_pages_that_were_left_do_not_listen(browser: Browser) -> None:
    """A browser has six connections to a server: the seventh page waits for none."""
    for _ in range(8):
        for path in ("/", f"/promesses/{RATIO.id}"):
            browser.open(path)
            assert browser.wait(lambda: streams(browser))
    assert browser.run("return performance.getEntriesByType('navigation')[0].duration") < 5000


def streams(browser: Browser) -> bool:
    return bool(browser.run("return announced !== null"))


def announced(browser: Browser) -> bool:
    return bool(browser.run("return announced !== null && shown !== announced"))
