"""What a demo shows while it runs, when it opens its page, and the outcome as programs read it."""

from __future__ import annotations

import io
import json
import webbrowser
from dataclasses import dataclass
from datetime import date
from typing import cast

import pytest

from audit.exposed import Exposed, WorkerUnreadableError
from boundary.errors import SmartRegionError
from catalogue.figure import Figure, figures_of
from catalogue.history import Reading
from catalogue.judgement import judge_all
from catalogue.loader import load_catalogue
from simulation.demo import run
from simulation.demo.run import (
    NO_BROWSER,
    AuditCount,
    DemoOutcome,
    Opener,
    Watch,
    open_in_browser,
    summary,
)
from simulation.demo.screen import PlainScreen, ScreenFrame
from simulation.demo.system import DemoSystem
from tests.support.figure_histories import reported

LAST_DAY = date(2020, 12, 31)
TODAY = date(2016, 5, 4)
PAGE = "http://127.0.0.1:6072/"


def outcome() -> DemoOutcome:
    catalogue = load_catalogue()
    half = reported(Reading(1, 2, date(2020, 12, 1)))
    judged = judge_all(catalogue, {("schools_connected_ratio", "77"): half}, LAST_DAY)
    return DemoOutcome(
        as_of=LAST_DAY,
        produced=78_063,
        accepted=77_353,
        refused=48,
        duplicates=662,
        figures=tuple(figures_of(catalogue, judged, LAST_DAY)),
        audit=AuditCount(compared=312, different=0),
    )


def test_the_document_has_the_counts_the_figures_and_the_audit() -> None:
    document = json.loads(outcome().model_dump_json())

    figures = document.pop("figures")
    assert document == {
        "as_of": "2020-12-31",
        "produced": 78_063,
        "accepted": 77_353,
        "refused": 48,
        "duplicates": 662,
        "audit": {"compared": 312, "different": 0},
    }
    [half] = (one for one in figures if one["value"] is not None)
    assert half.keys() == Figure.model_fields.keys()
    assert (half["indicator"], half["department"]) == ("schools_connected_ratio", "77")
    assert (half["target"], half["progress_rate"], half["status"]) == (1.0, 50.0, "at_risk")


def test_the_summary_is_for_people() -> None:
    assert summary(outcome()) == (
        "évènements : 78\u202f063 · acceptés : 77\u202f353 · refusés : 48 · en double : 662",
        "chiffres recomptés : 312 · différents : 0",
    )


@dataclass
class Watched:
    """A system whose page is ready when it is asked for the third time."""

    worker: str = "worker:6066"
    assessor: str = "assessor:6067"
    page_address: str = "127.0.0.1:6072"
    sent: int = 12
    ended: bool = False
    asked: int = 0

    @property
    def clock(self) -> Watched:
        return self

    replay = page = clock

    @property
    def is_ready(self) -> bool:
        self.asked += 1
        return self.asked > 2

    def today(self) -> date:
        return TODAY

    def check(self) -> None:
        if self.ended:
            raise SmartRegionError("worker: status 1 (enough)")


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> PlainScreen:
    def refuse(url: str, **_: object) -> Exposed:
        raise WorkerUnreadableError(url, cause="timed out")

    monkeypatch.setattr(run, "read_exposed", refuse)
    return PlainScreen(io.StringIO(), date(2016, 1, 1), LAST_DAY)


def watching(system: Watched, screen: PlainScreen, opener: Opener | None = None) -> Watch:
    return Watch(cast("DemoSystem", system), load_catalogue(), screen, opener)


def test_while_a_condition_is_awaited_a_worker_that_does_not_answer_has_no_figures(
    screen: PlainScreen,
) -> None:
    answers = iter([False, False, False, True])

    watching(Watched(), screen).until(lambda: next(answers))

    assert screen.frame == ScreenFrame(TODAY, 12, (), "worker:6066")


def test_a_program_that_ends_ends_the_wait(screen: PlainScreen) -> None:
    with pytest.raises(SmartRegionError, match=r"status 1 \(enough\)"):
        watching(Watched(ended=True), screen).until(lambda: False)


@pytest.mark.parametrize("opens", [True, False])
def test_the_page_is_opened_once_when_it_is_ready(screen: PlainScreen, *, opens: bool) -> None:
    """A machine without a browser is told so by one line."""
    opened: list[str] = []
    system = Watched()

    def browser(url: str) -> bool:
        opened.append(url)
        return opens

    watch = watching(system, screen, browser)
    for _ in range(5):
        watch.refresh()

    assert (opened, system.asked) == ([PAGE], 3)
    assert isinstance(screen._stream, io.StringIO)
    assert screen._stream.getvalue().count(NO_BROWSER) == (not opens)


@pytest.mark.parametrize(
    ("name", "opens"),
    [("firefox", True), ("w3m", False), ("/usr/bin/lynx", False), ("", False)],
)
def test_a_browser_in_the_terminal_is_none(
    monkeypatch: pytest.MonkeyPatch, name: str, *, opens: bool
) -> None:
    opened: list[str] = []

    def open_(url: str) -> bool:
        opened.append(url)
        return True

    def get() -> webbrowser.BaseBrowser:
        if not name:
            raise webbrowser.Error("could not locate runnable browser")
        browser = webbrowser.GenericBrowser(name)
        monkeypatch.setattr(browser, "open", open_)
        return browser

    monkeypatch.setattr(webbrowser, "get", get)

    assert open_in_browser(PAGE) is opens
    assert opened == [PAGE] * opens
