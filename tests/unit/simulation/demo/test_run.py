"""What a demo shows while it runs, when it opens its page, and the outcome as programs read it."""

from __future__ import annotations

import io
import webbrowser
from dataclasses import dataclass
from datetime import date
from time import monotonic
from types import SimpleNamespace
from typing import cast

import pytest

from audit.exposed import Exposed, WorkerUnreadableError, parse_metrics
from boundary.errors import SmartRegionError
from catalogue.loader import load_catalogue
from simulation.demo import run
from simulation.demo.run import (
    NO_BROWSER,
    Opener,
    Watch,
    open_in_browser,
)
from simulation.demo.screen import PlainScreen, ScreenFrame
from simulation.demo.system import DemoSystem

LAST_DAY = date(2020, 12, 31)
TODAY = date(2016, 5, 4)
PAGE = "http://127.0.0.1:6072/"


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


def test_figures_are_compared_after_two_answers_to_the_assessor(
    screen: PlainScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first may have been written before the last events were counted."""
    now = monotonic()
    answered_at = [now - 10, now + 1.5, now + 3.5]
    scraped: list[float] = []

    def read(url: str, **_: object) -> Exposed:
        scraped.append(max(at for at in answered_at if at <= now))
        line = 'smartregion_assessor_history_age_seconds{partition="0"}'
        return parse_metrics(url, f"{line} {now - scraped[-1]}\n")

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(run, "read_exposed", read)
    monkeypatch.setattr(run, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))

    watching(Watched(), screen).until_confirmed()

    assert sorted({*scraped}) == answered_at


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
    assert isinstance(screen.stream, io.StringIO)
    assert screen.stream.getvalue().count(NO_BROWSER) == (not opens)


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
