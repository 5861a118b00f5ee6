"""The catalogue of sources: its examples are events that the shipped declaration accepts."""

import re
from itertools import groupby
from pathlib import Path

import pytest

from events.cloudevent import CloudEvent, decode_json
from events.fact import Family
from events.producers.model import load_producers
from tests.support.guide import blocks_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "sources.md"
FAMILIES = [one for one in Family if one not in (Family.OBSERVATIONS, Family.EXPLANATIONS)]
ROW = re.compile(r"^\| \[(\w+)\]\(#\S+\) \| `([\w-]+)` \| (\w+) \|", re.MULTILINE)


def examples() -> list[CloudEvent]:
    """Read the examples as the gateway would; raises ContractError for what is no event."""
    blocks = blocks_of(PAGE)
    assert {block.language for block in blocks} == {"json"}
    return [decode_json(block.text) for block in blocks]


def test_each_family_has_an_example() -> None:
    """In the order of the families, each valid by its contract; of some facts more than one."""
    assert [family for family, _ in groupby(event.fact.FAMILY for event in examples())] == FAMILIES


@pytest.mark.parametrize("event", examples(), ids=lambda event: event.id)
def test_the_declared_producer_may_send_its_example(event: CloudEvent) -> None:
    declared = load_producers()
    producer = declared.of_source(event.source)
    assert producer is not None
    assert declared.refusal(producer.id, event.source, event.type) is None
    declared.ownership.judge(event)


def test_the_table_says_what_is_declared() -> None:
    """Of each family: its producer, and how often that promises to send."""
    declared = load_producers()
    by_family = {event.fact.FAMILY.value: declared.of_source(event.source) for event in examples()}
    assert ROW.findall(PAGE.read_text(encoding="utf-8")) == [
        (family, one.id, str(one.expected_every)) for family, one in by_family.items() if one
    ]
