"""The demo's page in a browser, once it shows figures."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from pathlib import PurePath
from typing import Final, TypeAlias

from operations.health import UnhealthyError, check_health
from simulation.demo.screen import Screen

Opener: TypeAlias = Callable[[str], bool]
"""Opens an address in a browser; False where there is none."""

NO_BROWSER: Final = "Aucun navigateur à ouvrir ici : l’adresse de la page est ci-dessus"
READY_SECONDS: Final = 1.0

#: Browsers that would take the terminal, which shows the demo.
_IN_A_TERMINAL: Final = frozenset(("www-browser", "links", "elinks", "lynx", "w3m"))


def open_in_browser(address: str) -> bool:
    """Open an address in the reader's browser; False where there is none but for the terminal."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    if PurePath(getattr(browser, "name", "")).name in _IN_A_TERMINAL:
        return False
    return browser.open(address)


class PageOpening:
    """Opens the page once, when it is ready: before, it has nothing that would move."""

    def __init__(self, screen: Screen, opener: Opener) -> None:
        self._screen = screen
        self._opener = opener
        self._is_done = False

    def try_at(self, address: str | None) -> None:
        """Open the page at HOST:PORT if it is ready and was not opened yet."""
        if self._is_done or address is None:
            return
        try:
            check_health(f"http://{address}/readyz", seconds=READY_SECONDS)
        except UnhealthyError:
            return
        self._is_done = True
        if not self._opener(f"http://{address}/"):
            self._screen.note(NO_BROWSER)
