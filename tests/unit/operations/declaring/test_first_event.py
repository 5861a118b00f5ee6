"""A producer's first event."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from events.cloudevent import decode_json
from events.producers.model import Producers
from events.registry import FACTS
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
    made = first_event(declared.producers[0], NOW)
    event = decode_json(json.dumps(made).encode())

    assert (event.type, event.source, event.time) == (kind, "urn:example:a", NOW)
    assert event.fact.effective_day == NOW.date()
    assert is_its_own(made, declared)
