"""A producer's first event."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from events.cloudevent import decode_json
from events.producers.loader import load_producers
from events.producers.model import Producers
from events.registry import FACTS
from events.school import SchoolRegistered
from operations.declaring.first_event import first_event, is_its_own

NOW = datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("kind", FACTS)
def test_the_contract_accepts_it(kind: str) -> None:
    """Of every fact, on any day."""
    declared = Producers.model_validate(
        {
            "producers": [
                {
                    "id": "a",
                    "title": "A",
                    "contact": "a team",
                    "sources": ["urn:example:a"],
                    "types": [kind],
                    "owns": [kind],
                    "quota": {"events_per_second": 1, "burst": 1},
                    "expected_every": "daily",
                }
            ]
        }
    )
    made = first_event(declared.producers[0], declared, NOW)
    event = decode_json(json.dumps(made).encode())

    assert (event.type, event.source, event.time) == (kind, "urn:example:a", NOW)
    assert event.fact.effective_day == NOW.date()
    assert is_its_own(made, declared)


@pytest.mark.parametrize(
    ("types", "share", "entity"),
    [
        ("school.registered", {"territories": ["D77"]}, "0770001H"),
        ("broadband.*", {"territories": ["D93"]}, "93001"),
        ("broadband.*", {"entities": ["77186"]}, "77186"),
        ("indicator.observed", {"entities": ["IND-042/R11"]}, "IND-042/R11"),
        (
            "milestone.explained",
            {"territories": ["D95"]},
            "schools_connected_ratio/all_connected/D95/result",
        ),
        ("coworking.*", {"entities": ["site-*-nord", "site-0042"]}, "site-1-nord"),
        ("grant.*", {"entities": ["CR-*"]}, "CR-1"),
        ("broadband.*", {"entities": ["7718*"]}, "77181"),
        ("school.closed", {"entities": ["077*"]}, "0770001H"),
        ("indicator.observed", {"entities": ["IND-9*"]}, "IND-91/D75"),
        ("indicator.observed", {"entities": ["IND-*/D77"]}, "IND-1/D77"),
    ],
)
def test_it_is_about_an_entity_of_its_own(types: str, share: object, entity: str) -> None:
    """Where the rest is another's: a lycée or a commune there, one named, or made of a pattern."""
    shipped = [one.model_dump(mode="json") for one in load_producers()]
    own = {
        "id": "mine",
        "title": "Mine",
        "contact": "a team",
        "sources": ["urn:example:mine"],
        "types": [types],
        "owns": [{"types": [types]} | share],  # type: ignore[operator]
        "quota": {"events_per_second": 1, "burst": 1},
        "expected_every": "daily",
    }
    declared = Producers.model_validate({"producers": [*shipped, own]})
    made = first_event(declared.producers[-1], declared, NOW)

    assert is_its_own(made, declared)
    fact = decode_json(json.dumps(made).encode()).fact
    assert fact.entity_id == entity
    if isinstance(fact, SchoolRegistered):
        assert fact.commune[:2] == "77"
