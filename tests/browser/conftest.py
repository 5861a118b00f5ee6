"""One browser a run, the page over the simulated years, and pictures of what failed."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from selenium.common.exceptions import WebDriverException

from tests.support.browser import Browser, opened_browser
from tests.support.knowledge import LAST_DAY, knowledge
from tests.support.served_page import COMPLETE, ServedPage, page_over

SCREENSHOTS = "BROWSER_SCREENSHOTS"
"""The variable that names the folder where pictures are kept; by default the run's own."""


@pytest.fixture(scope="session")
def served() -> Iterator[tuple[ServedPage, str]]:
    """Give the run's one page, and its address."""
    with page_over(simulated=True) as page, page.serving() as address:
        yield page, address


@pytest.fixture(scope="session")
def one_browser(
    served: tuple[ServedPage, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """Give the run's one browser: it ends before the page, whose changes it listens to."""
    del served
    with opened_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def page(served: tuple[ServedPage, str]) -> Iterator[ServedPage]:
    """Give the page, which is as it was once a test is over that changes it."""
    page, _ = served
    yield page
    page.known, page.today, page.completeness = knowledge(), LAST_DAY, COMPLETE


@pytest.fixture
def browser(
    one_browser: Browser, served: tuple[ServedPage, str], page: ServedPage, tmp_path: Path
) -> Browser:
    """Give the browser as a new reader has it."""
    del page, tmp_path  # A picture of a failure is kept in the second.
    one_browser.reset(served[1])
    return one_browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a picture of what the browser showed when a test failed."""
    report = yield
    given = getattr(item, "funcargs", {})
    browser = given.get("browser")
    if report.failed and call.when == "call" and isinstance(browser, Browser):
        chosen = os.environ.get(SCREENSHOTS)
        folder = Path(chosen) if chosen else given["tmp_path"]
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', item.name)}.png"
        try:
            file.write_bytes(browser.screenshot())
            report.sections.append(("Browser", f"{browser.path}\n{file}"))
        except WebDriverException as error:
            report.sections.append(("Browser", f"no picture: {error.msg}"))
    return report
