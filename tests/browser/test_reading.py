"""Every kind of page in every state, as axe-core, the W3C's checker and a small window find it."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

import pytest
from pypdf import PdfReader

from report.completeness import Completeness
from report.note.output import note_html
from report.rendering import STATIC
from tests.support.browser import (
    CHECKER,
    DARK,
    LIGHT,
    NARROW,
    PAPER,
    WIDE,
    Browser,
    plain_text,
    require_checkers,
)
from tests.support.histories import event, uai
from tests.support.notes import hostile_notes, note_of_events, request_of, simulated_note
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
    "a map of communes": "/promesses/premises_connectable_ratio/carte",
    "a département's communes": "/promesses/premises_connectable_ratio/carte?territory=95",
    "a map of lycées": "/promesses/schools_connected_ratio/carte",
    "a département's lycées": "/promesses/schools_workspace_ratio/carte?territory=95",
    "no lycée on the map": "/promesses/schools_connected_ratio/carte?as_of=2010-01-01",
    "a search": "/recherche?q=galilee",
    "a search for nothing": "/recherche",
    "a commune": "/communes/75056",
    "no such page": "/nulle-part",
    "a chart in a frame": "/cadres/promesses/schools_connected_ratio/evolution",
    "no such day": "/promesses/schools_connected_ratio?as_of=demain",
}
STATES: Final = ((WIDE, LIGHT), (NARROW, DARK))

#: What the checker's edition of CSS is older than: container queries, and two properties of SVG 2.
#: Browsers have had them since 2023 at the latest.
NEWER_CSS: Final = re.compile(
    "CSS: (“(container-type|paint-order|vector-effect)”: Property “.*” doesn't exist"
    "|“width”: Unknown dimension|“--chart-type”: Parse Error)\\."
)

#: What the checker would have in a text that is shown as it was sent: a warning, in attacks alone.
NOT_COMPOSED: Final = re.compile("attacks.*: Text run is not in Unicode Normalization Form C\\.")

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
    [evidence] = served[0].ask("/promesses/schools_connected_ratio/preuves?part=counted")
    found = re.search(r'href="[./]*/entites/schools/(\w+)"', evidence.body)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("kind", PAGES)
def test_a_page_is_accessible_in_every_state(browser: Browser, lycee: str, kind: str) -> None:
    read(browser, path_of(kind, lycee))


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_first_screen_has_sentence_promises_and_map(
    browser: Browser, width: int, height: int
) -> None:
    browser.size(width, height)
    browser.open("/?as_of=2018-12-31")

    ends = browser.run(
        "return ['.summary', '.first tbody tr:last-child', '.first .map'].map("
        "one => document.querySelector(one).getBoundingClientRect().bottom)"
    )
    assert 0 < max(ends) <= browser.run("return window.innerHeight")
    assert len(browser.all(".first tbody tr")) == 7


def test_figures_that_are_still_arriving_are_accessible(browser: Browser, page: ServedPage) -> None:
    page.completeness = Completeness(is_complete=False, text="Une partition n’est pas lue.")
    read(browser, "/")
    page.known = None
    read(browser, "/")
    assert browser.text("h1") == "Les chiffres arrivent"


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    lycees = [uai(f"075{number:04}") for number in range(1, 9)]
    events = [event("school.registered", one, "2016-05-01", name=f"Lycée {one}") for one in lycees]
    events += [event("school.connected", one, "2018-12-02") for one in lycees[:5]]
    root = "https://page.example/region/"
    made = {
        "a month": note_html(simulated_note(request_of("2019-03"))),
        "the first month": note_html(simulated_note(request_of("2016-01")), root),
        "a programme": note_html(simulated_note(request_of("2019-03", programme="formation"))),
        "gaps": note_html(note_of_events(events, request_of("2018-12"))),
        "no event": note_html(note_of_events([], request_of("2018-12"))),
    }
    made |= {f"attacks {number}": note_html(one) for number, one in enumerate(hostile_notes())}
    folder, files = tmp_path_factory.mktemp("notes"), {}
    for name, text in made.items():
        files[name] = folder / f"{name}.html"
        files[name].write_text(text, encoding="utf-8")
    return files


@pytest.mark.timeout(300)
def test_a_note_is_accessible_too(browser: Browser, notes: Mapping[str, Path]) -> None:
    browser.reset("file://")
    for name, file in notes.items():
        # Names change no colour: those that attack are read once on a screen, the narrow one.
        read(browser, quote(str(file)), STATES[-1:] if name.startswith("attacks") else STATES)
        browser.size(PAPER)
        browser.media(media="print")
        assert browser.violations() == [], file
        assert too_wide(browser) == [], file
    assert "Paris" in browser.text()


def test_a_note_is_printed_whole(browser: Browser, notes: Mapping[str, Path]) -> None:
    browser.reset("file://")
    for name in ("a month", "no event"):
        browser.open(quote(str(notes[name])))
        # The words of a picture are read aloud in its place, not printed.
        words = "h1, h2, p, li, caption, figcaption, th, td"
        texts: list[str] = browser.run(
            f"return [...document.querySelectorAll('{words}')].map(one => one.innerText)"
        )
        shown = set(" ".join(texts).split())
        pdf = PdfReader(io.BytesIO(browser.printed()))
        text = plain_text("\n".join(page.extract_text() for page in pdf.pages))
        assert 1 <= len(pdf.pages) <= 6
        assert {one for one in shown if plain_text(one) not in text} == set()


def read(browser: Browser, path: str, states: Sequence[tuple[int, str]] = STATES) -> None:
    """Check a page in every state, or in some: it is the same for all, and so it is opened once."""
    browser.open(path)
    browser.run("for (const one of document.querySelectorAll('details')) one.open = true")
    for width, scheme in states:
        browser.size(width)
        browser.media(scheme)
        assert browser.violations() == [], (width, scheme)
        assert too_wide(browser) == [], (width, scheme)
        assert [line for line in browser.said() if not _STATUS.match(line)] == []


def path_of(kind: str, lycee: str) -> str:
    return PAGES[kind].format(lycee=lycee)


def too_wide(browser: Browser) -> list[Overflow]:
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
    served: tuple[ServedPage, str], lycee: str, notes: Mapping[str, Path], tmp_path: Path
) -> None:
    require_checkers()
    paths = [path_of(kind, lycee) for kind in PAGES]
    answers = served[0].ask(*paths, *(f"/static/{name}" for name in STATIC))
    names = [*(f"{number}.html" for number, _ in enumerate(paths)), *STATIC]
    files = list(notes.values())
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
    assert len(files) > len(PAGES) + len(notes)
    found = [
        f"{one['url'].rpartition('/')[2]}:{one.get('lastLine')}: {one['message']}"
        for one in json.loads(done.stdout)["messages"]
        if (one["type"] != "info" or one.get("subType") == "warning")
        and not NEWER_CSS.fullmatch(one["message"])
    ]
    assert [one for one in found if not NOT_COMPOSED.match(one)] == []
