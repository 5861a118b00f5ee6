"""The files of docs/contracts."""

import json
from pathlib import Path

from events.contracts.render import rendered
from events.registry import FACTS
from events.topics import topic_name

FOLDER = Path(__file__).parents[4] / "docs" / "contracts"


def test_the_committed_files_are_today_s() -> None:
    """What others read is what the code checks: `make generated` has been run."""
    files = rendered()
    committed = {name: (FOLDER / name).read_text(encoding="utf-8") for name in files}

    assert committed == files


def test_there_is_no_schema_of_a_type_that_is_gone() -> None:
    """The folder holds the schemas of the registered facts, and no other."""
    assert {file.stem for file in (FOLDER / "schemas").iterdir()} == FACTS.keys()


def test_the_page_names_every_type_and_topic() -> None:
    """A reader finds each event by its type, under its topic."""
    page = rendered()["README.md"]

    assert all(f"`{name}`" in page for name in FACTS)
    assert all(f"## `{topic_name(fact.FAMILY)}`" in page for fact in FACTS.values())


def test_a_document_is_json_in_utf_8() -> None:
    """Accents stay as they are written."""
    text = rendered()["asyncapi.json"]

    assert "Région" in text
    assert json.loads(text)["asyncapi"] == "3.0.0"
