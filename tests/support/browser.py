"""A real browser on the page: what a reader sees, console messages, and axe-core's findings."""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final
from unicodedata import normalize

from selenium.common.exceptions import (
    JavascriptException,
    NoSuchElementException,
    StaleElementReferenceException,
)
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tests.support.requirements import give_up, require_programs
from tests.support.waiting import wait_until

ROOT: Final = Path(__file__).parents[2]
NODE_MODULES: Final = ROOT / "tests" / "browser" / "node_modules"
AXE: Final = NODE_MODULES / "axe-core" / "axe.min.js"
CHECKER: Final = NODE_MODULES / "vnu-jar" / "build" / "dist" / "vnu.jar"
"""The W3C's checker, a Java program."""
REMEDY: Final = "run deploy/debian-packages.sh as root on Debian"

WIDE: Final = 1280
NARROW: Final = 320
"""Widths of a window, in CSS pixels; the narrow one is that of WCAG's criterion 1.4.10, Reflow."""
PAPER: Final = 672
"""The width of A4 between margins of 16 mm, in CSS pixels."""
LIGHT: Final = "light"
DARK: Final = "dark"
SECONDS: Final = 10.0

#: What axe-core checks: WCAG 2.2 at levels A and AA, the RGAA's mapping, and good practice.
RULES: Final = (
    *("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"),
    *("RGAAv4", "best-practice"),
)

#: Runs before a page's own scripts, and records violations of the page's policy.
_WATCH: Final = """
window.forbidden = [];
window.ran = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.forbidden.push(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""


class Browser:
    """One window of a headless Chromium, which reaches this machine alone."""

    def __init__(self, driver: Chrome) -> None:
        self._driver = driver
        self.base = ""
        """The address that paths begin with."""
        self._send("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)

    def reset(self, base: str) -> None:
        """Reset it as for a new reader: a wide light window with scripts and an empty console."""
        self.base = base
        self.scripts(on=True)
        self.media()
        self.size(WIDE)
        self._driver.get("about:blank")
        self._driver.delete_all_cookies()
        self.said()

    # What a reader does.

    def open(self, path: str) -> None:
        self._driver.get(self.base + path)

    def follow(self, text: str, *, within: str = "body") -> None:
        """Click the first link whose visible text contains `text`."""
        self.click(self.link(text, within=within))

    def link(self, text: str, *, within: str = "body") -> WebElement:
        for one in self.all(f"{within} a"):
            if text in one.text:
                return one
        raise NoSuchElementException(f"{text!r} in {within} of {self.path}")

    def click(self, element: WebElement) -> None:
        before = self._driver.execute_script("return window.performance.timeOrigin")
        element.click()
        wait_until(
            lambda: self._driver.execute_script("return window.performance.timeOrigin") != before,
            seconds=SECONDS,
        )

    def press(self, *keys: str) -> None:
        actions = ActionChains(self._driver, duration=0)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    def choose(self, name: str, value: str) -> None:
        self.run("document.getElementsByName(arguments[0])[0].value = arguments[1]", name, value)

    # The window's properties.

    def size(self, width: int, height: int = 900) -> None:
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def media(self, scheme: str = LIGHT, *, media: str = "") -> None:
        """Prefer a colour scheme; `media` may be `print`."""
        self._send(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def scripts(self, *, on: bool) -> None:
        self._send("Emulation.setScriptExecutionDisabled", value=not on)

    # What a reader sees.

    @property
    def path(self) -> str:
        return self._driver.current_url.removeprefix(self.base)

    @property
    def title(self) -> str:
        return self._driver.title

    def text(self, selector: str = "body") -> str:
        """Return the visible text of the first such element."""
        return self._driver.find_element(By.CSS_SELECTOR, selector).text

    def all(self, selector: str) -> list[WebElement]:
        return self._driver.find_elements(By.CSS_SELECTOR, selector)

    @property
    def active(self) -> WebElement:
        return self._driver.switch_to.active_element

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - as scripts are
        """Return what a script returns; the page's policy does not bind it."""
        return self._driver.execute_script(script, *arguments)

    def wait(self, holds: Callable[[], object]) -> bool:
        """Wait until a condition holds; return False if it does not in time.

        The page may be replaced during the check: elements found before are then stale.
        """

        def looks_so() -> bool:
            try:
                return bool(holds())
            except (NoSuchElementException, StaleElementReferenceException):
                return False

        return wait_until(looks_so, seconds=SECONDS)

    def printed(self) -> bytes:
        """Return the page as PDF, on A4."""
        answer = self._send(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, generateTaggedPDF=True
        )
        return base64.b64decode(answer["data"])

    def screenshot(self, *, whole: bool = True) -> bytes:
        """Return the whole page as PNG, or what the window shows of it."""
        answer = self._send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    # What is wrong.

    def said(self) -> list[str]:
        """Return and clear the console's messages and the violations of the page's policy."""
        entries: list[dict[str, Any]] = self._driver.execute("getLog", {"type": "browser"})["value"]
        console = [f"{one['level']} {one['source']}: {one['message']}" for one in entries]
        try:
            forbidden: list[str] = self.run("return window.forbidden || []")
        except JavascriptException:
            forbidden = []
        return console + forbidden

    def violations(self) -> list[str]:
        """Return what axe-core finds in the page: one line for each element of each rule."""
        if not self.run("return 'axe' in window"):
            self.run(_axe())
        found: list[dict[str, Any]] = self._driver.execute_async_script(
            """
            const [tags, done] = arguments;
            axe.run(document, {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]})
              .then((result) => done(result.violations), (error) => done([{
                id: "axe", nodes: [{target: [], html: String(error), failureSummary: ""}]}]));
            """,
            list(RULES),
        )
        return [
            f"{rule['id']}: {node['target']} {node['html'][:200]} {node['failureSummary']}"
            for rule in found
            for node in rule["nodes"]
        ]

    def _send(self, command: str, **parameters: Any) -> dict[str, Any]:
        # Chromium's own protocol, for what WebDriver has no command.
        answer: dict[str, Any] = self._driver.execute_cdp_cmd(command, parameters)
        return answer


@cache
def _axe() -> str:
    return AXE.read_text(encoding="utf-8")


def plain_text(text: str) -> str:
    """Return text without typesetting: line breaks and ligatures."""
    return re.sub(r"\s", "", normalize("NFKC", text))


def require_checkers() -> None:
    """Give up if axe-core or the W3C's checker is missing."""
    if not (AXE.exists() and CHECKER.exists()):
        give_up("axe-core and the W3C's checker are missing: run tests/packages.sh tests/browser")


@contextmanager
def opened_browser(folder: Path) -> Iterator[Browser]:
    """Yield a browser whose profile is in a folder; give up if there is no browser."""
    require_programs("chromium", "chromedriver", remedy=REMEDY)
    require_checkers()
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        "--headless",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--no-first-run",
        # Neither the page nor the browser connects to any other machine.
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--no-proxy-server",
        f"--user-data-dir={folder}",
    ):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Otherwise Chromium does not start as root.
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Name both programs: otherwise Selenium's own manager would download others.
    driver = Chrome(options=options, service=ChromeService(shutil.which("chromedriver")))
    try:
        driver.set_script_timeout(60)
        driver.set_page_load_timeout(60)
        yield Browser(driver)
    finally:
        driver.quit()
