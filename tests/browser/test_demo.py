"""The page of a running demo: broker, producers, worker, assessor and page, seen by a reader."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from operations.programs.program import Program, answers
from tests.support.browser import Browser
from tests.support.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
DEMO: Final = (sys.executable, "-m", "smart_region", "demo", "--seed", "7")
MONTHS: Final = ("--from", "2016-04-01", "--to", "2017-03-31", "--speed", "10")
"""A week each second or less; then figures stay, so that two readings can be compared."""
SECONDS: Final = 60.0
END_SECONDS: Final = 120.0
"""Until the end of the months at the latest, on a busy machine."""

#: Each figure by its evidence: of the page that is open, and as a new reader gets it now.
FIGURES: Final = """
const shown = (page) => Object.fromEntries([...page.querySelectorAll("a.figure")].map((one) =>
  [new URL(one.getAttribute("href"), location.href).pathname, one.textContent.trim()]));
return fetch(location.href).then((answer) => answer.text()).then((text) =>
  [shown(document), shown(new DOMParser().parseFromString(text, "text/html"))]);
"""
RATIO: Final = "/promesses/schools_connected_ratio/preuves"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    def address(demo: Program) -> str:
        found = re.search(r"Page des promesses : (\S+)/", demo.log)
        return found[1] if found else ""

    with Program(
        "demo",
        (*DEMO, *MONTHS),
        folder=tmp_path,
        env={"PATH": str(tmp_path), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        is_ready=lambda demo: bool(address(demo)) and answers(f"{address(demo)}/readyz")(demo),
        ready_seconds=SECONDS,
        stop_seconds=20,
    ) as running:
        yield address(running)


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_the_figures_of_a_running_demo_move_in_place(browser: Browser, demo: str) -> None:
    browser.reset(demo)
    browser.open("/")
    browser.run("window.mine = true; document.querySelector('nav a[href]').focus()")
    days, ratios = set[str](), set[str]()

    def have_moved() -> bool:
        days.add(browser.title)
        ratios.add(figures(browser)[0][RATIO])
        return len(days) > 3 and len(ratios) > 2

    def are_up_to_date() -> bool:
        shown, fresh = figures(browser)
        return shown == fresh

    assert wait_until(have_moved, seconds=SECONDS), (days, ratios)
    assert wait_until(are_up_to_date, seconds=END_SECONDS)
    assert browser.run("return window.mine")
    assert browser.active.tag_name == "a"
    assert browser.said() == []
    browser.reset("")


def figures(browser: Browser) -> tuple[dict[str, str], dict[str, str]]:
    shown, fresh = browser.run(FIGURES)
    return shown, fresh
