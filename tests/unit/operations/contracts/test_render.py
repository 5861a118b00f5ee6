"""The contracts as files."""

import json
import re

from events.registry import FACTS
from events.topics import topic_name
from operations.contracts.render import contracts_page, rendered

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


def test_a_document_is_json_in_utf_8() -> None:
    """Accents stay as they are written."""
    text = rendered()["asyncapi.json"]

    assert "Région" in text
    assert json.loads(text)["asyncapi"] == "3.0.0"


def test_a_document_is_complete_in_itself() -> None:
    """No reference of a served document leads out of it."""
    for name, text in rendered().items():
        references = re.findall(r'"\$ref": "([^"]*)"', text)
        assert [one for one in references if not one.startswith("#/")] == [], name
