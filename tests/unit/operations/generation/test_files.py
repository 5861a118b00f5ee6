"""What is generated, and what that needs."""

import re
from pathlib import Path

import pytest

from boundary.errors import SmartRegionError
from catalogue.metrics import (
    ASSESSOR_METRICS,
    GATEWAY_METRICS,
    PAGE_METRICS,
    PRODUCER_METRICS,
    WORKER_METRICS,
)
from events.registry import FACTS
from events.topics import topic_name
from operations.generation.files import check_words, contracts_page, metrics_page


def test_what_lacks_a_french_word_is_named_with_its_place() -> None:
    """It was a KeyError of `generate`, and of the page once an event of it was looked at."""
    with pytest.raises(SmartRegionError, match=r"libraries in ENTITIES, library\.opened in FACTS"):
        check_words(["libraries"], ["library.opened"])


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


DOCUMENTED = (
    *WORKER_METRICS,
    *PRODUCER_METRICS,
    *ASSESSOR_METRICS,
    *GATEWAY_METRICS,
    *PAGE_METRICS,
)

ROOT = Path(__file__).parents[4]


def test_has_a_section_for_every_metric() -> None:
    """Nothing is exposed that is not documented."""
    assert [line for line in metrics_page().splitlines() if line.startswith("## `")] == [
        f"## `{metric.name}`" for metric in DOCUMENTED
    ]


def test_says_what_an_operator_does() -> None:
    """Each remedy is on the page."""
    page = metrics_page()

    assert all(metric.remedy in page for metric in DOCUMENTED)


def test_says_that_it_is_generated_and_from_what() -> None:
    """Whoever wants to correct it finds where."""
    assert metrics_page().startswith("<!-- Generated from catalogue/metrics.py")
