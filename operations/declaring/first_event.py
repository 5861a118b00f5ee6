"""A producer's first event, to try: the example of its first fact, as of today."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from events.cloudevent import decode_json
from events.contracts.json_schema import schema_of
from events.errors import ContractError
from events.producers.model import Producer, Producers
from events.registry import FACTS

__all__ = ["first_event", "is_its_own"]


def first_event(producer: Producer, now: datetime) -> dict[str, Any]:
    """Return an event in structured mode that the contract accepts; `now` is aware.

    Raises ContractError where the clock is at a time that no event may have.
    """
    kind = next(kind for kind in FACTS if kind in producer.event_types)
    fact = FACTS[kind]
    example = schema_of(fact)["examples"][0]["data"]
    # A period of one day stays one.
    today = {name: now.date().isoformat() for name in example if example[name] == example[fact.DAY]}
    event = {
        "specversion": "1.0",
        "id": f"{producer.id}-first-event",
        "source": producer.sources[0],
        "type": kind,
        "time": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "data": {**example, **today},
    }
    decode_json(json.dumps(event).encode())
    return event


def is_its_own(event: dict[str, Any], producers: Producers) -> bool:
    """Return False where the event's entity is another owner's, or nobody's."""
    try:
        producers.ownership.judge(decode_json(json.dumps(event).encode()))
    except ContractError:
        return False
    return True
