"""Every kind of page in every state, as axe-core, the W3C's checker and a small window find it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from report.completeness import Completeness
from report.note.rendering import note_html
from report.rendering import STATIC
from tests.support.browser import CHECKER, DARK, LIGHT, NARROW, WIDE, Browser
from tests.support.histories import event, uai
from tests.support.notes import note_of_events, request_of
from tests.support.served_page import ServedPage

#: Every kind of page, and each of its forms.
PAGES: Final = {
    "overview": "/",
    "overview of a département": "/?territory=77",
    "overview of a past day": "/?as_of=2017-03-31&known_on=2017-06-30",
    "overview before the first fact": "/?as_of=2010-01-01",
    "method": "/methode",
    "two days": "/comparaison?since=2017-01-01",
    "two days of a département": "/comparaison?since=2010-01-01&as_of=2017-01-01&territory=93",
    "a ratio": "/promesses/schools_connected_ratio",
    "a ratio of a département": "/promesses/schools_connected_ratio?territory=77",
    "a ratio before the first fact": "/promesses/schools_connected_ratio?as_of=2010-01-01",
    "an amount": "/promesses/grants_committed_euros",
    "a count of the Région alone": "/promesses/datasets_released?territory=77",
    "a count of persons": "/promesses/trainees_enrolled",
    "evidence": "/promesses/schools_connected_ratio/preuves",
    "what is missing": "/promesses/schools_connected_ratio/preuves?part=missing&page=2",
    "evidence of an amount": "/promesses/grants_committed_euros/preuves?territory=75",
    "no evidence": "/promesses/schools_connected_ratio/preuves?as_of=2010-01-01",
    "evidence of persons": "/promesses/trainees_enrolled/preuves",
    "changes": "/promesses/schools_connected_ratio/changements?since=2018-01-01",
    "no changes": "/promesses/schools_connected_ratio/changements?as_of=2010-01-01",
    "changes of persons": "/promesses/trainees_enrolled/changements",
    "an entity": "/entites/schools/{lycee}",
    "no such page": "/nulle-part",
    "no such day": "/promesses/schools_connected_ratio?as_of=demain",
}
STATES: Final = ((WIDE, LIGHT), (WIDE, DARK), (NARROW, LIGHT))

#: What the checker's edition of CSS is older than: container queries, and two properties of SVG 2.
#: Browsers have had them since 2023 at the latest.
NEWER_CSS: Final = re.compile(
    "CSS: (“(container-type|paint-order|vector-effect)”: Property “.*” doesn't exist"
    "|“width”: Unknown dimension|“--chart-type”: Parse Error)\\."
)

#: The checker's command; its schemas are deep.
CHECK: Final[tuple[str | Path, ...]] = (
    *("java", "-Xss8m", "-XX:TieredStopAtLevel=1", "-jar", CHECKER),
    *("--format", "json", "--stdout", "--exit-zero-always", "--also-check-css", "--also-check-svg"),
)

#: What the console says of each page that is not there, which is its status.
_STATUS: Final = re.compile(
    r"SEVERE network: .* the server responded with a status of (400|404|503) "
)


class Overflow(NamedTuple):
    """An element that is wider than the window, and is not in a region that scrolls."""

    element: str
    right: float


@pytest.fixture(scope="module")
def lycee(served: tuple[ServedPage, str]) -> str:
    """Return the identifier of a lycée that is connected."""
    [evidence] = served[0].ask("/promesses/schools_connected_ratio/preuves?part=counted")
    found = re.search(r'href="[./]*/entites/schools/(\w+)"', evidence.body)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_accessible_in_every_state(browser: Browser, lycee: str, kind: str) -> None:
    """Light, dark and as narrow as a phone: no rule of axe-core is broken, and nothing is cut."""
    read(browser, path_of(kind, lycee))


def test_figures_that_are_still_arriving_are_accessible(browser: Browser, page: ServedPage) -> None:
    """With what is missing, and before there is anything."""
    page.completeness = Completeness(is_complete=False, text="Une partition n’est pas lue.")
    read(browser, "/")
    page.known = None
    read(browser, "/")
    assert browser.text("h1") == "Les chiffres arrivent"


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """Return a month's note as a file."""
    lycees = [uai(f"075{number:04}") for number in range(1, 9)]
    events = [event("school.registered", one, "2016-05-01", name=f"Lycée {one}") for one in lycees]
    events += [event("school.connected", one, "2018-12-02") for one in lycees[:5]]
    file = tmp_path / "note.html"
    file.write_text(note_html(note_of_events(events, request_of("2018-12"))), encoding="utf-8")
    return file


def test_the_note_is_accessible_too(browser: Browser, note: Path) -> None:
    """As the file that is sent by mail."""
    browser.reset("file://")
    read(browser, str(note))
    assert "Lycée 075" in browser.text()


def read(browser: Browser, path: str) -> None:
    """Check a page in every state."""
    for width, scheme in STATES:
        browser.size(width)
        browser.media(scheme)
        browser.open(path)
        browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
        assert browser.violations() == [], (width, scheme)
        assert too_wide(browser) == [], (width, scheme)
        assert [line for line in browser.said() if not _STATUS.match(line)] == []


def path_of(kind: str, lycee: str) -> str:
    """Return the path of a page."""
    return PAGES[kind].format(lycee=lycee)


def too_wide(browser: Browser) -> list[Overflow]:
    """Return what makes the window scroll sideways."""
    found: list[list[object]] = browser.run(
        """
        const root = document.documentElement, width = root.clientWidth;
        if (root.scrollWidth <= width) return [];
        return [...document.querySelectorAll("body *")]
          .filter((one) => one.getBoundingClientRect().right > width)
          .filter((one) => !one.closest(".scroll"))
          .map((one) => [one.outerHTML.slice(0, 200), one.getBoundingClientRect().right])
          .concat([["the page", root.scrollWidth]]);
        """
    )
    return [Overflow(str(element), float(str(right))) for element, right in found]


def test_the_w3c_finds_no_error(
    served: tuple[ServedPage, str], lycee: str, note: Path, tmp_path: Path
) -> None:
    """Neither in a page or a note, nor in the stylesheets and pictures that they load."""
    paths = [path_of(kind, lycee) for kind in PAGES]
    answers = served[0].ask(*paths, *(f"/static/{name}" for name in STATIC))
    names = [*(f"{number}.html" for number, _ in enumerate(paths)), *STATIC]
    files = [note]
    for name, answer in zip(names, answers, strict=True):
        if name.endswith((".html", ".css", ".svg")):
            files.append(tmp_path / name)
            files[-1].write_text(answer.body, encoding="utf-8")
    # As pages come from the server, so that what is before their first byte is seen, too.
    done = subprocess.run(
        [*CHECK, *files],
        capture_output=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert len(files) > len(PAGES)
    assert [
        (one["url"].rpartition("/")[2], one.get("lastLine"), one["message"])
        for one in json.loads(done.stdout)["messages"]
        if (one["type"] != "info" or one.get("subType") == "warning")
        and not NEWER_CSS.fullmatch(one["message"])
    ] == []
