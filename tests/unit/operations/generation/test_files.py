"""What is generated, and what that needs."""

import re

import pytest

from boundary.errors import SmartRegionError
from events.registry import FACTS
from operations.generation.files import check_words, contracts_page


def test_what_lacks_a_french_word_is_named_with_its_place() -> None:
    """It was a KeyError of `generate`, and of the page once an event of it was looked at."""
    with pytest.raises(SmartRegionError, match=r"libraries in entities, library\.opened in facts"):
        check_words(["libraries"], ["library.opened"])


CLOSED = "fr.iledefrance.smartregion.school.closed.v1"


def test_the_page_links_to_what_is_released() -> None:
    page = contracts_page(FACTS.keys() - {CLOSED})

    linked = re.findall(r"\(released/(.+)\.json\)", page)
    assert set(linked) == FACTS.keys() - {CLOSED}
    (row,) = (line for line in page.splitlines() if f"`{CLOSED}`" in line)
    assert row.endswith("| not released yet |")
