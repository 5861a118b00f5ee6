"""The page of the contracts."""

import re

from events.registry import FACTS
from events.topics import topic_name
from operations.generation.contracts_page import contracts_page

CLOSED = "fr.iledefrance.smartregion.school.closed.v1"


def test_the_page_names_every_type_and_topic() -> None:
    """A reader finds each event by its type, under its topic."""
    page = contracts_page(FACTS)

    assert all(f"`{name}`" in page for name in FACTS)
    assert all(f"## `{topic_name(fact.FAMILY)}`" in page for fact in FACTS.values())


def test_the_page_links_to_what_is_released() -> None:
    """A type that is not has no schema in the repository, and says so."""
    page = contracts_page(FACTS.keys() - {CLOSED})

    linked = re.findall(r"\(released/(.+)\.json\)", page)
    assert set(linked) == FACTS.keys() - {CLOSED}
    (row,) = (line for line in page.splitlines() if f"`{CLOSED}`" in line)
    assert row.endswith("| not released yet |")
