"""Take README's picture of the delegate's page: `make picture`.

It shows the simulated Région at the end of 2018, as `tests.support.knowledge` has it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from tests.support.browser import WIDE, opened_browser
from tests.support.served_page import page_over

PICTURE: Final = Path(__file__).parents[2] / "docs" / "page.png"
HEIGHT: Final = 800
"""In CSS pixels: the first screen."""


def take() -> None:
    """Write the picture."""
    with (
        tempfile.TemporaryDirectory() as folder,
        opened_browser(Path(folder)) as browser,
        page_over() as page,
        page.serving() as address,
    ):
        browser.reset(address)
        browser.size(WIDE, HEIGHT)
        browser.open("/")
        PICTURE.write_bytes(browser.screenshot(whole=False))


if __name__ == "__main__":
    take()
