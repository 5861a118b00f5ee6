"""When the demo opens its page, and in what."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass, field

import pytest

from operations.health import UnhealthyError
from simulation.demo import opening
from simulation.demo.opening import NO_BROWSER, PageOpening, open_in_browser
from simulation.demo.screen import ScreenFrame

ADDRESS = "127.0.0.1:6072"
PAGE = f"http://{ADDRESS}/"


@dataclass
class Notes:
    notes: list[str] = field(default_factory=list)

    def step(self, text: str) -> None:
        """Print nothing."""

    def note(self, text: str) -> None:
        self.notes.append(text)

    def show(self, frame: ScreenFrame) -> None:
        """Print nothing."""


class Named(webbrowser.GenericBrowser):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.opened: list[str] = []

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:  # noqa: FBT001, FBT002
        del new, autoraise
        self.opened.append(url)
        return True


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    addresses: list[str] = []

    def check(url: str, *, seconds: float) -> None:
        del seconds
        addresses.append(url)
        if len(addresses) < 3:
            raise UnhealthyError(url, reason="waits for figures")

    monkeypatch.setattr(opening, "check_health", check)
    return addresses


def test_the_page_is_opened_once_when_it_is_ready(asked: list[str]) -> None:
    screen, browser = Notes(), Named("firefox")
    page = PageOpening(screen, browser.open)

    page.try_at(None)
    for _ in range(5):
        page.try_at(ADDRESS)

    assert browser.opened == [PAGE]
    assert asked == [f"{PAGE}readyz"] * 3
    assert screen.notes == []


def test_without_a_browser_one_line_says_so(asked: list[str]) -> None:
    screen = Notes()
    page = PageOpening(screen, lambda _: False)

    for _ in range(5):
        page.try_at(ADDRESS)

    assert len(asked) == 3
    assert screen.notes == [NO_BROWSER]


def test_the_reader_s_browser_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = Named("firefox")
    monkeypatch.setattr(webbrowser, "get", lambda: browser)

    assert open_in_browser(PAGE)
    assert browser.opened == [PAGE]


@pytest.mark.parametrize("name", ["w3m", "/usr/bin/lynx", "www-browser"])
def test_a_browser_for_the_terminal_is_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    browser = Named(name)
    monkeypatch.setattr(webbrowser, "get", lambda: browser)

    assert not open_in_browser(PAGE)
    assert browser.opened == []


def test_where_there_is_none_nothing_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> webbrowser.BaseBrowser:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)

    assert not open_in_browser(PAGE)
